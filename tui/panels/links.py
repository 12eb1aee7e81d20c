"""The table of all links: filtered, sorted, with a history of each."""

from tui.board import Board
from tui.glyphs import Line
from tui.panels.hot import Columns, link_line
from tui.rows import figures, select
from tui.text import head, plain
from tui.view import View

EVERY = 5
"""Moments between two orders of the table: a row under the cursor must not run away ten times a second."""


class Links(Board):
    """Rows around the chosen one; `order` is what the filter lets through."""

    SCROLLS = True

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(view, id=id)
        self.order: list[int] = []
        self._asked: tuple[str, int] = ("", -1)
        self._ordered_at = -EVERY
        self._top = 0

    def lines(self, width: int, height: int) -> list[Line]:
        """What is shown and how, the heading, and as many rows as fit."""
        view = self.view
        self.sort()
        rows = max(1, height - 2)
        row = self.row()
        self._top = min(max(self._top, row - rows + 1), row)
        self._top = max(0, min(self._top, len(self.order) - rows))
        total = len(view.plan.layout.links)
        text = f" LINKS  {len(self.order):,} of {total:,}   sorted by {view.sort_name.upper()}   filter: "
        text += plain(view.filter_text) or "none"
        shown = self.order[self._top : self._top + rows]
        columns = Columns(width, max([len(name) for name in view.plan.short], default=20))
        lines: list[Line] = [((head(text, width), "headbold"),), columns.heading("LINK")]
        for link in shown:
            mark = view.glyphs.mark if link in view.pins else ""
            lines.append(link_line(self, columns, mark, link, figures(view, link)))
        if not shown:
            lines.append(((" no link passes the filter; / changes it", "warn"),))
        return lines

    def sort(self) -> None:
        """Put the links in order anew, if it is time or something else is asked for."""
        view = self.view
        asked = (view.filter_text, view.sort)
        due = abs(view.store.moments - self._ordered_at) >= EVERY
        if asked != self._asked or (due and not view.paused):
            self._asked = asked
            self._ordered_at = view.store.moments
            self.order = select(view)

    def row(self) -> int:
        """The place of the chosen link, 0 when it is filtered out."""
        return self.order.index(self.view.link) if self.view.link in self.order else 0

    def move(self, rows: int) -> None:
        """Choose another link so many rows further."""
        if self.order:
            place = self.row() + rows if self.view.link in self.order else 0
            self.view.choose_link(self.order[max(0, min(len(self.order) - 1, place))])

    def target(self, x: int, y: int) -> bool:  # noqa: ARG002  # a whole line is one target
        """Choose the link of the line."""
        place = self._top + y - 2
        if y < 2 or place >= len(self.order):
            return False
        self.view.choose_link(self.order[place])
        return True
