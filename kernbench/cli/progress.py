"""How far a run is, on stderr: one line that changes on a terminal, a line every few seconds elsewhere."""

import shutil
import sys

from actors.control import Hooks, Progress
from kernbench.common.units import format_time

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
        self._shown = 0

    def progress(self, progress: Progress) -> None:
        """Show it, unless that was done a moment ago."""
        if progress.wall_s < self._due:
            return
        self._due = progress.wall_s + self._every
        text = self._describe(progress)
        if not self._terminal:
            sys.stderr.write(f"kernbench: {text}\n")
        else:
            text = text[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r{text:<{self._shown}}")
            self._shown = len(text)
        sys.stderr.flush()

    def clear(self) -> None:
        """Leave nothing on the terminal's line."""
        if self._shown:
            sys.stderr.write(f"\r{'':<{self._shown}}\r")
            sys.stderr.flush()
            self._shown = 0

    def _describe(self, progress: Progress) -> str:
        speed = progress.events / max(progress.wall_s, 1e-9)
        parts = [
            f"{progress.wall_s:.0f} s",
            f"{format_time(progress.sim_time)} simulated",
            f"{progress.events:,} events ({speed:,.0f}/s)",
            f"{progress.windows:,} windows",
        ]
        left = []
        if self._max_events is not None:
            left.append(max(0.0, (self._max_events - progress.events) / max(speed, 1e-9)))
        if self._timeout_s is not None:
            left.append(max(0.0, self._timeout_s - progress.wall_s))
        if left:
            parts.append(f"at its limit in {min(left):.0f} s")
        return ", ".join(parts)
