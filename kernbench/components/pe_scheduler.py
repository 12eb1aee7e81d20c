"""Scoreboard of a PE: operations wait here for their inputs, and each unit starts its oldest ready one."""

from bisect import insort
from collections.abc import Callable
from operator import attrgetter

from kernbench.common.ops import Atomic, Load, Operation, Runs, Store, Unit
from kernbench.common.units import Fs
from kernbench.components.component import Component, Config
from kernbench.components.hazards import hazards
from kernbench.components.operation_log import OperationLog
from kernbench.sim_engine.activity import Activity
from kernbench.sim_engine.engine import Engine
from kernbench.telemetry.rows import PARTS

_BUSY, _NO_WORK, _DATA, _TCM, _CREDIT, _QUEUE = range(len(PARTS))
_STALLS = {"value": _DATA, "leave": _DATA, "tcm": _TCM, "queue": _QUEUE}
_LEAVING = ("store", "send")
_age = attrgetter("sequence")


class PeSchedulerConfig(Config, frozen=True):
    """`sip.cube.pe.pe_scheduler`: operations of one kind that may wait to start."""

    queue_depth: int = 64


class _Slot:
    """A unit as the scheduler sees it: taken or not, and where its time went."""

    __slots__ = ("busy", "flow", "operation", "since", "spent", "state", "unit")

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.flow: Callable[[Operation], str] | None = getattr(unit, "flow", None)
        self.busy = False
        self.operation: Operation | None = None  # while it is busy
        self.state = _NO_WORK
        self.since: Fs = 0
        self.spent = [0] * len(PARTS)

    def enter(self, state: int, now: Fs) -> None:
        """Book the time of the state so far and be in `state` from now."""
        self.spent[self.state] += now - self.since
        self.since = now
        self.state = state

    def worked(self, now: Fs) -> Fs:
        """The time in which it was busy, the present stretch included."""
        return self.spent[_BUSY] + (now - self.since if self.state == _BUSY else 0)


class _Queue:
    """The operations of one kind that have not started: how many, how many lack inputs, and which could start."""

    __slots__ = ("blocked", "count", "free", "moved", "ready", "slots")

    def __init__(self) -> None:
        self.slots: list[_Slot] = []
        self.ready: list[Operation] = []
        self.count = 0
        self.blocked = 0
        self.free = _NO_WORK  # the state of its units that are not busy, as booked
        self.moved = False  # whether a unit became busy or free since


