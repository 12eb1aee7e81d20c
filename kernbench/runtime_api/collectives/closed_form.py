"""The time of a schedule on a machine that does nothing else: every slice's loads, additions, messages and stores.

It knows latencies, bandwidths, buffers and clocks of the topology and the schedule, imports no component and reads no
result. Members begin as the launch reaches them. Slices share a PE's two links, the line in which its messages wait for
the links between SIPs, and those links. What a simulation takes beyond it is queueing inside the chips and packets that
take turns. A long message grows by a constant time per byte, so that it is evaluated at two shorter lengths and
continued: docs/adr/0007-closed-forms-follow-slices.md.
"""

from collections.abc import Callable, Sequence
from math import prod

from kernbench.common.units import Fs, transfer_time
from kernbench.policy.placement import GRANULE
from kernbench.runtime_api.collectives.flow import Flow, Inlet, Operation, Start, Unit, Wire
from kernbench.runtime_api.collectives.layout import Layout
from kernbench.runtime_api.collectives.schedule import Action, Plan
from kernbench.runtime_api.rank import Machine, Path, Stage

SLICES = 2000
"""Slices of all members that are followed one by one."""

Cut = Callable[[int], tuple[Plan, Layout]]


def closed_form(machine: Machine, cut: Cut, count: int, itemsize: int, names: Sequence[str], channels: int) -> Fs:
    """Time of a collective of `count` elements a block among the endpoints `names`; `cut` cuts any count."""
    halvings, most = 0, max(SLICES, _slices(*cut(1), channels))  # no halving goes below a slice an action
    # Halves of the length are cut into slices as the whole is, but those that are short enough for lockstep.
    while _slices(*cut(count >> halvings), channels) > most and not cut(count >> halvings + 2)[1].lockstep:
        halvings += 1
    if not halvings:
        return _Slices(machine, names, itemsize, channels).time(*cut(count))
    long, short = count >> halvings, count >> halvings + 1
    most, less = (_Slices(machine, names, itemsize, channels).time(*cut(each)) for each in (long, short))
    return most + (most - less) * (count - long) // (long - short)


