"""The terminal of a monitor: Textual's driver, which neither waits for nor fails with one that has gone away."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App


class Output:
    """The file of a terminal. When a write fails the terminal `is_gone`, and what is written to it goes nowhere.

    Textual writes in a thread of its own and waits for it, without end if that thread died of a closed terminal.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.is_gone = False

    def fileno(self) -> int:
        """The number of the file."""
        return self._file.fileno()

    def write(self, text: str) -> None:
        """Write text, as far as there is a terminal."""
        self._attempt(self._file.write, text)

    def flush(self) -> None:
        """Send what was written."""
        self._attempt(self._file.flush)

    def _attempt(self, act: Callable[..., object], *given: str) -> None:
        if not self.is_gone:
            try:
                act(*given)
            except OSError:
                self.is_gone = True


class Terminal(LinuxDriver):
    """Textual's driver, writing to an `Output`."""

    def __init__(self, app: "App[object]", **options: Any) -> None:
        super().__init__(app, **options)
        assert sys.__stderr__ is not None  # a monitor is only shown where it is a terminal
        self.output = Output(sys.__stderr__)
        self._file = self.output  # type: ignore[assignment]  # Textual writes and flushes it, no more
