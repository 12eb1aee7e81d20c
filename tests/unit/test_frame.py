"""Frames: what goes in comes out, and each kind of damage has its own words."""

import msgspec
import pytest

from actors.frame import HEADER, FrameReader, FrameWriter
from kernbench.common.errors import WorkerError


def reader(source=3):
    return FrameReader("worker 3", source, msgspec.msgpack.Decoder(list[bytes]))


def feed(target, data, step=1 << 20):
    bodies = []
    for start in range(0, len(data), step):
        target.feed(data[start : start + step])
        while (body := target.next()) is not None:
            bodies.append(body)
    return bodies


def frames(*bodies, source=3):
    writer = FrameWriter(source)
    return [bytes(writer.encode(body)) for body in bodies]


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_bodies_come_out_in_order_however_the_bytes_are_cut(step):
    bodies = [[b"a"], [], [b"b" * 300, b"c"]]
    assert feed(reader(), b"".join(frames(*bodies)), step) == bodies


def test_bodies_larger_than_the_buffer_come_out_whole():
    bodies = [[b"x"], [bytes(range(256)) * 4000], [b"y" * 70_000], [b"z"]]
    assert feed(reader(), b"".join(frames(*bodies)), 60_000) == bodies


def test_a_missing_frame_is_a_gap():
    first, _, third = frames([], [], [])
    with pytest.raises(WorkerError, match="number 2 where 1 is due: a gap"):
        feed(reader(), first + third)


def test_a_repeated_frame_is_a_repeat():
    first, second = frames([], [])
    with pytest.raises(WorkerError, match="number 1 where 2 is due: a repeat"):
        feed(reader(), first + second + second)


@pytest.mark.parametrize("position", range(HEADER.size, HEADER.size + 6))
def test_a_flipped_bit_in_the_body_is_a_bad_crc(position):
    (frame,) = frames([b"data"])
    damaged = bytearray(frame)
    damaged[position] ^= 4
    with pytest.raises(WorkerError, match="bad crc32"):
        feed(reader(), bytes(damaged))


def test_a_length_that_nobody_writes_is_refused_before_any_memory_is_taken():
    with pytest.raises(WorkerError, match="claims 4294967295 bytes, over the limit"):
        feed(reader(), HEADER.pack(0xFFFFFFFF, 3, 0, 0))


def test_a_frame_of_another_source_is_refused():
    with pytest.raises(WorkerError, match="says it comes from 4, expected 3"):
        feed(reader(), frames([], source=4)[0])


def test_a_body_of_the_wrong_shape_is_refused():
    with pytest.raises(WorkerError, match="number 0 cannot be decoded"):
        feed(reader(), frames({"not": "a list"})[0])
