"""Slices on a machine that does nothing else: operations, the units that carry them out, and the links they share.

Time goes forward from event to event; a unit starts the oldest operation that is ready, a link carries slice after slice.
"""

from collections import deque
from collections.abc import Callable
from heapq import heappop, heappush

from kernbench.common.units import BytesPerSecond, Fs, transfer_time

Start = Callable[[Fs, "Operation"], None]
"""Begins an operation at a time; it calls `Flow.free` and `Flow.end` for it in time."""


class Operation:
    """One operation: what it still waits for, and who waits for its start and its end, with a delay each."""

    __slots__ = ("after", "begun", "missing", "ready", "sequence", "start", "unit")

    def __init__(self, unit: "Unit | None", sequence: int, issued: Fs, start: Start) -> None:
        self.unit = unit
        self.sequence = sequence
        self.missing = 0
        self.ready = issued
        self.start = start
        self.begun: list[tuple[Operation, Fs]] = []
        self.after: list[tuple[Operation, Fs]] = []

    def follows(self, *before: "tuple[Operation | None, Fs]") -> "Operation":
        """It begins when the others have ended, each plus a delay."""
        for other, delay in before:
            if other is not None:
                other.after.append((self, delay))
                self.missing += 1
        return self

    def follows_start(self, other: "Operation") -> None:
        """It begins when the other has begun."""
        other.begun.append((self, 0))
        self.missing += 1


class Unit:
    """Starts the oldest ready operation while it has room: `room` counts operations or bytes, as its users do."""

    __slots__ = ("ready", "room")

    def __init__(self, room: int) -> None:
        self.room = room
        self.ready: list[tuple[int, Operation]] = []  # sequences differ within a unit


class Wire:
    """A link: it carries one slice at a time, in order of asking. `busy` is when it is free again."""

    __slots__ = ("busy", "bw")

    def __init__(self, bw: BytesPerSecond) -> None:
        self.bw = bw
        self.busy: Fs = 0

    def carry(self, at: Fs, nbytes: int) -> tuple[Fs, Fs]:
        """(start, end) of a slice that asks at a time."""
        start = max(at, self.busy)
        self.busy = end = start + transfer_time(nbytes, self.bw)
        return start, end

    def share(self, at: Fs, nbytes: int) -> Fs:
        """The end of a slice that starts at once and takes turns, packet by packet, with what is under way."""
        took = transfer_time(nbytes, self.bw)
        behind = max(self.busy - at, 0)
        self.busy = at + behind + took
        return at + took + min(behind, took)


class Flow:
    """The events of one collective, in order of time."""

    def __init__(self) -> None:
        self._heap: list[tuple[Fs, int, Callable[[Fs], None]]] = []
        self._order = 0
        self.last: Fs = 0

    def at(self, time: Fs, do: Callable[[Fs], None]) -> None:
        """Call `do(time)` then."""
        self._order += 1
        heappush(self._heap, (time, self._order, do))

    def run(self, operations: list[Operation]) -> Fs:
        """Carry everything out: the end of the last operation."""
        for operation in operations:
            if not operation.missing:
                self._wait_for_unit(operation)
        while self._heap:
            time, _, do = heappop(self._heap)
            do(time)
        return self.last

    def _wait_for_unit(self, operation: Operation) -> None:
        self.at(operation.ready, lambda now: self._offer(operation, now))

    def _offer(self, operation: Operation, now: Fs) -> None:
        unit = operation.unit
        if unit is None:
            self._begin(operation, now)
            return
        heappush(unit.ready, (operation.sequence, operation))
        self._serve(unit, now)

    def _serve(self, unit: Unit, now: Fs) -> None:
        while unit.ready and unit.room > 0:
            self._begin(heappop(unit.ready)[1], now)

    def _begin(self, operation: Operation, now: Fs) -> None:
        operation.start(now, operation)
        self._release(operation.begun, now)

    def take(self, unit: Unit, amount: int) -> None:
        """An operation that begins fills a unit."""
        unit.room -= amount

    def free(self, unit: Unit, amount: int, time: Fs) -> None:
        """It fills the unit no longer from then on."""

        def freed(now: Fs) -> None:
            unit.room += amount
            self._serve(unit, now)

        self.at(time, freed)

    def arrive(self, operation: Operation) -> None:
        """What an operation waited for from outside is there."""
        if not operation.missing:
            self._wait_for_unit(operation)

    def end(self, operation: Operation, time: Fs) -> None:
        """The operation ends then."""
        self.last = max(self.last, time)
        self._release(operation.after, time)

    def _release(self, followers: list[tuple[Operation, Fs]], time: Fs) -> None:
        for follower, delay in followers:
            follower.ready = max(follower.ready, time + delay)
            follower.missing -= 1
            if not follower.missing:
                self._wait_for_unit(follower)


class Inlet:
    """A PE's link from the network: answers of the memory take turns, packet by packet, with messages that arrive.

    A message from a slower link holds this one until its tail is there: answers get a packet in between, so together
    they come as fast as the messages do, and at full rate when there is none.
    """

    __slots__ = ("_answers", "_arriving", "_flow", "_part", "bw")

    def __init__(self, flow: Flow, bw: BytesPerSecond, part: int) -> None:
        self.bw = bw
        self._flow = flow
        self._part = part
        self._arriving: list[tuple[Fs, BytesPerSecond]] = []
        self._answers: deque[tuple[int, Callable[[Fs], None]]] = deque()

    def message(self, head: Fs, tail: Fs, rate: BytesPerSecond, nbytes: int) -> Fs:
        """The end of a message whose head arrives now and its tail then, at a rate."""
        self._arriving = [each for each in self._arriving if each[0] > head]
        self._arriving.append((tail, rate))
        return max(tail, head + transfer_time(nbytes, self._turn(head)))

    def answer(self, now: Fs, nbytes: int, done: Callable[[Fs], None]) -> None:
        """An answer begins to arrive; `done(time)` is called at its end. Answers take turns part by part."""
        self._answers.append((nbytes, done))
        if len(self._answers) == 1:
            self._serve(now)

    def _serve(self, now: Fs) -> None:
        part = min(self._answers[0][0], self._part)
        self._flow.at(now + transfer_time(part, self._turn(now)), self._served)

    def _served(self, now: Fs) -> None:
        rest, done = self._answers.popleft()
        if rest > self._part:
            self._answers.append((rest - self._part, done))
        else:
            done(now)
        if self._answers:
            self._serve(now)

    def _turn(self, now: Fs) -> BytesPerSecond:
        messages = sum(rate for tail, rate in self._arriving if tail >= now)
        return min(messages, self.bw // 2) or self.bw
