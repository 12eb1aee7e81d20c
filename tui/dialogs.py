"""Dialogs: a line to type, a choice of keys, a text to read."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from kernbench.common.errors import UsageError

SHARE, MOST, EDGE = 90, 88, 6
"""Width of a dialog: percent of the screen, cells at most, and what border, padding and scrollbar take of them."""

CSS = """
Ask, Choose, Read { align: center middle; background: #000000 40%; }
.box { width: 90%; max-width: 88; height: auto; max-height: 90%; background: #16202d; color: #c9d4e3;
       border: solid #4f86b0; padding: 0 1; }
.box.ascii { border: ascii #4f86b0; }
.title { color: #8fd0ff; text-style: bold; height: auto; }
.problem { color: #ffb454; height: auto; }
.box Input, .box Input:focus { border: none; height: 1; padding: 0; background: #0b0f14; }
.box Static { height: auto; width: 100%; }
"""


def room(columns: int) -> int:
    """Cells of a line of text in a dialog on a screen so wide."""
    return max(1, min(MOST, columns * SHARE // 100) - EDGE)


class Ask(ModalScreen[str | None]):
    """Asks for a line; `check` says what is wrong with it by raising UsageError, and the dialog stays."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss", "Cancel")]

    def __init__(self, title: str, value: str, check: Callable[[str], object], *, style: str) -> None:
        super().__init__()
        self._title = title
        self._value = value
        self._check = check
        self._style = style

    def compose(self) -> ComposeResult:
        """The question, the line, what is wrong with it."""
        with Vertical(classes=f"box {self._style}"):
            yield Static(self._title, markup=False, classes="title")
            yield Input(self._value, select_on_focus=False)
            yield Static("Enter: take it   Esc: leave it as it was", markup=False, classes="problem")

    def on_mount(self) -> None:
        """A caret that does not blink: nothing is drawn for nothing."""
        line = self.query_one(Input)
        line.cursor_blink = False
        line.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the line, or say why not."""
        try:
            self._check(event.value)
        except UsageError as error:
            self.query(Static).last(Static).update(str(error))
            return
        self.dismiss(event.value)


class Choose(ModalScreen[str | None]):
    """Offers keys; the one pressed or clicked is the answer."""

    def __init__(self, title: str, choices: Sequence[tuple[str, str]], *, style: str) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._style = style

    def compose(self) -> ComposeResult:
        """The question and a line for each key."""
        with Vertical(classes=f"box {self._style}"):
            yield Static(self._title, markup=False, classes="title")
            for place, (key, text) in enumerate(self._choices):
                yield Static(f"  {key}   {text}", markup=False, id=f"choice{place}")
            yield Static("  Esc   leave it as it is", markup=False)

    def on_key(self, event: events.Key) -> None:
        """Answer with a key that was offered."""
        event.stop()
        if event.key == "escape":
            self.dismiss(None)
        elif event.key in {key for key, _ in self._choices}:
            self.dismiss(event.key)

    def on_click(self, event: events.Click) -> None:
        """Answer with a line that was clicked."""
        name = event.widget.id if event.widget is not None else None
        if name is not None and name.startswith("choice"):
            self.dismiss(self._choices[int(name.removeprefix("choice"))][0])


class Read(ModalScreen[None]):
    """Shows a text; any key closes it, arrows scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,enter,space,d", "dismiss", "Close")]

    def __init__(self, title: str, text: str, *, style: str) -> None:
        super().__init__()
        self._title = title
        self._text = text
        self._style = style

    def compose(self) -> ComposeResult:
        """The text, to be scrolled."""
        with VerticalScroll(classes=f"box {self._style}"):
            yield Static(self._title, markup=False, classes="title")
            yield Static(self._text, markup=False)
