"""The event loop of one SIP: a thin simpy.Environment with plain calls and one arbitration at the end of each instant.

Order within an instant: inbound messages (-2), SimPy's urgent (0) and normal (1) events, arbitration. Arbiters decide
on the state that everything before left behind, and whatever a decision causes on a link happens at least 1 fs later,
so the order in which same-instant events were scheduled never reaches a result.
Why arbitration has no event: docs/adr/0005-arbitration-without-an-event.md.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from sys import maxsize
from typing import Any, Protocol

import simpy
from simpy.core import EmptySchedule

from kernbench.common.errors import CausalityError
from kernbench.common.units import Fs
from kernbench.telemetry.probe import Probe

INBOUND, URGENT, NORMAL = -2, 0, 1


class WindowEnds(Exception):
    """Raised by an event to have `advance` return before its bound; the owner goes on with another advance."""


class Arbiter(Protocol):
    """Something that chooses among requests once all events of an instant have happened."""

    rank: int  # compiled order: arbiters of one instant are visited by it

    def arbitrate(self) -> None:
        """Choose on the state before this instant's arbitration; cause nothing earlier than 1 fs from now."""


class Engine(simpy.Environment):
    """Runs events in (time, priority, insertion) order up to a bound that its owner sets.

    `call_later` and `call_at` schedule plain calls; `probe` is where the parts on this engine tell what happens; standard SimPy processes and resources work unchanged.
    """

    _now: Fs

    def __init__(self) -> None:
        super().__init__(initial_time=0)
        self._calls: list[tuple[Any, ...]] = []  # (time, priority, sequence, function, argument)
        self._queue = self._calls  # SimPy's peek() reads the time of the first entry
        self._sequence = 0
        self._dirty: list[Arbiter] = []
        self.events = 0
        self.probe = Probe()

    def call_later(self, delay: Fs, function: Callable[[Any], None], argument: Any = None) -> None:
        """Call `function(argument)` `delay` fs from now."""
        self.call_at(self._now + delay, function, argument)

    def call_at(self, time: Fs, function: Callable[[Any], None], argument: Any = None, priority: int = NORMAL) -> None:
        """Call `function(argument)` at `time`, which may be this instant but not the past."""
        if time < self._now:
            raise CausalityError(f"an event for {time} fs is scheduled at {self._now} fs", sim_time_fs=self._now)
        self._sequence = sequence = self._sequence + 1
        heappush(self._calls, (time, priority, sequence, function, argument))

    def mark(self, arbiter: Arbiter) -> None:
        """Have `arbiter` decide at the end of this instant. Mark once: an arbiter keeps its own `marked` flag."""
        self._dirty.append(arbiter)

    def _arbitrate(self) -> None:
        """Have every marked arbiter decide, and those that they mark."""
        while True:
            dirty = self._dirty
            if len(dirty) == 1:
                dirty.pop().arbitrate()
            elif dirty:
                self._dirty = []
                dirty.sort(key=_rank)
                for arbiter in dirty:
                    arbiter.arbitrate()
            else:
                return

    @property
    def now(self) -> Fs:
        """The present instant, in fs."""
        return self._now

    @property
    def next_time(self) -> Fs | None:
        """The time of the earliest event, or None when nothing is scheduled."""
        if self._dirty:
            return self._now
        return self._calls[0][0] if self._calls else None

    def advance(self, bound: Fs, most: int = maxsize) -> None:
        """Run every event strictly before `bound`, or to the end of the instant in which `most` of them have run.

        It stops short of the bound, too, when an event raises WindowEnds. The owner goes on with another advance.
        """
        calls = self._calls
        count = 0
        try:
            # A window may have ended in the middle of an instant: then its other events come first.
            if self._dirty and self._now < bound and (not calls or calls[0][0] > self._now):
                self._arbitrate()
            while calls and calls[0][0] < bound and count < most:
                self._now = now = calls[0][0]
                while calls and calls[0][0] == now:
                    _, _, _, function, argument = heappop(calls)
                    count += 1
                    function(argument)
                    if self._dirty and (not calls or calls[0][0] > now):
                        self._arbitrate()
        finally:
            self.events += count

    def schedule(self, event: simpy.Event, priority: int = NORMAL, delay: Any = 0) -> None:
        """Schedule a SimPy event (SimPy's own hook); delays are whole femtoseconds."""
        assert isinstance(delay, int), f"a delay is a whole number of fs, got {delay!r}"
        self._sequence = sequence = self._sequence + 1
        heappush(self._calls, (self._now + delay, priority, sequence, _process, event))

    def step(self) -> None:
        """Run one event (SimPy's own hook, used by `run`), and the arbitration of its instant if it was the last."""
        if not self._calls:
            raise EmptySchedule
        self._now, _, _, function, argument = heappop(self._calls)
        self.events += 1
        function(argument)
        if self._dirty and (not self._calls or self._calls[0][0] > self._now):
            self._arbitrate()


def _rank(arbiter: Arbiter) -> int:
    return arbiter.rank


def _process(event: simpy.Event) -> None:
    callbacks, event.callbacks = event.callbacks, None  # type: ignore[assignment]  # SimPy's mark of a processed event
    for callback in callbacks:
        callback(event)
    if not event._ok and not hasattr(event, "_defused"):  # noqa: SLF001  # what SimPy's own step does
        raise event._value  # noqa: SLF001
