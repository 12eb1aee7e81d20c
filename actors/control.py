"""What may cut a run short or hold it: Ctrl-C, SIGTERM, limits of time and memory, the commands of whoever watches."""

import signal
import sys
import threading
import time
from collections import deque
from types import FrameType, TracebackType
from typing import Any, Never, Self

import msgspec

from actors.limits import Limits, Overdue, resident
from kernbench.common.errors import ExitCode
from kernbench.common.messages.island import Command
from kernbench.common.units import Fs

INTERRUPT, TERMINATED, TIMEOUT, MAX_EVENTS = "interrupt", "terminated", "timeout", "max-events"
MAX_MEMORY = "max-memory"
"""Why a run stopped early; a hook may give other reasons."""

TICK_S, GRACE_S, AGAIN_S = 0.5, 2.0, 0.01
"""How often limits are looked at while no window ends, how long a run may take to stop once one is reached, and how soon
an exception is raised again that fell where Python drops it."""

_REASONS = {signal.SIGINT: INTERRUPT, signal.SIGTERM: TERMINATED, signal.SIGHUP: TERMINATED}


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
    """The source of commands for one run; a context that takes over Ctrl-C, SIGTERM, SIGHUP and SIGALRM while it is open.

    The first signal stops the run at the next window, the second raises KeyboardInterrupt (SystemExit for all but
    Ctrl-C) wherever Python is. A limit stops it at the next window too, and raises Overdue if that has not come after GRACE_S.
    Where Python drops an exception (a destructor, a callback of the collector) it is raised again. A pause stops the time
    limit.
    """

    def __init__(self, hooks: Hooks, limits: Limits | None = None) -> None:
        self._hooks = hooks
        self._limits = limits or Limits()
        self._pending: deque[Command] = deque()
        self._signalled = False
        self._handlers: dict[signal.Signals, Any] = {}
        self._begin = self._paused_at = 0.0
        self._reached = ""
        self._reached_at = 0.0
        self._raised: BaseException | None = None
        self._dropped = False
        self._unraisable = sys.unraisablehook
        self.others_memory = 0
        self.paused = False
        self.slowed = False

    @property
    def held(self) -> bool:
        """Whether somebody who watches holds the run back: then no progress is no hang."""
        return self.paused or self.slowed

    def __enter__(self) -> Self:
        self._begin = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            heard = [number for number in _REASONS if number != signal.SIGHUP or not _is_ignored(number)]
            self._handlers = {number: signal.signal(number, self._on_signal) for number in heard}
            self._unraisable, sys.unraisablehook = sys.unraisablehook, self._on_unraisable
            if self._limits != Limits():
                self._tick_from(TICK_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.settle()
        self._raised = None  # with the frames it went through
        if self._handlers:
            sys.unraisablehook = self._unraisable
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def poll(self) -> Command | None:
        """The next command, if there is one."""
        command = self._pending.popleft() if self._pending else self._hooks.command()
        if command is None and self._check_limits():
            command = self._pending.popleft()
        if command is not None:
            if command.action == "speed":
                self.slowed = command.amount > 0
            else:
                self._note_pause(command.action in ("pause", "step"))
        return command

    def settle(self) -> None:
        """The run is ending: what is left to do is not interrupted by a limit any more."""
        if signal.SIGALRM in self._handlers:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def report(self, windows: int, events: int, sim_time: Fs, waiting: tuple[int, ...] = ()) -> None:
        """Tell the hooks how far the run is."""
        self._hooks.progress(Progress(windows, events, sim_time, time.monotonic() - self._begin, waiting))

    def _check_limits(self) -> bool:
        """Have the run stopped when a limit is reached: once."""
        if self._reached:
            return False
        limits = self._limits
        if limits.seconds is not None and not self.paused and time.monotonic() - self._begin >= limits.seconds:
            self._reached = TIMEOUT
        elif limits.memory is not None and resident() + self.others_memory > limits.memory:
            self._reached = MAX_MEMORY
        else:
            return False
        self._reached_at = time.monotonic()
        self._pending.append(Command("stop", self._reached))
        return True

    def _on_tick(self, _number: int, _frame: FrameType | None) -> None:
        """Python calls this between two instructions of whatever runs, if only a kernel that never asks the device."""
        if self._dropped and self._raised is not None:
            self._raise(self._raised.with_traceback(None))
        if not self._check_limits() and self._reached and time.monotonic() - self._reached_at > GRACE_S:
            self._reached_at = time.monotonic()  # a program that catches it is asked again
            self._raise(Overdue(self._reached))

    def _tick_from(self, seconds: float) -> None:
        if signal.SIGALRM not in self._handlers:
            self._handlers[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._on_tick)
        signal.setitimer(signal.ITIMER_REAL, seconds, TICK_S)

    def _raise(self, error: BaseException) -> Never:
        self._raised, self._dropped = error, False
        raise error

    def _on_unraisable(self, lost: "sys.UnraisableHookArgs") -> None:
        """Python calls this with an exception that it drops. One of ours is raised at the next tick: raised here, it were dropped too."""
        if lost.exc_value is None or lost.exc_value is not self._raised:
            self._unraisable(lost)
            return
        self._dropped = True
        self._tick_from(AGAIN_S)

    def _note_pause(self, paused: bool) -> None:
        now = time.monotonic()
        if paused and not self.paused:
            self._paused_at = now
        elif self.paused and not paused:
            self._begin += now - self._paused_at
        self.paused = paused

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._signalled:
            if number == signal.SIGINT:
                self._raise(KeyboardInterrupt())
            self._raise(SystemExit(int(ExitCode.SIGTERM)))
        self._signalled = True
        self._pending.append(Command("stop", _REASONS[signal.Signals(number)]))


def _is_ignored(number: signal.Signals) -> bool:
    """`nohup` ignores SIGHUP, and means it."""
    return signal.getsignal(number) == signal.SIG_IGN
