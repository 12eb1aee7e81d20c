"""What SIGINT, SIGTERM and SIGHUP do to the process of a command: first end the command, never spoil how it ends."""

import atexit
import os
import signal
from types import FrameType
from typing import Any, Self

from kernbench.common.errors import ExitCode

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def exit_code(number: int) -> ExitCode:
    """What a command ends with that such a signal ended."""
    return ExitCode.SIGINT if number == signal.SIGINT else ExitCode.SIGTERM


class Signals:
    """The handler of the three. Whoever runs a simulation may put its own in front for a while.

    While the command works, a signal raises in the main thread. Once it `ends` (its result or its one error is being told)
    one more changes nothing, so that what is told is whole, and the next ends the process at once. While Python itself
    ends all are ignored: its own handlers are gone by then, and the exit code would be the signal's.
    """

    def __init__(self) -> None:
        self._ending = self._late = False

    def listen(self) -> None:
        """Handle them from now on; whoever had one ignored, as `nohup` has SIGHUP, means it."""
        atexit.register(_ignore)
        for number in NUMBERS:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._on_signal)

    def end(self) -> None:
        """The command ends now."""
        self._ending = True

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._late:
            os._exit(exit_code(number))
        if self._ending:
            self._late = True
        elif number == signal.SIGINT:
            raise KeyboardInterrupt
        else:
            raise SystemExit(int(exit_code(number)))


class Held:
    """Signals that come in a `with` of this raise nothing there; `number` is the latest. What has begun is then whole.

    Whoever does not look at `number` calls `deliver` once the `with` is over.
    """

    def __init__(self) -> None:
        self.number = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in NUMBERS:
            before = signal.getsignal(number)
            if before != signal.SIG_IGN:
                self._before[number] = before
                signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def deliver(self) -> None:
        """Let the latest, if there was one, do what it would have done."""
        if self.number:
            signal.raise_signal(self.number)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.number = number


def _ignore() -> None:
    for number in NUMBERS:
        signal.signal(number, signal.SIG_IGN)
