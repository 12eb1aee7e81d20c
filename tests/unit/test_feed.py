"""The live page: the newest whole frame or nothing, whatever stands in the file."""

import stat
import struct
import threading

import msgspec
import pytest

from kernbench.telemetry.feed import SPARE, FeedReader, FeedWriter
from kernbench.telemetry.frame import Frame, SipState

LINKS = 3000


def frame(number, links=LINKS):
    return Frame(
        worker=0,
        sequence=number,
        wall_s=number / 10,
        since=number,
        now=number + 1,
        state="running",
        events=number,
        windows=number,
        messages=0,
        wait_s=0.0,
        cpu_s=0.0,
        rss=0,
        lookahead=0,
        sips=(SipState(0, number, number, 0),),
        links=bytes([number % 251]) * links,
        units=bytes([number % 251]) * 100,
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "feed-0"


@pytest.fixture
def feed(path):
    writer = FeedWriter(path, SPARE + LINKS)
    yield writer
    writer.close()


def test_a_reader_gets_the_newest_frame(feed, path):
    for number in range(3):
        feed.write(frame(number))
    assert FeedReader(path).read() == frame(2)


def test_a_page_that_is_not_there_or_holds_no_frame_yet_gives_none(feed, path, tmp_path):
    assert (FeedReader(tmp_path / "feed-1").read(), FeedReader(path).read()) == (None, None)


def test_a_page_belongs_to_its_owner_alone(feed, path):
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_frame_larger_than_the_page_is_left_out_and_the_last_one_stays(feed, path):
    assert (feed.write(frame(1)), feed.write(frame(2, links=SPARE + LINKS))) == (True, False)
    assert FeedReader(path).read() == frame(1)


def test_the_last_frame_stays_readable_when_the_publisher_is_gone(path):
    writer = FeedWriter(path, SPARE + LINKS)
    writer.write(frame(7))
    writer.close()
    assert FeedReader(path).read() == frame(7)


@pytest.mark.parametrize("at", [0, 8, 12, 16, 24, 28, 32, 40, 2000])
def test_a_page_with_one_wrong_byte_is_refused(feed, path, at):
    feed.write(frame(1))
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 0x41]))
    assert FeedReader(path).read() in ((None, frame(1)) if at == 12 else (None,))


def test_a_length_beyond_the_capacity_is_refused(feed, path):
    feed.write(frame(1))
    with path.open("r+b") as file:
        file.seek(24)
        file.write(struct.pack("<I", 0xFFFFFFFF))
    assert FeedReader(path).read() is None


def test_a_page_cut_short_under_a_reader_is_refused(feed, path):
    feed.write(frame(1))
    reader = FeedReader(path)
    reader.read()
    with path.open("r+b") as file:
        file.truncate(200)
    assert reader.read() is None


def test_a_whole_page_that_is_no_frame_is_refused(feed, path):
    feed.write_body(msgspec.msgpack.encode(["not", "a", "frame"]))
    assert FeedReader(path).read() is None


def test_a_torn_page_is_never_returned(feed, path):
    seen, torn, over = set(), [], threading.Event()

    def look():
        reader = FeedReader(path)
        while not over.is_set():
            found = reader.read()
            if found is not None:
                seen.add(found.sequence)
                if found != frame(found.sequence):
                    torn.append(found.sequence)

    viewer = threading.Thread(target=look)
    viewer.start()
    number = 0
    while number < 4000 or len(seen) < 3:
        number += 1
        feed.write(frame(number))
    over.set()
    viewer.join()
    assert torn == []
