"""A page: one screen of the monitor, a header, its panels and the keys that it knows."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.screen import Screen

from tui.board import Board
from tui.panels.footer import Footer, Key
from tui.panels.header import Header
from tui.view import View

TALL = 22
"""Screens of fewer lines have a header of one line."""


class Page(Screen[None]):
    """What the pages have in common; `place` gives each panel its lines from the size of the screen."""

    KEYS: ClassVar[tuple[Key, ...]] = ()
    TITLE_OF_HELP: ClassVar[str] = ""
    HELP_LINES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, view: View) -> None:
        super().__init__()
        self.view = view
        self.header = Header(view, id="header")
        self.footer = Footer(view, self.KEYS, id="footer")

    def compose(self) -> ComposeResult:
        """The header, the panels, the footer."""
        yield self.header
        yield from self.panels()
        yield self.footer

    def panels(self) -> ComposeResult:
        """What stands between header and footer."""
        raise AssertionError(f"{type(self).__name__} has no panels")

    def place(self, width: int, height: int) -> None:
        """Give each panel its place on a screen of this size, header and footer not counted."""
        raise AssertionError(f"{type(self).__name__} has no place for panels in {width} x {height}")

    def on_mount(self) -> None:
        """Arrange as the screen is now."""
        self.fit()

    def on_resize(self) -> None:
        """Arrange anew."""
        self.fit()

    def on_screen_resume(self) -> None:
        """It may have been another size while another page was shown."""
        self.fit()
        self.redraw()

    def fit(self) -> None:
        """Arrange for the size of the terminal."""
        width, height = self.app.size
        self.view.width, self.view.height = width, height
        top = 2 if height >= TALL else 1
        self.header.styles.height = top
        self.footer.styles.height = 1
        self.place(width, height - top - 1)

    @property
    def boards(self) -> list[Board]:
        """The panels, header and footer that are there by now."""
        return [*self.query(Board)]

    def redraw(self) -> None:
        """Draw what changed on every panel that is shown."""
        for board in self.boards:
            if board.display:
                board.redraw()

    def move(self, across: int, down: int) -> None:
        """An arrow key."""

    def open(self) -> str:
        """Enter; the name of the page to go to, or nothing."""
        return ""

    def back(self) -> str:
        """Esc; the name of the page to go to, or nothing."""
        return "overview"

    def text(self) -> str:
        """What there is to show, as plain text."""
        self.redraw()
        rows: list[str] = [""] * self.app.size.height
        for board in sorted(self.boards, key=lambda each: (each.region.y, each.region.x)):
            region = board.region
            for y in range(region.height if board.display else 0):
                if 0 <= region.y + y < len(rows):
                    row = rows[region.y + y].ljust(region.x)
                    rows[region.y + y] = row + board.render_line(y).text
        return "\n".join(row.rstrip() for row in rows).rstrip() + "\n"
