"""The busiest links of a window of time: what they moved, not how long a slower link held them."""

from pathlib import Path

from kernbench.common.units import FS_PER_NS
from kernbench.telemetry.layout import Layout, LinkPlace
from kernbench.telemetry.reader import RunReader
from kernbench.telemetry.rows import PhaseRow, Utilisation
from tui.glyphs import UNICODE
from tui.palette import palette_for
from tui.panels.timeline import LABEL, Timeline
from tui.panels.window import Window, exact
from tui.plan import Plan
from tui.source import Facts
from tui.view import View

RECORDING = Path(__file__).parent / "recording"
GB = 10**9
FAST, SLOW = (
    LinkPlace(name, "fabric", 0, *name.split("->"), bw * GB) for name, bw in (("sip0->sip1", 100), ("sip1->sip0", 10))
)
WIDTH = 1000 * FS_PER_NS


def view_of(layout, end):
    """A view of a run that ended then."""
    view = View(Plan(layout), UNICODE, palette_for(None, no_color=True), "")
    view.activity.end = end
    return view


def two_links():
    return view_of(Layout("b", {}, 2, 1, 1, 1, (FAST, SLOW), (), ((0, 1),)), 2 * WIDTH)


def test_a_link_that_a_slower_one_holds_has_the_load_and_rate_of_what_it_moved():
    used = Utilisation(
        WIDTH, {each.name: [WIDTH, 0] for each in (FAST, SLOW)}, {FAST.name: [10_000, 0], SLOW.name: [10_000, 0]}
    )
    assert exact(two_links(), used, 0, 2 * WIDTH) == [
        (SLOW.name, 0.5, 5.0 * GB),
        (FAST.name, 0.05, 5.0 * GB),
    ]


def test_a_packet_that_starts_in_one_bucket_and_ends_in_the_next_counts_whole_in_a_window_of_both():
    used = Utilisation(WIDTH, {SLOW.name: [WIDTH // 2, WIDTH // 2]}, {SLOW.name: [10_000, 0]})
    view = two_links()
    assert exact(view, used, 0, 2 * WIDTH) == [(SLOW.name, 0.5, 5.0 * GB)]
    assert exact(view, used, 0, WIDTH) == [(SLOW.name, 0.5, 5.0 * GB)]


def test_over_a_whole_run_each_rate_is_what_the_books_of_the_link_say():
    reader = RunReader(RECORDING)
    end = max(frame.now for frame in reader.frames())
    view = view_of(reader.layout, end)
    shown = {name: rate for name, _, rate in exact(view, reader.utilisation(), 0, end)}
    books = {link.name: link.moved * 10**15 / end for link in reader.links()}
    short = {
        name: books[link.name] for name, link in zip(view.plan.short, reader.layout.links, strict=True) if name in shown
    }
    assert len(shown) == 64
    assert {name: round(rate / GB, 3) for name, rate in shown.items()} == {
        name: round(rate / GB, 3) for name, rate in short.items()
    }


def test_a_load_has_the_digits_of_a_report():
    used = Utilisation(WIDTH, {SLOW.name: [WIDTH, 0]}, {SLOW.name: [980, 0]})
    view = two_links()
    view.facts = Facts(utilisation=used)
    line = "".join(text for text, _ in Window(view).lines(80, 10)[1])
    assert line.split()[1:4] == ["4.9%", "0.5", "GB/s"]


def test_a_phase_has_its_name_where_most_of_it_is_seen_and_no_scraps_of_it_elsewhere():
    view = two_links()
    view.activity.end = 60
    view.facts = Facts(
        phases=(PhaseRow(0, "row 0: 256KiB", 0, 60), PhaseRow(0, "barrier", 0, 2), PhaseRow(0, "send", 20, 21))
    )
    line = Timeline(view).lines(LABEL + 60, 9)[2]
    assert "".join(text for text, _ in line)[LABEL:] == "[ " + " " * 18 + "[" + "row 0: 256KiB".ljust(39)
