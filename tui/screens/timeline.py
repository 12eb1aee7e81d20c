"""The timeline: phases and activity of each SIP over simulated time, and the busiest links of a window of it."""

from textual.app import ComposeResult

from kernbench.common.units import Fs
from tui.page import Page
from tui.panels.footer import Key
from tui.panels.timeline import Timeline
from tui.panels.window import Window

LEAST = 5
LEAST_TIMES = 7
"""Lines of the ruler, one SIP, how many more there are and the cursor."""
STRIDE = 10


class TimelinePage(Page):
    """Left and right move the cursor, up and down ten cells or the SIPs; Enter begins and ends a window."""

    KEYS = (Key("Enter", "Window", "open"), Key("Esc", "Clear", "close"), Key("g", "Go to", "do('go')"))
    HELP_LINES = (
        "compute: the mean of GEMM and vector engines; move: DMA engines or links to other SIPs, the busier.",
        "Enter begins a window at the cursor, Enter ends it; below are the busiest links in it.",
        "Up and down move the cursor by ten cells; where not all SIPs have room they show the others.",
        "g asks for a time to go to; on this page its default is the cursor.",
    )

    def panels(self) -> ComposeResult:
        """The lines and the list."""
        self.timeline = Timeline(self.view, id="timeline")
        yield self.timeline
        yield Window(self.view, id="window")

    def place(self, width: int, height: int) -> None:  # noqa: ARG002  # time takes any width
        """The lines get what they need."""
        self.timeline.styles.height = min(3 + 3 * self.view.plan.sips, max(LEAST_TIMES, height - LEAST))

    def move(self, across: int, down: int) -> None:
        """The cursor; up and down show other SIPs where not all of them have room."""
        view = self.view
        if down and len(self.timeline.shown(self.timeline.size.height)) < view.plan.sips:
            view.timeline_top += down  # as far as it goes: the picture sees to that
            return
        self.view.cursor = max(0, self.view.cursor + across + STRIDE * down)

    def time(self) -> Fs:
        """The time at the cursor."""
        return self.timeline.stretch(self.timeline.size.width).time(self.view.cursor)

    def open(self) -> str:
        """Begin a window, or end it."""
        view = self.view
        if view.brush_from is None:
            view.brush_from = self.time()
        else:
            begin, end = sorted((view.brush_from, self.time()))
            view.brush_from = None
            if end > begin:
                view.brush = (begin, end)
        return ""

    def back(self) -> str:
        """Forget the window, or go to the overview."""
        view = self.view
        if view.brush is None and view.brush_from is None:
            return "overview"
        view.brush = view.brush_from = None
        return ""
