"""The busiest links of the window of time that was brushed, or of the whole run."""

from kernbench.common.units import Fs, carry_time
from kernbench.telemetry.frame import FULL
from kernbench.telemetry.rows import Utilisation
from tui.board import Board
from tui.glyphs import Line, level_of
from tui.text import fit, head, plain, rate, time
from tui.view import View

NAME = 44


class Window(Board):
    """Exact from the buckets of simulated time once the run is over, from frames before."""

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(view, id=id)
        self._asked: tuple[Fs, Fs, bool, int] | None = None
        self._rows: list[tuple[str, float, float]] = []

    def lines(self, width: int, height: int) -> list[Line]:
        """A heading and the busiest links, each with its mean load, to the digit that a report has."""
        view = self.view
        begin, end = view.brush or (0, view.activity.end)
        asked = (begin, end, bool(view.facts.utilisation), len(view.tape.frames) // 50)
        if asked != self._asked:
            self._asked = asked
            used = view.facts.utilisation
            self._rows = sampled(view, begin, end) if used is None else exact(view, used, begin, end)
        what = "exact" if view.facts.utilisation else "from frames"
        title = f" BUSIEST LINKS from {time(begin)} to {time(end)} ({what})"
        lines: list[Line] = [((head(title, width), "head"),)]
        name_width = min(NAME, max(16, width - 36))
        cells = max(0, width - name_width - 26)
        for name, share, moving in self._rows[: height - 1]:
            value = round(share * FULL)
            full, empty = view.glyphs.gauge(value, cells)
            heat = f"h{level_of(value)}"
            lines.append(
                (
                    (f" {fit(plain(name), name_width)}", ""), (f"{share:6.1%} ", heat),
                    (f"{rate(moving):>12}  ", ""), (full, heat), (empty, "dim"),
                )
            )  # fmt: skip
        if len(lines) == 1:
            lines.append(((" nothing moved in it", "dim"),))
        return lines


def exact(view: View, used: Utilisation, begin: Fs, end: Fs) -> list[tuple[str, float, float]]:
    """Name, mean load (0 to 1) and bytes/s from the buckets that the window touches.

    A load is of what a link moved, as in frames and reports: one that a slower one holds is busy as long and moves less.
    """
    places = {link.name: (view.plan.short[number], link.bw) for number, link in enumerate(view.plan.layout.links)}
    first, last = begin // used.width, max(begin // used.width, (end - 1) // used.width)
    span = max(1, min(view.activity.end, (last + 1) * used.width) - first * used.width)
    found = []
    for name in used.busy.keys() & places.keys():
        short, bw = places[name]
        # A packet's bytes all count as it starts: over the window no link is in use for longer than it was busy.
        busy, moved = (sum(columns[name][first : last + 1]) for columns in (used.busy, used.moved))
        in_use = min(busy, carry_time(moved, bw))
        if in_use > 0:
            found.append((in_use, short, bw))
    found.sort(key=lambda each: (-each[0], each[1]))
    return [(short, min(1.0, in_use / span), bw * in_use / span) for in_use, short, bw in found[:64]]


def sampled(view: View, begin: Fs, end: Fs) -> list[tuple[str, float, float]]:
    """The same from the frames that lie in the window, at most a thousand of them."""
    layout = view.plan.layout
    sums: dict[int, list[int]] = {}
    spans: dict[int, int] = {}
    inside = [
        frame for frame in view.tape.frames if frame.now > begin and frame.since < end and frame.now > frame.since
    ]
    for frame in inside[:: max(1, len(inside) // 1000)]:
        span = frame.now - frame.since
        row = sums.setdefault(frame.worker, [0] * len(frame.links))
        spans[frame.worker] = spans.get(frame.worker, 0) + span
        for place, value in enumerate(frame.links):
            if value and place < len(row):
                row[place] += value * span
    rows = []
    for worker, row in sums.items():
        for number, total in zip(layout.links_of(worker), row, strict=False):
            if total:
                link = layout.links[number]
                share = min(1.0, total / spans[worker] / FULL)
                rows.append((view.plan.short[number], share, link.bw * share))
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:64]