class PeScheduler(Component):
    """Starts operations out of order, as their inputs, their order and the units allow.

    All choosing happens in `arbitrate`, after every event of the instant; there the program goes on too (`proceed`), so
    neither sees an instant half done. An operation depends on the producers of its inputs, on earlier transfers of its
    program that touch the same bytes unless both read, and on the start of the one before it in its `order`.
    """

    def __init__(
        self, name: str, config: PeSchedulerConfig, engine: Engine, rank: int = 0, activity: Activity | None = None
    ) -> None:
        super().__init__(name, engine)
        self.config = config
        self.rank = rank
        self.marked = False
        self.in_flight = 0
        self.operations = 0
        self._queues: dict[str, _Queue] = {}
        self._slots: dict[int, tuple[_Queue, _Slot]] = {}
        self._loads: dict[Operation, Runs] = {}
        self._stores: dict[Operation, Runs] = {}
        self._last: dict[tuple[str, str], Operation] = {}
        self._fence: Atomic | None = None
        self._proceed: Callable[[], bool] = _nobody
        self._stall: str | None = None
        self._deciding = self._again = False
        self._opened: Fs | None = None
        self._elapsed: Fs = 0
        self._activity = activity or Activity()
        self._last_end: Fs = -1
        self._last_queued: Fs = 0
        self._program_queued: Fs = 0
        self._probe = engine.probe
        self._log = OperationLog(name.removesuffix(".scheduler"), engine.probe)

    def attach(self, unit: Unit) -> None:
        """Let `unit` serve the queue of its kind; of several free ones the first attached starts."""
        queue = self._queues.setdefault(unit.kind, _Queue())
        slot = _Slot(unit)
        queue.slots.append(slot)
        self._slots[id(unit)] = queue, slot

    def serve(self, proceed: Callable[[], bool]) -> None:
        """Call `proceed` in every arbitration: it lets the program go on if it can and says whether it did."""
        self._proceed = proceed

    def has_room(self, kind: str) -> bool:
        """Whether one more operation of `kind` may wait."""
        return self._queue(kind).count < self.config.queue_depth

    def add(self, operation: Operation, issued: Fs) -> None:
        """Take an operation in program order; it may start from `issued` on."""
        queue = self._queue(operation.kind)
        self.operations = operation.sequence = self.operations + 1
        operation.issued = operation.ready = issued
        operation.queued = self._program_queued
        operation.pending = self._dependencies(operation)
        queue.count += 1
        self.in_flight += 1
        if operation.pending:
            queue.blocked += 1
        else:
            self._release(queue, operation)

    @property
    def leaving(self) -> bool:
        """Whether a store or a message has not left the PE."""
        queues = [queue for kind, queue in self._queues.items() if kind in _LEAVING]
        return any(queue.count or any(slot.busy for slot in queue.slots) for queue in queues)

    def poke(self) -> None:
        """Decide again at the end of this instant."""
        if self._deciding:
            self._again = True
        elif not self.marked:
            self.marked = True
            self.engine.mark(self)

    def freed(self, unit: Unit) -> None:
        """The unit can take another operation."""
        queue, slot = self._slots[id(unit)]
        operation, slot.operation = slot.operation, None
        assert operation is not None, f"{unit.name}: freed while free"
        slot.busy = False
        queue.moved = True
        operation.freed = self.engine.now
        if operation.done and self._probe.operations:
            self._log.tell(operation)
        if unit.kind != "recv":
            self._activity.end(self.engine.now)
        self.poke()

    def completed(self, operation: Operation) -> None:
        """The operation is done: its value is there and what waited for it may start."""
        assert not self._deciding, f"{self.name}: {operation} took no time"
        assert operation.started, f"{self.name}: {operation} ended before it started"
        assert not operation.done, f"{self.name}: {operation} ended twice"
        operation.retire()
        operation.end = self.engine.now
        if operation.freed >= 0 and self._probe.operations:  # else its row waits until its unit is free
            self._log.tell(operation)
        self._note_end(operation)
        self.in_flight -= 1
        if isinstance(operation, Load):
            del self._loads[operation]
        elif isinstance(operation, Store | Atomic):
            del self._stores[operation]
        if operation.dependents:
            for dependent in operation.dependents:
                self._resolve(dependent)
            operation.dependents = []
        self.poke()

    def _note_end(self, operation: Operation) -> None:
        """What ends last is what its dependents, and the kernel's end, wait for; of equals the more delayed."""
        now = self.engine.now
        self._last_queued = max(self._last_queued, operation.queued) if now == self._last_end else operation.queued
        self._last_end = now
        for dependent in operation.dependents:
            if dependent.ready < now or (dependent.ready == now and dependent.queued < operation.queued):
                dependent.ready, dependent.queued, dependent.cause = now, operation.queued, operation.sequence

    @property
    def queued(self) -> Fs:
        """Queueing on the critical path to the operation that ended last."""
        return self._last_queued

    def open(self, kernel: str = "", launch: int = -1) -> None:
        """A kernel begins: units' time counts from now. Its name and launch are for observers."""
        self._opened = self.engine.now
        self._last_queued = self._program_queued = 0
        for queue, slot in self._slots.values():
            slot.since = self.engine.now
            slot.state = queue.free = _NO_WORK
            queue.moved = True
        if self._probe.operations or self._probe.kernels:
            self._log.open(self.engine.now, kernel, launch, self.operations, self._spent())
        self.poke()

    def close(self) -> None:
        """The kernel ended and nothing is in flight."""
        assert self._opened is not None
        assert not self.in_flight, f"{self.name}: closed with {self.in_flight} operations in flight"
        self._book()
        if self._probe.kernels:
            self._log.close(self.engine.now, self.operations, self._spent())
        self._elapsed += self.engine.now - self._opened
        self._opened = None
        self._fence = None
        self._last.clear()

    def resumed(self) -> None:
        """The program goes on after a wait: what it issues from now on inherits the queueing that delayed it."""
        self._program_queued = self._last_queued

    def stall(self, reason: str | None) -> None:
        """Why the program cannot go on: `value`, `tcm`, `queue`, or None when it can."""
        self._stall = reason

    @property
    def elapsed(self) -> Fs:
        """Time of kernels, the open one included."""
        return self._elapsed + (0 if self._opened is None else self.engine.now - self._opened)

    def partition(self) -> dict[str, dict[str, Fs]]:
        """Where each unit's time in kernels went: PARTS in fs; each unit's sum is `elapsed`."""
        if self._opened is not None:
            self._book()
        return {slot.unit.name: dict(zip(PARTS, slot.spent, strict=True)) for _, slot in self._slots.values()}

    @property
    def engines(self) -> list[Unit]:
        """The units, in the order in which they were attached."""
        return [slot.unit for _, slot in self._slots.values()]

    def worked(self, now: Fs) -> list[Fs]:
        """How long each unit has worked in kernels until `now`; anybody may read it at any time."""
        return [slot.worked(now) for _, slot in self._slots.values()]

    def waiting(self) -> list[int]:
        """How many operations wait to start on each unit; units of one kind have one queue, so each tells the same."""
        return [queue.count for queue, _ in self._slots.values()]

    def stuck(self) -> list[str]:
        """What its program's operations wait for, a text for each kind; the core says whose they are."""
        texts = []
        for kind, queue in self._queues.items():
            if queue.ready:
                texts.append(f"{queue.ready[0]} waits until {queue.slots[0].unit.name} takes it")
            elif queue.blocked:
                wait = "waits" if queue.blocked == 1 else "wait"
                texts.append(f"{queue.blocked} {kind} {wait} for earlier operations")
        return texts

    def arbitrate(self) -> None:
        """Start what can start, oldest first, and let the program go on, until neither has anything to do."""
        self.marked = False
        self._deciding = self._again = True
        while self._again:
            self._again = False
            for queue in self._queues.values():
                if queue.ready:
                    self._start(queue)
            if self._proceed():
                self._again = True
        self._deciding = False
        if self._opened is not None:
            self._account()

    def _start(self, queue: _Queue) -> None:
        free = [slot for slot in queue.slots if not slot.busy]
        if not free:
            return
        index = 0
        ready = queue.ready
        while free and index < len(ready):
            operation = ready[index]
            for slot in free:
                if slot.unit.accepts(operation):
                    del ready[index]
                    self._begin(queue, slot, operation)
                    if slot.busy:
                        free.remove(slot)
                    break
            else:
                index += 1

    def _begin(self, queue: _Queue, slot: _Slot, operation: Operation) -> None:
        assert not slot.busy, f"{slot.unit.name}: started twice"
        queue.count -= 1
        operation.started = slot.busy = queue.moved = True
        slot.operation, operation.unit = operation, slot.unit
        operation.start = now = self.engine.now
        if slot.flow is not None and self._probe.operations:
            operation.flow = slot.flow(operation)
        if slot.unit.kind != "recv":  # a receive waits in its queue's line: nothing works on it
            self._activity.begin(now)
            operation.queued += now - operation.ready
        successor, operation.successor = operation.successor, None
        if successor is not None:
            self._resolve(successor)
        slot.unit.start(operation)

    def _dependencies(self, operation: Operation) -> int:
        count = 0
        for value in operation.inputs:
            producer = value.producer
            if producer is not None and not producer.done:
                producer.dependents.append(operation)
                count += 1
        fence = self._fence
        if fence is not None and not fence.done and isinstance(operation, Load | Store | Atomic):
            fence.dependents.append(operation)
            count += 1
        if isinstance(operation, Load):
            count += hazards(operation, operation.runs, self._stores)
            self._loads[operation] = operation.runs
        elif isinstance(operation, Store):
            count += hazards(operation, operation.runs, self._stores)
            count += hazards(operation, operation.runs, self._loads)
            self._stores[operation] = operation.runs
        elif isinstance(operation, Atomic):
            count += self._fenced(operation)
        if operation.order is not None:
            key = operation.kind, operation.order
            previous = self._last.get(key)
            if previous is not None and not previous.started:
                previous.successor = operation
                count += 1
            self._last[key] = operation
        return count

    def _fenced(self, atomic: Atomic) -> int:
        """An atomic that releases follows all earlier transfers; one that acquires precedes all later ones."""
        if atomic.releases:
            earlier = [*self._loads, *self._stores]
            for other in earlier:
                other.dependents.append(atomic)
            count = len(earlier)
        else:
            count = hazards(atomic, atomic.runs, self._stores) + hazards(atomic, atomic.runs, self._loads)
        self._stores[atomic] = atomic.runs
        if atomic.acquires:
            self._fence = atomic
        return count

    def _resolve(self, operation: Operation) -> None:
        operation.pending -= 1
        if not operation.pending:
            queue = self._queues[operation.kind]
            queue.blocked -= 1
            self._release(queue, operation)

    def _release(self, queue: _Queue, operation: Operation) -> None:
        if operation.issued <= self.engine.now:
            insort(queue.ready, operation, key=_age)
            self.poke()
        else:
            self.engine.call_at(operation.issued, self._arrive, operation)

    def _arrive(self, operation: Operation) -> None:
        insort(self._queues[operation.kind].ready, operation, key=_age)
        self.poke()

    def _queue(self, kind: str) -> _Queue:
        queue = self._queues.get(kind)
        assert queue is not None, f"{self.name}: no unit carries out {kind}; attached are {', '.join(self._queues)}"
        return queue

    def _account(self) -> None:
        now = self.engine.now
        idle = _NO_WORK if self._stall is None else _STALLS[self._stall]
        for queue in self._queues.values():
            free = _CREDIT if queue.ready else _DATA if queue.blocked else idle
            if free == queue.free and not queue.moved:
                continue
            queue.free = free
            queue.moved = False
            for slot in queue.slots:
                state = _BUSY if slot.busy else free
                if state != slot.state:
                    slot.enter(state, now)

    def _spent(self) -> dict[str, tuple[Fs, ...]]:
        return {slot.unit.name: tuple(slot.spent) for _, slot in self._slots.values()}

    def _book(self) -> None:
        for _, slot in self._slots.values():
            slot.enter(slot.state, self.engine.now)


def _nobody() -> bool:
    return False
