"""The record: every frame or a fair choice of them, readable up to the last whole one."""

import random
import stat
from itertools import pairwise

import msgspec
import pytest

from kernbench.telemetry.chunks import damage
from kernbench.telemetry.frame import Frame, SipState
from kernbench.telemetry.record import KEY_EVERY, NAME, RecordReader, RecordWriter


def frames(count, links=64):
    draw = random.Random(7)
    return [
        Frame(
            worker=0,
            sequence=number,
            wall_s=number / 10,
            since=number * 1000,
            now=number * 1000 + 1000,
            state="running",
            events=number,
            windows=number,
            messages=0,
            wait_s=0.0,
            cpu_s=0.0,
            rss=0,
            lookahead=0,
            sips=(SipState(0, number, number, 0),),
            links=bytes(draw.randrange(251) if draw.random() < 0.2 else 0 for _ in range(links)),
            units=bytes(draw.randrange(251) for _ in range(8)),
        )
        for number in range(count)
    ]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "frames-0"


def write(path, kept, limit=1 << 20):
    writer = RecordWriter(path, limit)
    for frame in kept:
        writer.write(frame)
    writer.close()


def test_what_was_written_is_read(path):
    kept = frames(2 * KEY_EVERY + 5)
    write(path, kept)
    assert list(RecordReader(path)) == kept


def test_a_file_cut_at_any_byte_gives_the_frames_before_the_cut(path, tmp_path):
    kept = frames(6)
    write(path, kept)
    whole, cut = path.read_bytes(), tmp_path / "cut"
    counts = []
    for length in range(len(whole) + 1):
        cut.write_bytes(whole[:length])
        found = list(RecordReader(cut))
        assert found == kept[: len(found)]
        counts.append(len(found))
    assert (counts == sorted(counts), counts[0], counts[-1]) == (True, 0, len(kept))


def test_a_damaged_byte_ends_the_record_there(path):
    kept = frames(10)
    write(path, kept)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = list(RecordReader(path))
    assert (found == kept[: len(found)], 0 < len(found) < len(kept)) == (True, True)


def test_a_file_that_is_cut_damaged_empty_or_gone_is_told_from_a_whole_one(path, tmp_path):
    write(path, frames(3))
    whole = path.read_bytes()
    assert damage(path, NAME) == ""
    for name, data, said in (
        ("cut", whole[:-5], "the last "),
        ("changed", whole[:-1] + bytes([whole[-1] ^ 1]), "the last "),
        ("empty", b"", "is empty"),
    ):
        other = tmp_path / name
        other.write_bytes(data)
        assert said in damage(other, NAME)
    assert damage(tmp_path / "gone", NAME) == "is not there"


def test_any_frame_is_found_by_number_and_by_time_in_any_order(path):
    kept = frames(100)
    write(path, kept)
    reader = RecordReader(path)
    order = random.Random(1).sample(range(100), 100)
    assert [reader.frame(number) for number in order] == [kept[number] for number in order]
    assert (reader.at(50_500), reader.at(0), reader.at(10**9)) == (kept[49], kept[0], kept[99])


def test_a_file_that_grows_is_read_on(path):
    kept = frames(5)
    writer = RecordWriter(path)
    reader = RecordReader(path)
    grown = []
    for frame in kept:
        writer.write(frame)
        reader.refresh()
        grown.append(len(reader))
    writer.close()
    assert (grown, list(reader)) == ([1, 2, 3, 4, 5], kept)


def test_a_file_that_is_not_there_holds_no_frame(path):
    assert (list(RecordReader(path)), RecordReader(path).at(0)) == ([], None)


def test_a_record_that_fills_up_thins_out_and_stays_within_its_limit(path):
    kept = [*frames(4000), msgspec.structs.replace(frames(1)[0], sequence=4000, state="ended")]
    limit = 60_000
    write(path, kept, limit)
    reader = RecordReader(path)
    numbers = [frame.sequence for frame in reader]
    gaps = [after - before for before, after in pairwise(numbers)]
    assert path.stat().st_size <= limit
    assert (gaps[0], max(gaps) >= 8, numbers[-1]) == (1, True, 4000)
    assert reader.left_out + len(reader) == 4001


def test_a_record_belongs_to_its_owner_alone(path):
    write(path, frames(1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
