"""What may cut a run short or hold it: Ctrl-C, SIGTERM, a time limit and the commands of whoever watches."""

import signal
import threading
import time
from collections import deque
from types import FrameType, TracebackType
from typing import Any, Self

import msgspec

from kernbench.common.messages.island import Command
from kernbench.common.units import Fs

INTERRUPT, TERMINATED, TIMEOUT, MAX_EVENTS = "interrupt", "terminated", "timeout", "max-events"
"""Why a run stopped early; a hook may give other reasons."""

_REASONS = {signal.SIGINT: INTERRUPT, signal.SIGTERM: TERMINATED}


class Progress(msgspec.Struct, frozen=True):
    """How far a run is, a few times a second; `waiting` names the islands that wait for another one."""

    windows: int
    events: int
    sim_time: Fs
    wall_s: float
    waiting: tuple[int, ...] = ()


class Hooks:
    """Who watches a run; override what is needed. Both methods are called often and must return at once."""

    def progress(self, progress: Progress) -> None:
        """The run has come so far."""

    def command(self) -> Command | None:
        """The next command for the run, if any."""
        return None


class Control:
    """The source of commands for one run; a context that takes over Ctrl-C and SIGTERM while it is open.

    The first signal stops the run at the next window, the second raises KeyboardInterrupt (SystemExit for SIGTERM) wherever
    Python is. A pause
    stops the time limit.
    """

    def __init__(self, hooks: Hooks, timeout_s: float | None = None) -> None:
        self._hooks = hooks
        self._timeout_s = timeout_s
        self._pending: deque[Command] = deque()
        self._signalled = False
        self._handlers: dict[signal.Signals, Any] = {}
        self._begin = self._paused_at = 0.0
        self.paused = False
        self.slowed = False

    @property
    def held(self) -> bool:
        """Whether somebody who watches holds the run back: then no progress is no hang."""
        return self.paused or self.slowed

    def __enter__(self) -> Self:
        self._begin = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            self._handlers = {number: signal.signal(number, self._on_signal) for number in _REASONS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def poll(self) -> Command | None:
        """The next command, if there is one."""
        command = self._pending.popleft() if self._pending else self._hooks.command() or self._check_timeout()
        if command is not None:
            if command.action == "speed":
                self.slowed = command.amount > 0
            else:
                self._note_pause(command.action in ("pause", "step"))
        return command

    def report(self, windows: int, events: int, sim_time: Fs, waiting: tuple[int, ...] = ()) -> None:
        """Tell the hooks how far the run is."""
        self._hooks.progress(Progress(windows, events, sim_time, time.monotonic() - self._begin, waiting))

    def _check_timeout(self) -> Command | None:
        if self._timeout_s is None or self.paused or time.monotonic() - self._begin < self._timeout_s:
            return None
        self._timeout_s = None
        return Command("stop", TIMEOUT)

    def _note_pause(self, paused: bool) -> None:
        now = time.monotonic()
        if paused and not self.paused:
            self._paused_at = now
        elif self.paused and not paused:
            self._begin += now - self._paused_at
        self.paused = paused

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._signalled:
            if number == signal.SIGTERM:
                raise SystemExit(128 + number)
            raise KeyboardInterrupt
        self._signalled = True
        self._pending.append(Command("stop", _REASONS[signal.Signals(number)]))
