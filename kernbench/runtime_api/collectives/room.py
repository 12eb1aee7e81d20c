"""What the queues of a group take of its members' scratchpads, and which slots the next ones get there."""

from collections import Counter
from collections.abc import Iterator, Sequence

from kernbench.runtime_api.collectives.layout import SlotShape, slot_shape
from kernbench.runtime_api.collectives.schedule import Queue
from kernbench.runtime_api.rank import Machine

_FEWEST, _SMALLEST = 2, 64


class QueueRoom:
    """The room for the queues of one group: every rank of it decides the same, from the collectives of the group alone.

    A collective's queues get the slots that suit it alone while two slots' room for blocks is left. After that it takes
    slots that other collectives of the group have for the same pairs, or smaller ones.
    """

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._most = machine.section("pe_tcm").capacity - 2 * machine.slot_bytes
        self._taken: Counter[int] = Counter()
        self._known: set[tuple[SlotShape, Queue]] = set()
        self._shapes: list[SlotShape] = []

    def slots(self, queues: Sequence[Queue], peers: int) -> SlotShape:
        """The slots for queues of which at most `peers` end at one member; they are taken."""
        suited = slot_shape(self._machine, peers)
        shape = next((each for each in self._choices(suited) if self._fits(queues, each)), suited)
        for queue in self._new(queues, shape):
            self._taken[queue.dst] += shape.slots * shape.slot_bytes
            self._known.add((shape, queue))
        if shape not in self._shapes:
            self._shapes.append(shape)
        return shape

    def _choices(self, suited: SlotShape) -> Iterator[SlotShape]:
        yield suited
        yield from self._shapes
        slots, size = suited.slots, suited.slot_bytes
        while slots > _FEWEST or size > _SMALLEST:
            if slots > _FEWEST:
                slots = max(_FEWEST, slots // 2)
            else:
                size = max(_SMALLEST, size // 2)
            yield SlotShape(slots, size)

    def _fits(self, queues: Sequence[Queue], shape: SlotShape) -> bool:
        more = Counter(queue.dst for queue in self._new(queues, shape))
        each = shape.slots * shape.slot_bytes
        return all(self._taken[member] + count * each <= self._most for member, count in more.items())

    def _new(self, queues: Sequence[Queue], shape: SlotShape) -> list[Queue]:
        return [queue for queue in queues if (shape, queue) not in self._known]