def _slices(plan: Plan, layout: Layout, channels: int) -> int:
    """About how many slices all members of one channel handle."""
    actions = sum(a.chunks * layout.chunk // layout.piece + 1 for steps in plan.steps for step in steps for a in step)
    return actions * -(-layout.rounds // channels)


class _Queue:
    """The messages of one queue so far: sends, arrivals, receives, and what must end before each slot is free again."""

    __slots__ = ("arrived", "freed", "received", "sent")

    def __init__(self) -> None:
        self.sent: list[Operation] = []
        self.arrived: list[Operation] = []
        self.received: list[Operation] = []
        self.freed: list[list[Operation]] = []


class _Member:
    """A PE: its units, its two links, its line to other SIPs, and its program order.

    An operation is issued when its engine's queue has room and its block has storage.
    """

    def __init__(self, machine: Machine, flow: Flow, name: str, blocks: int, begin: Fs) -> None:
        self.name = name
        self.sip, _, node = name.partition(".")
        self.cube = node.partition(".")[0]
        dma = machine.section("pe_dma")
        near = machine.path(name, f"{self.sip}.{self.cube}.hbm")
        self.units = {
            "load": Unit(dma.outstanding),
            "store": Unit(dma.outstanding),
            "send": Unit(dma.send_channels),
            "math": Unit(1),
        }
        self.inward, self.outward = Inlet(flow, near.bw, GRANULE), Wire(near.bw)
        self.line: Fs = 0
        """When the line to other SIPs lets the next message through."""
        self.depth: int = machine.section("pe_scheduler").queue_depth
        self.blocks = blocks
        self.issued = begin
        self.sequence = 0
        self.gate: Operation | None = None
        self.left: Operation | None = None
        """When its last store is out of the PE."""
        self.held: list[Operation] = []
        """First messages, which wait for the load after them."""
        self.queued: dict[str, list[Operation]] = {}
        self.freed: list[list[Operation]] = []


class _Slices:
    """The operations of one collective on one channel; `channels` share each link between SIPs."""

    def __init__(self, machine: Machine, names: Sequence[str], itemsize: int, channels: int) -> None:
        self._machine = machine
        self._names = names
        self._itemsize = itemsize
        self._channels = channels
        self._flow = Flow()
        self._members: list[_Member] = []
        self._wires: dict[str, Wire] = {}
        self._queues: dict[tuple[int, int, int], _Queue] = {}
        self._stored: dict[tuple[int, str, int], Operation] = {}
        self._operations: list[Operation] = []
        math, cpu = machine.section("pe_math"), machine.section("pe_cpu")
        self._rate = math.lanes * math.clock
        self._issue: Fs = cpu.issue
        self._recv: Fs = machine.section("ipcq").recv
        self._cubes = prod(machine.cube_mesh)
        self._stripe = GRANULE * machine.section("hbm_ctrl").slices
        self._lockstep = False
        self._local = len(names) > len({name.partition(".")[0] for name in names})

    def time(self, plan: Plan, layout: Layout) -> Fs:
        """The end of the last operation."""
        self._lockstep = layout.lockstep
        slot = layout.piece * self._itemsize
        scratch = self._machine.section("pe_tcm").capacity
        told = [self._machine.path(f"{name.partition('.')[0]}.io.cpu", name).latency for name in self._names]
        for number, name in enumerate(self._names):
            spare = scratch - len(plan.receives(number)) * layout.slots * layout.slot_bytes
            self._members.append(
                _Member(self._machine, self._flow, name, max(spare // slot, 1), told[number] - min(told))
            )
        for number, steps in enumerate(plan.steps):
            for round_number in range(0, layout.rounds, self._channels):
                for step in steps:
                    for action, start, length in layout.order(step, round_number):
                        self._slice(number, action, start, length, layout)
        self._link(layout)
        return self._flow.run(self._operations)

    def _queue(self, src: int, dst: int, plane: int) -> _Queue:
        return self._queues.setdefault((src, dst, plane), _Queue())

    def _way(self, src: int, dst: int) -> Path:
        return self._machine.path(self._names[src], self._names[dst])

    def _operation(self, number: int, kind: str, start: Start) -> Operation:
        """The next operation in a member's program order."""
        member = self._members[number]
        before = member.queued.setdefault(kind, [])
        stalls = kind == "load" and len(member.freed) >= member.blocks
        if len(before) >= member.depth or stalls:
            gate = self._made(Operation(None, 0, 0, self._ends_at_once)).follows((member.gate, 0))
            if len(before) >= member.depth:
                gate.follows_start(before[-member.depth])
            if stalls:
                gate.follows(*((each, 0) for each in member.freed[-member.blocks]))
            member.gate = gate
        if kind == "load":
            member.freed.append([])
        member.sequence += 1
        made = self._made(Operation(member.units.get(kind), member.sequence, member.issued, start))
        made.follows((member.gate, 0))
        member.issued += self._issue
        before.append(made)
        return made

    def _made(self, operation: Operation) -> Operation:
        self._operations.append(operation)
        return operation

    def _ends_at_once(self, now: Fs, operation: Operation) -> None:
        self._flow.end(operation, now)

    # -- what the kernel does with a slice ---------------------------------------------------------------------------

    def _slice(self, number: int, action: Action, start: int, length: int, layout: Layout) -> None:
        """The operations of one slice of an action, in the kernel's order."""
        member = self._members[number]
        piece, nbytes = layout.piece, length * self._itemsize
        places = range(start // piece, (start + length - 1) // piece + 1)
        loaded = None
        if action.load is not None:
            loaded = self._operation(number, "load", self._loading(number, start, nbytes))
            loaded.follows(*((self._stored.get((number, action.load, place)), 0) for place in places))
            for sent in member.held:
                sent.follows((loaded, 0))
        member.held = []
        block = None if action.sources else loaded
        held: list[list[Operation]] = []
        for source in action.sources:
            queue = self._queue(source, number, action.arrives_on)
            got = self._operation(number, "recv", self._receiving)
            got.follows(*[(before, 0) for before in queue.received[-1:]])
            queue.received.append(got)
            if self._lockstep:
                member.gate = got
            held.append([])
            queue.freed.append(held[-1])
            other = block if block is not None else loaded
            if other is None:
                block = got
                continue
            block = self._operation(number, "math", self._combining(number, piece)).follows((got, 0), (other, 0))
            held.pop().append(block)
        assert block is not None
        if self._lockstep and loaded is not None and not action.sources:
            member.gate = loaded
        users: list[Operation] = []
        if not self._lockstep:
            users += self._store(number, action, start, nbytes, places, block)
        for peer in action.to:
            queue = self._queue(number, peer, action.plane)
            arrived = self._expected()
            sent = self._operation(number, "send", self._sending(number, peer, nbytes, arrived)).follows((block, 0))
            sent.follows((member.left if self._lockstep else None, 0))
            queue.sent.append(sent)
            queue.arrived.append(arrived)
            users.append(sent)
        if self._lockstep:
            if not action.sources and length > layout.packet:
                member.held = [*users]
            stored = self._store(number, action, start, nbytes, places, block)
            for each in stored:
                each.follows(*((sent, 0) for sent in users))
            users += stored
        for slot in held:
            slot.extend(users or [block])
        if loaded is not None:
            member.freed[-1].extend(users or [block])

    def _store(
        self, number: int, action: Action, start: int, nbytes: int, places: range, block: Operation
    ) -> list[Operation]:
        """The store of an action, if it has one; `left` is then when the last byte is out of the PE."""
        if action.store is None:
            return []
        left = self._members[number].left = self._expected()
        stored = self._operation(number, "store", self._storing(number, start, nbytes, left)).follows((block, 0))
        for place in places:
            self._stored[number, action.store, place] = stored
        return [stored]

    def _expected(self) -> Operation:
        """What another operation brings about while it goes on."""
        expected = self._made(Operation(None, 0, 0, self._ends_at_once))
        expected.missing += 1
        return expected

    def _link(self, layout: Layout) -> None:
        """Join messages with receives, and slots with the sends that fill them again."""
        for (src, dst, _), queue in self._queues.items():
            back = self._way(dst, src).latency
            for number, (sent, arrived, got) in enumerate(zip(queue.sent, queue.arrived, queue.received, strict=True)):
                got.follows((arrived, 0))
                if number >= layout.slots:
                    sent.follows(*((each, back) for each in queue.freed[number - layout.slots]))

    # -- how long it takes -------------------------------------------------------------------------------------------

    def _memory(self, member: _Member, start: int) -> Path:
        """The way to the memory of an element: tensors are spread over a SIP's cubes, or lie beside their member."""
        cube = member.cube
        if not self._local:
            cube = f"cube{start * self._itemsize // self._stripe % self._cubes:02d}"
        return self._machine.path(member.name, f"{member.sip}.{cube}.hbm")

    def _service(self, nbytes: int, way: Path) -> Fs:
        """What the memory takes beyond the time on the link: granules lie in different slices."""
        granule = transfer_time(min(nbytes, GRANULE), self._machine.slice_bw())
        return max(granule - transfer_time(nbytes, way.bw), 0)

    def _loading(self, number: int, start: int, nbytes: int) -> Start:
        member = self._members[number]
        way, unit = self._memory(member, start), member.units["load"]

        def begin(now: Fs, operation: Operation) -> None:
            self._flow.take(unit, nbytes)
            self._flow.at(now + 2 * way.latency + self._service(nbytes, way), lambda at: here(at, operation))

        def here(now: Fs, operation: Operation) -> None:
            member.inward.answer(now, nbytes, lambda at: done(at, operation))

        def done(now: Fs, operation: Operation) -> None:
            self._flow.free(unit, nbytes, now)
            self._flow.end(operation, now)

        return begin

    def _storing(self, number: int, start: int, nbytes: int, out: Operation) -> Start:
        member = self._members[number]
        way, unit = self._memory(member, start), member.units["store"]

        def begin(now: Fs, operation: Operation) -> None:
            self._flow.take(unit, nbytes)
            _, left = member.outward.carry(now, nbytes)
            out.missing -= 1
            out.ready = left
            self._flow.arrive(out)
            end = left + 2 * way.latency + self._service(nbytes, way)
            self._flow.free(unit, nbytes, end)
            self._flow.end(operation, end)

        return begin

    def _combining(self, number: int, elements: int) -> Start:
        unit = self._members[number].units["math"]

        def begin(now: Fs, operation: Operation) -> None:
            end = now + transfer_time(elements, self._rate)
            self._flow.take(unit, 1)
            self._flow.free(unit, 1, end)
            self._flow.end(operation, end)

        return begin

    def _receiving(self, now: Fs, operation: Operation) -> None:
        self._flow.end(operation, now + self._recv)

    def _sending(self, number: int, peer: int, nbytes: int, arrived: Operation) -> Start:
        member, other, way = self._members[number], self._members[peer], self._way(number, peer)
        unit = member.units["send"]

        def begin(now: Fs, operation: Operation) -> None:
            ends = left = member.outward.share(now, nbytes)
            if way.stages:
                stage = way.stages[0]
                first, last = self._wire(stage).carry(max(now + stage.lead, member.line), nbytes * self._channels)
                # The line lets the next one through when the rest of this one fits behind the fork; the sender is
                # through when the rest fits before and behind it.
                member.line = max(first, last - transfer_time(stage.room * self._channels, stage.bw))
                ends = max(left, last - transfer_time((stage.room + stage.shared) * self._channels, stage.bw))
                self._cross(way, 1, first, last, nbytes, reached)
            else:
                self._flow.at(now + way.latency, lambda at: reached(at, left + way.latency))
            self._flow.take(unit, 1)
            self._flow.free(unit, 1, ends)
            self._flow.end(operation, ends)

        def reached(head: Fs, tail: Fs) -> None:
            arrived.missing -= 1
            # In lockstep no answer comes beside it.
            arrived.ready = tail if self._lockstep else other.inward.message(head, tail, way.bw, nbytes)
            self._flow.arrive(arrived)

        return begin

    def _cross(
        self, way: Path, number: int, start: Fs, end: Fs, nbytes: int, reached: Callable[[Fs, Fs], None]
    ) -> None:
        """Go on from a stage that a message holds from start to end: to the next one, or to the receiver."""
        if number == len(way.stages):
            rest = way.latency - sum(stage.lead for stage in way.stages)
            self._flow.at(start + rest, lambda at: reached(at, end + rest))
            return
        stage = way.stages[number]

        def here(now: Fs) -> None:
            first, last = self._wire(stage).carry(now, nbytes * self._channels)
            self._cross(way, number + 1, first, max(last, end + stage.lead), nbytes, reached)

        self._flow.at(start + stage.lead, here)

    def _wire(self, stage: Stage) -> Wire:
        found = self._wires.get(stage.link)
        if found is None:
            found = self._wires[stage.link] = Wire(stage.bw)
        return found
