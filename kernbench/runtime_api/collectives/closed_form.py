"""The time of a schedule on a machine that does nothing else: the longest path through its slices' loads and messages.

It knows latencies, bandwidths and clocks of the topology and the schedule, imports no component and reads no result.
What a simulation takes beyond it is queueing inside the chips. A long message grows by a constant time per byte, so
that it is evaluated at two shorter lengths and continued.
"""

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from typing import Any

from kernbench.common.units import Fs, transfer_time
from kernbench.policy.placement import GRANULE
from kernbench.runtime_api.collectives.layout import Layout
from kernbench.runtime_api.collectives.schedule import Action, Plan
from kernbench.runtime_api.rank import Machine, Path

SLICES = 3000
"""Slices of all members that are followed one by one."""

Cut = Callable[[int], tuple[Plan, Layout]]


def closed_form(machine: Machine, cut: Cut, count: int, itemsize: int, names: Sequence[str], channels: int) -> Fs:
    """Time of a collective of `count` elements a block among the endpoints `names`; `cut` cuts any count."""
    slices = _slices(*cut(count), channels)
    if slices <= SLICES:
        return _Paths(machine, names, itemsize, channels).time(*cut(count))
    most = count * SLICES // slices
    short, shorter = (_Paths(machine, names, itemsize, channels).time(*cut(each)) for each in (most, most // 2))
    return short + (short - shorter) * (count - most) // (most - most // 2)


def _slices(plan: Plan, layout: Layout, channels: int) -> int:
    """About how many slices all members of one channel handle."""
    actions = sum(a.chunks * layout.chunk // layout.piece + 1 for steps in plan.steps for step in steps for a in step)
    return actions * -(-layout.rounds // channels)


def _at_once(at: Fs) -> Fs:
    return at


class _Node:
    """One operation: what it still waits for, when it could begin, and who waits for it, with a delay."""

    __slots__ = ("after", "member", "missing", "ready", "run")

    def __init__(self, member: int, issued: Fs, run: Callable[[Fs], Fs]) -> None:
        self.member = member
        self.missing = 0
        self.ready = issued
        self.run = run
        self.after: list[tuple[_Node, Fs]] = []

    def follows(self, *before: tuple["_Node | None", Fs]) -> "_Node":
        """It begins when the others have ended, each plus a delay."""
        for node, delay in before:
            if node is not None:
                node.after.append((self, delay))
                self.missing += 1
        return self


class _Queue:
    """The messages of one queue so far: sends, receives and when each slot is free again."""

    __slots__ = ("freed", "received", "sent")

    def __init__(self) -> None:
        self.sent: list[_Node] = []
        self.received: list[_Node] = []
        self.freed: list[list[_Node]] = []


class _Issue:
    """A member's program order: an operation is issued when its engine's queue has room and its block has storage."""

    __slots__ = ("blocks", "depth", "freed", "gate", "queued", "time")

    def __init__(self, depth: int, blocks: int) -> None:
        self.depth = depth
        self.blocks = blocks
        self.time: Fs = 0
        self.gate: _Node | None = None
        self.queued: dict[str, list[_Node]] = {}
        self.freed: list[list[_Node]] = []


class _Paths:
    """The graph of one collective on one channel; `channels` share each way."""

    def __init__(self, machine: Machine, names: Sequence[str], itemsize: int, channels: int) -> None:
        self._machine = machine
        self._names = names
        self._itemsize = itemsize
        self._channels = channels
        self._ways: dict[tuple[int, int], Path] = {}
        self._busy: dict[Any, Fs] = {}
        self._queues: dict[tuple[int, int, int], _Queue] = {}
        self._stored: dict[tuple[int, str, int], _Node] = {}
        self._nodes: list[_Node] = []
        math, cpu = machine.section("pe_math"), machine.section("pe_cpu")
        self._rate = math.lanes * math.clock
        self._issue: Fs = cpu.issue
        self._recv: Fs = machine.section("ipcq").recv
        sip, _, node = names[0].partition(".")
        self._memory = machine.path(names[0], f"{sip}.{node.partition('.')[0]}.hbm")
        self._scheduler = machine.section("pe_scheduler").queue_depth
        self._issues: list[_Issue] = []

    def time(self, plan: Plan, layout: Layout) -> Fs:
        """The end of the last operation."""
        slot = layout.piece * self._itemsize
        scratch = self._machine.section("pe_tcm").capacity
        for member, steps in enumerate(plan.steps):
            spare = scratch - len(plan.receives(member)) * layout.slots * layout.slot_bytes
            self._issues.append(_Issue(self._scheduler, max(spare // slot, 1)))
            for number in range(0, layout.rounds, self._channels):
                for step in steps:
                    for action, start, length in layout.order(step, number):
                        self._slice(member, action, start, length, layout.piece)
        self._link(layout)
        return self._run()

    def _queue(self, src: int, dst: int, plane: int) -> _Queue:
        return self._queues.setdefault((src, dst, plane), _Queue())

    def _way(self, src: int, dst: int) -> Path:
        if (src, dst) not in self._ways:
            self._ways[src, dst] = self._machine.path(self._names[src], self._names[dst])
        return self._ways[src, dst]

    def _node(self, member: int, kind: str, run: Callable[[Fs], Fs]) -> _Node:
        """The next operation in a member's program order."""
        issue = self._issues[member]
        before = issue.queued.setdefault(kind, [])
        blocking = [before[-issue.depth]] if len(before) >= issue.depth else []
        if kind == "load":
            if len(issue.freed) >= issue.blocks:
                blocking += issue.freed[-issue.blocks]
            issue.freed.append([])
        if blocking:
            gate = _Node(member, 0, _at_once).follows((issue.gate, 0), *((node, 0) for node in blocking))
            self._nodes.append(gate)
            issue.gate = gate
        node = _Node(member, issue.time, run).follows((issue.gate, 0))
        issue.time += self._issue
        before.append(node)
        self._nodes.append(node)
        return node

    def _slice(self, member: int, action: Action, start: int, length: int, piece: int) -> None:
        """The operations of one slice of an action, in the kernel's order."""
        nbytes = length * self._itemsize
        access = 2 * self._memory.latency + max(
            transfer_time(min(nbytes, GRANULE), self._machine.slice_bw()), transfer_time(nbytes, self._memory.bw)
        )
        places = range(start // piece, (start + length - 1) // piece + 1)
        loaded = None
        if action.load is not None:
            loaded = self._node(member, "load", lambda at: at + access)
            loaded.follows(*((self._stored.get((member, action.load, place)), 0) for place in places))
        block = None if action.sources else loaded
        held: list[list[_Node]] = []
        for source in action.sources:
            queue = self._queue(source, member, action.arrives_on)
            got = self._node(member, "recv", lambda at: at + self._recv)
            got.follows(*[(before, 0) for before in queue.received[-1:]])
            queue.received.append(got)
            held.append([])
            queue.freed.append(held[-1])
            other = block if block is not None else loaded
            if other is None:
                block = got
                continue
            block = self._node(member, "math", self._combining(member, piece)).follows((got, 0), (other, 0))
            held.pop().append(block)
        assert block is not None
        users = []
        if action.store is not None:
            stored = self._node(member, "store", lambda at: at + access).follows((block, 0))
            users.append(stored)
            for place in places:
                self._stored[member, action.store, place] = stored
        for peer in action.to:
            sent = self._node(member, "send", self._sending(member, peer, nbytes)).follows((block, 0))
            self._queue(member, peer, action.plane).sent.append(sent)
            users.append(sent)
        for slot in held:
            slot.extend(users or [block])
        if loaded is not None:
            self._issues[member].freed[-1].extend(users or [block])

    def _combining(self, member: int, elements: int) -> Callable[[Fs], Fs]:
        def run(at: Fs) -> Fs:
            start = max(at, self._busy.get(("math", member), 0))
            self._busy["math", member] = end = start + transfer_time(elements, self._rate)
            return end

        return run

    def _sending(self, member: int, peer: int, nbytes: int) -> Callable[[Fs], Fs]:
        way = self._way(member, peer)
        links: tuple[Any, ...] = way.crossings or ((member, peer),)

        def run(at: Fs) -> Fs:
            start = max(at, self._busy.get(member, 0))
            injected = start + transfer_time(nbytes, self._memory.bw)
            for link in links:
                start = max(start, self._busy.get(link, 0))
            # About a slice fits into the buffers before the slow link: injecting it ends when the link begins with it.
            self._busy[member] = max(injected, start)
            end = start + transfer_time(nbytes * self._channels, way.bw)
            for link in links:
                self._busy[link] = end
            return end

        return run

    def _link(self, layout: Layout) -> None:
        """Join sends with receives, and slots with the sends that fill them again."""
        for (src, dst, _), queue in self._queues.items():
            there, back = self._way(src, dst).latency, self._way(dst, src).latency
            for number, (sent, got) in enumerate(zip(queue.sent, queue.received, strict=True)):
                got.follows((sent, there))
                if number >= layout.slots:
                    sent.follows(*((node, back) for node in queue.freed[number - layout.slots]))

    def _run(self) -> Fs:
        heap: list[tuple[Fs, int, _Node]] = []
        for number, node in enumerate(self._nodes):
            if not node.missing:
                heappush(heap, (node.ready, number, node))
        order = len(self._nodes)
        last: Fs = 0
        while heap:
            at, _, node = heappop(heap)
            end = node.run(at)
            last = max(last, end)
            for follower, delay in node.after:
                follower.ready = max(follower.ready, end + delay)
                follower.missing -= 1
                if not follower.missing:
                    order += 1
                    heappush(heap, (follower.ready, order, follower))
        return last
