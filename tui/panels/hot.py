"""The hottest links: now, average, 99th percentile, GB/s of the maximum, queue, reason and the last moments."""

from collections.abc import Sequence

from tui.board import Board
from tui.glyphs import Line, Part, level_of, percent_of
from tui.rows import Figures, figures
from tui.text import ends, fit, head, right

SPARK, SHORT_SPARK = 20, 8
"""Moments of the history that a long name leaves on a wide table and on a narrow one."""


class Hot(Board):
    """A row for each pinned link, then for the hottest of all SIPs."""

    shown: Sequence[int] = ()

    def lines(self, width: int, height: int) -> list[Line]:
        """A heading and rows."""
        view = self.view
        rows = height - 1
        pins = view.pins[:rows]
        hottest = [link for link in self.candidates(rows + len(pins)) if link not in pins]
        self.shown = [*pins, *hottest][:rows]
        columns = Columns(width, max([len(view.plan.short[link]) for link in self.shown], default=20))
        lines = [columns.heading("HOTTEST LINKS")]
        for place, link in enumerate(self.shown):
            mark = view.glyphs.mark if link in view.pins else str(place + 1)
            lines.append(link_line(self, columns, mark, link, figures(view, link)))
        if not self.shown:
            lines.append(((" no link has moved anything lately", "dim"),))
        return lines

    def candidates(self, most: int) -> list[int]:
        """The links to show, the busiest first."""
        return self.view.store.hottest(most)

    def target(self, x: int, y: int) -> bool:  # noqa: ARG002  # a whole line is one target
        """Choose the link of the line."""
        if not 1 <= y <= len(self.shown):
            return False
        self.view.choose_link(self.shown[y - 1])
        return True


class HotHere(Hot):
    """The hottest links of the chosen SIP, or of its chosen cube when that is open."""

    def candidates(self, most: int) -> list[int]:
        """The links to show, the busiest first."""
        view = self.view
        if view.cube_open:
            return view.store.hottest(most, view.plan.of_cube[view.sip][view.cube])
        layout = view.plan.layout
        return view.store.hottest(most, [n for n, link in enumerate(layout.links) if link.sip == view.sip])


class Columns:
    """Which columns a table of links of some width has; the name takes what is left, the history what that leaves."""

    def __init__(self, width: int, longest: int) -> None:
        self.average = width >= 70
        self.rate = width >= 64
        self.queue = width >= 76
        self.reason = width >= 96
        fixed = 4 + 5 + 10 * self.average + 13 * self.rate + 6 * self.queue + 16 * self.reason + 1
        least = SHORT_SPARK if width < 96 else SPARK
        self.name = min(max(longest, 12), max(8, width - fixed - least))
        self.spark = max(0, width - fixed - self.name)

    def heading(self, title: str) -> Line:
        """The names of the columns."""
        text = f" {'#':<3}{head(title, self.name)}{'NOW':>5}"
        text += f"{'AVG':>5}{'P99':>5}" * self.average + f"{'GB/s of max':>13}" * self.rate
        text += f"{'QUEUE':>6}" * self.queue + f"  {'STALL BY':<14}" * self.reason
        title = f"LAST {self.spark}" if self.spark >= 8 else ""
        return ((text + " " + fit(title, self.spark), "head"),)


def link_line(board: Board, columns: Columns, mark: str, link: int, figure: Figures) -> Line:
    """One link in a table."""
    view = board.view
    glyphs = view.glyphs
    chosen = link == view.link
    heat = f"h{level_of(figure.now)}"
    parts: list[Part] = [
        (f"{'>' if chosen else ' '}{fit(mark, 2)} ", "key"),
        (ends(view.plan.short[link], columns.name, glyphs.gap), "bold" if chosen else ""),
        (f"{percent_of(figure.now):4}%", heat),
    ]
    if columns.average:
        parts.append((f"{percent_of(figure.average):4}%", f"h{level_of(figure.average)}"))
        parts.append((f"{percent_of(figure.p99):4}%", f"h{level_of(figure.p99)}"))
    if columns.rate:
        top = view.plan.layout.links[link].bw / 1e9
        parts += [(right(f"{view.store.gbs(link) / 1e9:.1f}", 8), ""), (fit(f"/{top:.4g}", 5), "dim")]
    if columns.queue:
        parts.append((right(figure.queue, 6), ""))
    if columns.reason:
        parts.append(("  " + head(figure.reason, 14), "warn" if figure.reason != glyphs.dot else "dim"))
    parts.append((" " + glyphs.spark(figure.trace, columns.spark), heat))
    return tuple((text, f"{name}+row") for text, name in parts) if chosen else tuple(parts)
