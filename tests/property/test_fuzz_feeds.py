"""Feed pages that were torn, cut or forged: a frame that every panel of the monitor can draw, or none."""

import struct
import tempfile
import zlib
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.cli import execute
from kernbench.telemetry.feed import LARGEST, MAGIC, VERSION, FeedReader, feed_path
from kernbench.telemetry.frame import Frame
from kernbench.telemetry.layout import Layout
from kernbench.telemetry.reader import LAYOUT, RunReader
from tui.board import Board
from tui.glyphs import UNICODE
from tui.mesh import Mesh
from tui.palette import palette_for
from tui.panels.footer import Footer
from tui.plan import Plan
from tui.screens import PAGES
from tui.tiers import choose_grid
from tui.view import View

SOME = settings(max_examples=settings().max_examples)
PAGE = struct.Struct("<8sIIQII")
ODD = [-1, 0, 1, 10**6, 2**62, 2**63 - 1, -(2**63), 2**64 - 1, 1.5, -1.0, 1e308, float("nan"), float("inf"), None, "",
       "ended", "sip9.x", "\x1b[31m", "a\nb", "x" * 300, b"", b"\0" * 40, [], [[]], [[0, "", 0, None]] * 20]  # fmt: skip


@cache
def recorded():
    """(layout.json, the last frame as lists) of a genuine run."""
    with tempfile.TemporaryDirectory() as folder:
        line = ["run", "--sips", "2", "--workers", "1", "--set", "cube_mesh=1x1", "--size", "1KiB", "--out", folder]
        with redirect_stdout(StringIO()):
            assert execute(line) == 0
        *_, last = RunReader(Path(folder)).frames()
        return Path(folder, LAYOUT).read_bytes(), msgspec.msgpack.decode(msgspec.msgpack.encode(last))


@cache
def boards():
    """Every panel of every page, and the view that they draw from."""
    plan = Plan(msgspec.json.decode(recorded()[0], type=Layout))
    view = View(plan, UNICODE, palette_for("truecolor", no_color=False), "run")
    panels = [kind(view, ()) if kind is Footer else kind(view) for kind in kinds(Board)]
    for each in panels:
        if isinstance(each, Mesh):
            each.grid = choose_grid(plan, 120, 40)
    return view, panels


def kinds(board):
    """All classes below it; the pages have been imported, so all panels are among them."""
    return [kind for own in board.__subclasses__() for kind in (own, *kinds(own))]


def draw(frames):
    """Take them in as the monitor does, then draw every panel."""
    view, panels = boards()
    view.store.clear()
    for frame in frames:
        view.store.apply([frame])
        view.activity.add(frame)
    view.tape.extend(frames)
    for panel in panels:
        panel.lines(120, 40)


def changed(content, way, odd):
    """The contents with one value, found by going down `way`, replaced."""
    if not way or not isinstance(content, list) or not content:
        return odd
    at = way[0] % len(content)
    return [*content[:at], changed(content[at], way[1:], odd), *content[at + 1 :]]


def page(body, *, capacity=1 << 16, sequence=2, length=None, checksum=None, magic=MAGIC, version=VERSION):
    """A page as its writer leaves it, or with a head that lies."""
    length = len(body) if length is None else length
    checksum = zlib.crc32(body[:length], sequence & 0xFFFFFFFF) if checksum is None else checksum
    return PAGE.pack(magic, version, capacity, sequence, length, checksum) + body


WAYS = st.lists(st.integers(0, 40), min_size=1, max_size=4)
HEADS = st.fixed_dictionaries(
    {},
    optional={
        "capacity": st.sampled_from([0, 1, LARGEST, 2**31, 2**32 - 1]),
        "sequence": st.sampled_from([0, 1, 3, 4, 2**32, 2**64 - 2, 2**64 - 1]),
        "length": st.sampled_from([0, 1, LARGEST, LARGEST + 1, 2**31, 2**32 - 1]),
        "checksum": st.integers(0, 2**32 - 1),
        "magic": st.binary(max_size=8),
        "version": st.sampled_from([0, 2, 2**32 - 1]),
    },
)


def polled(content):
    """What a viewer of a run with this page gets, drawn."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        (directory / LAYOUT).write_bytes(recorded()[0])
        feed_path(directory, 0).write_bytes(content)
        reader = RunReader(directory)
        first, second = reader.poll(), reader.poll()
    assert first == second
    draw(first)
    return first


@SOME
@given(st.lists(st.tuples(WAYS, st.sampled_from(ODD)), min_size=1, max_size=2))
@example([([2], float("nan"))])
@example([([4], -1)])
def test_a_forged_frame_is_drawn_or_left_out(changes):
    content = recorded()[1]
    for way, odd in changes:
        content = changed(content, way, odd) if isinstance(content, list) else content
    polled(page(msgspec.msgpack.encode(content)))


@SOME
@given(st.binary(max_size=80), HEADS, st.floats(0, 1), st.integers(0, 255), st.booleans())
@example(b"\x91" * 5000, {}, 1.0, 0, True)
@example(b"", {"length": 2**31, "capacity": 2**32 - 1}, 1.0, 0, False)
@example(b"\xdd\xff\xff\xff\xff", {}, 1.0, 0, True)
def test_a_torn_page_gives_a_frame_of_the_layout_or_none(body, head, share, flip, own):
    whole = page(body if own else msgspec.msgpack.encode(recorded()[1]), **head)
    at = int(share * (len(whole) - 1))
    torn = whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :] if flip else whole[: at + 1]
    for frame in polled(torn):
        assert isinstance(frame, Frame)


def test_the_forgeries_begin_with_a_page_that_is_drawn_and_the_pages_have_their_panels():
    (frame,) = polled(page(msgspec.msgpack.encode(recorded()[1])))
    view, panels = boards()
    assert view.store.frames == {0: frame}
    assert len(panels) > 2 * len(PAGES)
    assert FeedReader(Path("absent")).read() is None
