"""A board: lines of styled text on Textual's Line API; only lines that changed are drawn again."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Segment, Strip  # type: ignore[attr-defined]  # a line of Textual is made of rich's segments
from textual.widget import Widget

from tui.glyphs import Line, Part
from tui.palette import Palette
from tui.view import View

BLANK: Line = ()


class Board(Widget, can_focus=False):
    """A widget whose content is what `lines` returns; `redraw` compares it with what is shown, line by line."""

    DEFAULT_CSS = "Board { width: 1fr; height: 1fr; }"
    SCROLLS: ClassVar[bool] = False
    """Whether it may have more lines than there is room for, which up and down show, and so does the wheel."""

    class Picked(Message):
        """The mouse chose something, which is written into the view; `opened` when it was a double click."""

        def __init__(self, opened: bool) -> None:
            super().__init__()
            self.opened = opened

    class Asked(Message):
        """The mouse asked for an action of the application."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.view = view
        self.drawn: list[Line] = []
        self._strips: dict[int, Strip] = {}
        self._width = 0

    def lines(self, width: int, height: int) -> list[Line]:
        """The lines to show in so many cells."""
        raise AssertionError(f"{type(self).__name__} draws nothing in {width} x {height}")

    def target(self, x: int, y: int) -> bool:  # noqa: ARG002  # most boards have nothing to click
        """Choose what stands there, if anything does."""
        return False

    def changed(self) -> list[int]:
        """Take the lines as they are now; which of them are others than before. Textual is told when all may be."""
        width, height = self.size
        if not width or not height:
            return []
        fresh = self.lines(width, height)[:height]
        fresh += [BLANK] * (height - len(fresh))
        shown, self.drawn = self.drawn, fresh
        if len(shown) != len(fresh) or width != self._width:
            self._width = width
            self._strips.clear()
            self.refresh()
            return []
        changed = [y for y, line in enumerate(fresh) if line != shown[y]]
        for y in changed:
            self._strips.pop(y, None)
        return changed

    def redraw(self) -> None:
        """Have Textual draw what changed since the last time."""
        regions = [Region(0, y, self.size.width, 1) for y in self.changed()]
        if regions:
            self.refresh(*regions)

    def render_line(self, y: int) -> Strip:
        """The strip of a line, from the cache unless it changed."""
        strip = self._strips.get(y)
        if strip is None:
            strip = self._strips[y] = self._strip(self.drawn[y] if y < len(self.drawn) else BLANK)
        return strip

    def on_resize(self) -> None:
        """Another size is another picture."""
        self.drawn = []
        self.redraw()

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; a double click opens it."""
        if self.target(event.x, event.y):
            self.post_message(self.Picked(opened=event.chain > 1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel is the down key where that shows more."""
        self._scroll(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel is the up key too."""
        self._scroll(event, -1)

    def _scroll(self, event: events.MouseEvent, down: int) -> None:
        event.stop()
        if self.SCROLLS:
            self.post_message(self.Asked(f"move(0, {down})"))

    def render_lines(self, crop: Region) -> list[Strip]:
        """The strips of a part: boards have no borders, and the palette does what Textual's filters would."""
        width, ground = self.size.width, self.view.palette.style("")
        strips = [self.render_line(y) for y in crop.line_range]
        # What was not drawn at this width yet must cover what the page before has left there.
        strips = [strip if strip.cell_length == width else strip.adjust_cell_length(width, ground) for strip in strips]
        return strips if crop.column_span == (0, width) else [strip.crop(*crop.column_span) for strip in strips]

    def _strip(self, line: Line) -> Strip:
        style_of = self.view.palette.style
        strip = Strip([Segment(text, style_of(name)) for text, name in merged(line, self.view.palette)])
        if strip.cell_length != self._width:
            strip = strip.adjust_cell_length(self._width, style_of(""))
        return strip


def merged(line: Sequence[Part], palette: Palette) -> list[Part]:
    """The same line in as few parts as can be: blanks join what stands before them if their ground is the same."""
    ground_of = palette.ground_of
    parts: list[Part] = []
    text, last, ground = "", "", ground_of("")
    for part, name in line:
        if name == last:
            text += part
            continue
        own = ground_of(name)
        if own == ground and part.isspace():
            text += part
            continue
        if text:
            parts.append((text, last))
        text, last, ground = part, name, own
    if text:
        parts.append((text, last))
    return parts
