"""How far a run is, on stderr: one line that changes on a terminal, a line every few seconds elsewhere."""

import sys
from typing import TYPE_CHECKING

from actors.control import Hooks, Progress
from kernbench.cli.terminal import note
from kernbench.common.units import format_time

if TYPE_CHECKING:
    from rich.progress import Progress as Line

TERMINAL_S, LINES_S = 0.2, 5.0
"""Between two reports, in seconds of the run's own clock: no clock is read here."""


class ProgressLine(Hooks):
    """Shows windows, events, simulated time and speed, and what is left of the limits that were set.

    How long a run will take is not known before its end, so no such number is made up.
    """

    def __init__(self, max_events: int | None = None, timeout_s: float | None = None) -> None:
        self._max_events = max_events
        self._timeout_s = timeout_s
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._every = TERMINAL_S if self._terminal else LINES_S
        self._due = self._every
        self._line: Line | None = None

    def progress(self, progress: Progress) -> None:
        """Show it, unless that was done a moment ago."""
        if progress.wall_s < self._due:
            return
        self._due = progress.wall_s + self._every
        text = self._describe(progress)
        if not self._terminal:
            note(f"kernbench: {text}")
            return
        if self._line is None:
            self._line = _line()
            self._line.start()
        for task in self._line.task_ids:
            self._line.update(task, description=text, refresh=True)

    def clear(self) -> None:
        """Leave nothing on the terminal's line."""
        if self._line is not None:
            self._line.stop()
            self._line = None

    def _describe(self, progress: Progress) -> str:
        speed = progress.events / max(progress.wall_s, 1e-9)
        left = []
        if self._max_events is not None and progress.events:  # before the first nobody knows
            left.append(max(0.0, (self._max_events - progress.events) / speed))
        if self._timeout_s is not None:
            left.append(max(0.0, self._timeout_s - progress.wall_s))
        # What matters least comes last: a narrow terminal cuts it.
        parts = [
            f"{progress.wall_s:.0f} s",
            *([f"at its limit in {min(left):.0f} s"] if left else []),
            f"{format_time(progress.sim_time)} simulated",
            f"{progress.events:,} events ({speed:,.0f}/s)",
            f"{progress.windows:,} windows",
        ]
        return ", ".join(parts)


def _line() -> "Line":
    """Rich's progress without its thread and its clock: it is drawn when the run reports, and leaves no trace."""
    from rich.console import Console  # noqa: PLC0415  # a run that is over in a moment pays nothing
    from rich.progress import Progress as Line  # noqa: PLC0415  # the same
    from rich.progress import TextColumn  # noqa: PLC0415  # the same
    from rich.table import Column  # noqa: PLC0415  # the same

    line = Line(
        TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="crop")),
        console=Console(stderr=True),
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    line.add_task("", total=None)
    return line
