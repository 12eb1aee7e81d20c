"""Records and feed pages whose checksums are right and whose contents nobody wrote: read, refused, never believed."""

import tempfile
import zlib
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.cli import execute
from kernbench.common.errors import ExitCode, UsageError
from kernbench.telemetry import chunks
from kernbench.telemetry.chunks import ChunkReader, ChunkWriter, inflate
from kernbench.telemetry.feed import SPARE, FeedWriter, feed_path
from kernbench.telemetry.frame import Frame
from kernbench.telemetry.meter import Reading, utilisation
from kernbench.telemetry.reader import RunReader

SOME = settings(max_examples=settings().max_examples // 10)
HEAD = 21
"""Bytes of a recorded frame before its compressed body."""
ODD = [
    -1,
    0,
    1,
    10**6,
    2**62,
    -(2**63),
    2**64 - 1,
    1.5,
    float("nan"),
    None,
    "",
    "sip9.x",
    "\x1b[31m",
    b"",
    b"\0" * 40,
    [],
    [[]],
]


@cache
def recorded():
    """The files of a genuine run by name; run.json apart, so that reports show what the records say."""
    with tempfile.TemporaryDirectory() as folder:
        line = ["run", "--sips", "2", "--workers", "1", "--set", "cube_mesh=1x1", "--size", "1KiB", "--out", folder]
        with redirect_stdout(StringIO()):
            assert execute(line) == 0
        return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.suffix != ".csv"}


@cache
def genuine():
    """What stands in each file of chunks, and the newest frame: (name, head of the chunk, its contents)."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, data in recorded().items():
            Path(folder, name).write_bytes(data)
        for kind in ("rows", "links"):
            for sip in range(2):
                for _, body in ChunkReader(Path(folder, f"{kind}-{sip}"), kind.encode()).new():
                    found.append((f"{kind}-{sip}", b"", msgspec.msgpack.decode(inflate(body))))
        for _, body in ChunkReader(Path(folder, "frames-0"), b"frames").new():
            found.append(("frames-0", body[:HEAD], msgspec.msgpack.decode(inflate(body[HEAD:]))))
        (frame,) = RunReader(Path(folder)).poll()
    return [*found, ("feed-0", b"", msgspec.msgpack.decode(msgspec.msgpack.encode(frame)))]


def changed(content, way, odd):
    """The contents with one value, found by going down `way`, replaced."""
    if not way or not isinstance(content, list) or not content:
        return odd
    at = way[0] % len(content)
    return [*content[:at], changed(content[at], way[1:], odd), *content[at + 1 :]]


def put(folder, name, head, content):
    """Write it as its writer would."""
    body = msgspec.msgpack.encode(content)
    path = Path(folder, name)
    if name.startswith("feed"):
        page = FeedWriter(feed_path(Path(folder), 0), SPARE)
        page.write_body(body)
        page.close()
        return
    writer = ChunkWriter(path, name.partition("-")[0].encode())
    writer.append(head + zlib.compress(body))
    writer.close()


def look(directory):
    """What a monitor and a report look at; every frame must fit the layout, since a viewer indexes by it."""
    reader = RunReader(directory)
    layout = reader.layout
    for frame in (*reader.poll(), *reader.frames()):
        assert all(0 <= hot.link < len(frame.links) for hot in frame.hot)
        assert all(0 <= each.sip < layout.sips for each in (*frame.sips, *frame.phases))
    for read in (
        reader.operations,
        reader.kernels,
        reader.phases,
        reader.links,
        reader.utilisation,
        lambda: reader.dropped,
    ):
        with suppress(UsageError):
            read()


WAYS = st.lists(st.integers(0, 40), max_size=5)


@SOME
@given(st.integers(0, 30), WAYS, st.sampled_from(ODD), st.booleans())
@example(30, [16, 0, 0], -1, False)
@example(30, [13, 0, 0], 10**6, False)
@example(2, [1, 0], -1, False)
@example(0, [0, 0, 7], -1, False)
@example(3, [35, 34, 2, 34], 0, False)
def test_forged_records_are_read_or_refused(number, way, odd, finished):
    files = genuine()
    name, head, content = files[min(number, len(files) - 1)]
    with tempfile.TemporaryDirectory() as folder:
        for each, data in recorded().items():
            if finished or each != "run.json":
                Path(folder, each).write_bytes(data)
        put(folder, name, head, changed(content, way, odd))
        look(Path(folder))
        for line in (
            ["report", folder, "--json"],
            ["report", folder, "--html", f"{folder}/x.html"],
            ["trace", folder, "-o", f"{folder}/x.pftrace"],
        ):
            out, err = StringIO(), StringIO()
            with redirect_stdout(out), redirect_stderr(err):
                code = execute(line)
            assert code in {ExitCode.OK, ExitCode.USAGE}, (line, err.getvalue())
            assert "Traceback" not in err.getvalue()


@pytest.mark.parametrize(
    "odd",
    [
        Reading(100, 100, [], [0], [1], [1]),
        Reading(200, 100, [], [-1], [1], [1]),
        Reading(200, 100, [], [0], [1], []),
        Reading(1 << 62, 100, [], [0], [1], [1]),
        Reading(-1, 100, [], [0], [1], [1]),
        Reading(200, 0, [], [0], [1], [1]),
        Reading(200, 50, [], [0], [1], [1]),
    ],
)
def test_readings_end_before_one_that_no_meter_gives(odd):
    first = Reading(100, 100, ["link"], [0], [7], [9])
    good, last = Reading(200, 100, [], [0], [5], [6]), Reading(300, 100, [], [0], [3], [4])
    assert utilisation([first, good, last]).busy == {"link": [7, 5, 3]}
    if odd.edge == first.edge:  # its link never joined
        assert utilisation([odd, last]).busy == {}
    else:
        assert utilisation([first, odd, last]).busy == {"link": [7]}


def test_the_forgeries_begin_with_what_was_recorded():
    names = {name for name, _, _ in genuine()}
    assert names == {"rows-0", "rows-1", "links-0", "links-1", "frames-0", "feed-0"}
    assert {len(content) for name, _, content in genuine() if name == "feed-0"} == {len(Frame.__struct_fields__)}
    assert len(genuine()[-2][1]) == HEAD


def test_a_small_chunk_that_would_become_a_large_one_is_no_chunk(tmp_path):
    writer = ChunkWriter(tmp_path / "rows-0", b"rows")
    writer.append(zlib.compress(bytes(chunks.LARGEST + 1), 9))
    writer.close()
    assert [*chunks.batches(tmp_path / "rows-0", b"rows", bytes)] == []
