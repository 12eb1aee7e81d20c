"""What comes over a wire or a socket is what was sent, or an error of ours; nothing large is made of a large claim."""

import tracemalloc
from contextlib import suppress
from struct import pack
from zlib import crc32

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.frame import HEADER, MAX_BODY, FrameReader, FrameWriter
from kernbench.common.errors import WorkerError
from kernbench.common.messages.island import FromIsland, ToIsland, WindowFrame
from kernbench.telemetry.commands import Request, parse

MANY = settings(max_examples=3 * settings().max_examples)
DECODER = msgspec.msgpack.Decoder(WindowFrame)


def stream(count):
    """The bytes of so many frames, and where each begins."""
    writer, data, starts = FrameWriter(1), b"", []
    for number in range(count):
        starts.append(len(data))
        data += bytes(writer.encode(frame(number)))
    return data, starts


def frame(number):
    return WindowFrame(number, 2 * number, True, number, "", False, [])


def read(data, sizes):
    """All bodies that a reader gives of a stream that comes in pieces, and the error that ended it."""
    reader, found, at = FrameReader("worker 1", 1, DECODER), [], 0
    try:
        while at < len(data):
            size = sizes[len(found) % len(sizes)]
            reader.feed(data[at : at + size])
            at += size
            while (body := reader.next()) is not None:
                found.append(body)
    except WorkerError as error:
        return found, error
    return found, None


@st.composite
def spoilt(draw):
    """A stream of some frames with bits, pieces or whole frames changed, lost or doubled."""
    data, starts = stream(draw(st.integers(1, 6)))
    kind = draw(st.sampled_from(["flip", "cut", "insert", "repeat", "swap", "none"]))
    at = draw(st.integers(0, len(data) - 1))
    begin = draw(st.sampled_from(starts))
    end = next((start for start in starts if start > begin), len(data))
    if kind == "flip":
        data = data[:at] + bytes([data[at] ^ 1 << draw(st.integers(0, 7))]) + data[at + 1 :]
    elif kind == "cut":
        data = data[:at] + data[at + draw(st.integers(1, 40)) :]
    elif kind == "insert":
        data = data[:at] + draw(st.binary(min_size=1, max_size=40)) + data[at:]
    elif kind == "repeat":
        data = data[:end] + data[begin:]
    elif kind == "swap":
        data = data[:begin] + data[end:] + data[begin:end]
    return data


def moved_body():
    """Six frames of one length; the checksum and body of the third are lost, and all of the fourth before its own."""
    data, starts = stream(6)
    cut = starts[2] + 12
    return data[:cut] + data[cut + starts[1] :]


@MANY
@given(spoilt(), st.lists(st.integers(1, 64), min_size=1, max_size=4))
@example(moved_body(), [2, 1])
def test_of_a_spoilt_stream_only_what_was_sent_comes_out_and_in_order(data, sizes):
    found, _ = read(data, sizes)
    assert found == [frame(number) for number in range(len(found))]


@MANY
@given(st.binary(max_size=300))
@example(pack("<IIII", 2**31, 1, 0, 0))
@example(pack("<IIII", 2**32 - 1, 1, 0, 0) + b"x" * 100)
def test_any_bytes_are_no_frame_and_take_no_memory(data):
    tracemalloc.start()
    try:
        found, _ = read(data, [len(data) or 1])
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
    assert found == []


@MANY
@given(st.binary(max_size=200))
@example(b"\xdd\xff\xff\xff\xff")
@example(b"\x91" * 100_000)
def test_a_frame_whose_checksum_is_right_and_whose_body_is_not_is_refused(body):
    for kind in (WindowFrame, ToIsland, FromIsland):
        reader = FrameReader("worker 1", 1, msgspec.msgpack.Decoder(kind))
        reader.feed(HEADER.pack(len(body), 1, 0, crc32(body, crc32(pack("<III", len(body), 1, 0)))) + body)
        with suppress(WorkerError):
            assert reader.next() is not None


def test_a_claim_of_two_gibibytes_is_refused_at_its_header():
    reader = FrameReader("worker 1", 1, DECODER)
    reader.feed(HEADER.pack(2**31, 1, 0, 0))
    with pytest.raises(WorkerError, match=f"^a frame from worker 1 claims {2**31} bytes, over the limit of {MAX_BODY}"):
        reader.next()


ACTIONS = ["pause", "resume", "step", "speed", "stop", "capture", "", "run"]


@MANY
@given(
    st.binary(max_size=100)
    | st.builds(
        lambda action, argument, amount: msgspec.json.encode(
            {"action": action, "argument": argument, "amount": amount}
        ),
        st.sampled_from(ACTIONS),
        st.sampled_from(["", "window", "phase", "start"]) | st.text(max_size=5),
        st.integers(-(2**63), 2**64 - 1) | st.floats() | st.none(),
    )
)
@example(b"[" * 4000)
def test_a_line_of_a_viewer_is_a_request_or_a_value_error(line):
    try:
        request = parse(line)
    except (ValueError, RecursionError):  # what the server answers with a refusal
        return
    assert isinstance(request, Request)
