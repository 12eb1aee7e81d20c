"""How the elements of a collective are cut: into blocks, chunks, rounds and slices."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from kernbench.runtime_api.collectives.schedule import Action, Plan, Step
from kernbench.runtime_api.rank import Machine


class SlotShape(msgspec.Struct, frozen=True):
    """The slots of each of a team's queues."""

    slots: int
    slot_bytes: int


def slot_shape(machine: Machine, peers: int) -> SlotShape:
    """The slots of a queue when `peers` of them end at one PE: together they take half of its scratchpad at most.

    A slot holds a slice, which is a block, so its size is a power of two: the topology's or the next one below.
    """
    share = machine.section("pe_tcm").capacity // 2 // max(peers, 1)
    size = 1 << (machine.slot_bytes.bit_length() - 1)
    while size > 64 and size * min(machine.slots, 4) > share:
        size //= 2
    return SlotShape(max(2, min(machine.slots, share // size)), size)


class Layout(msgspec.Struct, frozen=True):
    """Chunk c of round k begins at element c x stride + k x advance and has `chunk` elements, fewer at the end.

    Packed (`block` 0): a round's chunks lie side by side and `count` elements are all there are. Otherwise chunk c is
    the block of `count` elements of member c, and rounds go through all blocks at once. `lockstep`: a member handles
    one message a step, so that nothing is gained by working ahead; up to `packet` elements travel as one.
    """

    count: int
    block: int
    stride: int
    advance: int
    chunk: int
    rounds: int
    piece: int
    slots: int
    slot_bytes: int
    packet: int
    lockstep: bool = False

    def slices(self, action: Action, number: int) -> list[tuple[int, int]]:
        """(first element, elements) of each slice of an action in a round."""
        base = number * self.advance
        if self.block:
            ranges = [
                (c * self.stride + base, min(base + self.chunk, self.count) + c * self.block)
                for c in range(action.first, action.first + action.chunks)
            ]
        else:
            begin = base + action.first * self.stride
            ranges = [(begin, min(begin + action.chunks * self.chunk, self.count))]
        piece = self.piece
        return [(at, min(piece, end - at)) for begin, end in ranges for at in range(begin, end, piece)]

    def order(self, step: Step, number: int) -> Iterator[tuple[Action, int, int]]:
        """(action, first element, elements) in the order in which a member issues them: slice by slice."""
        cut = [(action, self.slices(action, number)) for action in step]
        for index in range(max((len(slices) for _, slices in cut), default=0)):
            for action, slices in cut:
                if index < len(slices):
                    yield action, *slices[index]


def layout(
    plan: Plan, count: int, itemsize: int, shape: SlotShape, channels: int, packet: int, *, blocked: bool
) -> Layout:
    """Cut `count` elements (of each block, if blocked) for a plan; `packet` bytes travel as one."""
    largest = max(shape.slot_bytes // itemsize, 1)
    chunk = -(-count // (channels if blocked else plan.chunks * channels))
    if plan.span:
        chunk = min(chunk, max(largest * max(shape.slots // 2, 1) // plan.span, 1))
    chunk = max(chunk, 1)
    advance = chunk if blocked else plan.chunks * chunk
    rounds = -(-count // advance)
    return Layout(
        count=count,
        block=count if blocked else 0,
        stride=count if blocked else chunk,
        advance=advance,
        chunk=chunk,
        rounds=rounds,
        piece=min(largest, 1 << ((1 if blocked else _longest(plan)) * chunk - 1).bit_length()),
        slots=shape.slots,
        slot_bytes=shape.slot_bytes,
        packet=max(packet // itemsize, 1),
        lockstep=rounds <= channels and chunk <= largest and _is_chain(plan),
    )


def _is_chain(plan: Plan) -> bool:
    """Whether neighbours share a SIP and each step of a member is one action on one chunk with one source at most.

    No action may load what the one before stores: its load goes out first.
    """
    return (
        plan.team.local == plan.team.size
        and all(
            len(step) <= 1 and all(action.chunks == 1 and len(action.sources) <= 1 for action in step)
            for steps in plan.steps
            for step in steps
        )
        and not any(_loads_stored(steps) for steps in plan.steps)
    )


def _loads_stored(steps: Sequence[Step]) -> bool:
    actions = [action for step in steps for action in step]
    return any(one.store and two.load and one.first == two.first for one, two in pairwise(actions))


def _longest(plan: Plan) -> int:
    return max((action.chunks for steps in plan.steps for step in steps for action in step), default=1)
