"""Ink: lines of boards written straight to the terminal, past Textual's layers and timers.

Textual asks every widget for all its lines, cuts them where widgets meet and waits for a timer to write what changed:
more work than the lines themselves. Boards never overlap, so a changed line can go to its place at once. Whatever
Textual draws itself (a dialog, another size, another page) comes from the same lines.
"""

from collections.abc import Callable, Iterable

from textual._compositor import CompositorUpdate  # what an app displays as it is
from textual.geometry import Region
from textual.strip import Segment, Strip  # type: ignore[attr-defined]  # a line of Textual is made of rich's segments

from tui.board import Board
from tui.glyphs import UNICODE, Line
from tui.palette import Palette

ESCAPE = "\x1b["
NARROW = frozenset({*map(chr, range(32, 127)), *UNICODE.characters})
"""What is known to take one cell: nearly all that boards show."""


class Picture(CompositorUpdate):
    """What changed on the screen, as the terminal is sent it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def render_segments(self, console: object) -> str:  # noqa: ARG002  # Textual's signature
        """The text is ready."""
        return self.text

    def __rich__(self) -> str:
        """The same, for rich."""
        return self.text


class Ink(dict[str, str]):
    """The codes of a terminal by the name of a style; each undoes the one before. `render` is Textual's way to have them."""

    def __init__(self, palette: Palette, render: Callable[[Strip], str]) -> None:
        self._palette = palette
        self._render = render

    def __missing__(self, name: str) -> str:
        """Textual knows which colours the terminal has."""
        shown = self._render(Strip([Segment("\0", self._palette.style(name))]))
        code = shown.partition("\0")[0]
        self[name] = code = f"{ESCAPE}0;{code.removeprefix(ESCAPE)}" if code else f"{ESCAPE}0m"
        return code

    def draw(self, boards: Iterable[Board], screen: Region) -> Picture | None:
        """What changed on the boards that are shown; what Textual must draw it is told."""
        found = []
        for board in boards:
            changed = board.changed() if board.display else ()
            if not changed:
                continue
            region = board.region
            if screen.contains_region(region):
                left, top, width, _ = region
                for y in changed:
                    found.append(f"{ESCAPE}{top + y + 1};{left + 1}H")
                    found.append(self.line(board.drawn[y], width) or self._render(board.render_line(y)))
            else:
                board.refresh(*[Region(0, y, region.width, 1) for y in changed])
        return Picture("".join([*found, f"{ESCAPE}0m"])) if found else None

    def line(self, line: Line, width: int) -> str:
        """A line in so many cells; nothing when it has more. Blanks go with what stands before them on the same ground."""
        ground_of = self._palette.ground_of
        text = "".join([text for text, _ in line])
        missing = width - (len(text) if NARROW.issuperset(text) else Strip([Segment(text)]).cell_length)
        if missing < 0:
            return ""
        found = []
        last = ground = None
        for text, name in line:
            if name != last and not (text.isspace() and ground_of(name) == ground):
                found.append(self[name])
                last, ground = name, ground_of(name)
            found.append(text)
        if missing:
            found.append(self[""] + " " * missing)
        return "".join(found)
