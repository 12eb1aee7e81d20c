"""A process group: some ranks, the PEs that communicate for them, and the queues between those PEs."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from kernbench.common.completion import RequestHandle
from kernbench.common.errors import UsageError
from kernbench.common.messages.host import KernelLaunchMsg, QueueConnectMsg
from kernbench.policy.placement import Interleaved, Placement
from kernbench.runtime_api.collectives import algorithm
from kernbench.runtime_api.collectives.credit import shortage
from kernbench.runtime_api.collectives.kernel import Job, Part, collective, queue_name
from kernbench.runtime_api.collectives.kinds import KINDS, OPERATIONS, Kind
from kernbench.runtime_api.collectives.layout import Layout, SlotShape, layout, slot_shape
from kernbench.runtime_api.collectives.lockstep import lockstep
from kernbench.runtime_api.collectives.room import QueueRoom
from kernbench.runtime_api.collectives.schedule import Action, Plan, Queue, Schedule, Team, X, Y, Z
from kernbench.runtime_api.cubes import Beside, cube_of
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.work import Work, done
from kernbench.triton_emu.jit import JitFunction
from kernbench.triton_emu.launch import Launch


@lru_cache(maxsize=256)
def plan_of(algo: str, kind: str, team: Team, root: int) -> Plan:
    """The plan of a collective: the algorithm's schedules, with the members renumbered so that its member 0 is `root`."""
    schedule: Callable[[int, Team], Schedule] | None = getattr(algorithm(algo), kind, None)
    if team.size == 1:
        schedule = _alone
    if schedule is None:
        offers = ", ".join(each for each in KINDS if hasattr(algorithm(algo), each))
        raise UsageError(
            f"{kind}: the algorithm {algo} does not offer it (it offers {offers}); "
            "direct offers them all: --algo direct, or init_process_group(algo='direct')"
        )
    if root:
        schedule = _turned(schedule, root, blocks=KINDS[kind].blocked)
    moved = KINDS[kind].inputs == KINDS[kind].outputs == "all"
    return Plan(f"{algo} {kind}", team, schedule, moved=moved)


def _alone(_rank: int, _team: Team) -> Schedule:
    """A team of one copies its input."""
    return Schedule(1, [[Action(0, load=X, store=Y)]])


def _turned(schedule: Callable[[int, Team], Schedule], root: int, *, blocks: bool) -> Callable[[int, Team], Schedule]:
    def turned(rank: int, team: Team) -> Schedule:
        n = team.size
        made = schedule((rank - root) % n, team)

        def turn(action: Action) -> Action:
            return msgspec.structs.replace(
                action,
                first=(action.first + root) % n if blocks else action.first,
                sources=tuple((each + root) % n for each in action.sources),
                to=tuple((each + root) % n for each in action.to),
            )

        return Schedule(made.chunks, [[turn(action) for action in step] for step in made.steps])

    return turned


class Group:
    """`ranks` in order of number, each with one member or more; member m sits on PEs `pes[m % local]`, one a channel."""

    def __init__(self, rank: Rank, name: str, ranks: Sequence[int], algo: str, pes: Sequence[Sequence[str]]) -> None:
        self.name = name
        self.ranks = tuple(ranks)
        self.algo = algo
        self.pes = tuple(tuple(each) for each in pes)
        self.team = Team(len(self.ranks) * len(self.pes), len(self.pes))
        self.channels = len(self.pes[0])
        self.machine = rank.machine
        self._rank = rank
        self._me = self.ranks.index(rank.index)
        self._sequence = 0
        self._opened: set[tuple[str, bool]] = set()
        self._room = QueueRoom(rank.machine)
        self._slots: dict[tuple[str, str, int], SlotShape] = {}
        self._ring: SlotShape | None = None  # of the queues of a barrier
        self._judged: set[str] = set()
        self._opening: list[RequestHandle] = []
        self._scratch: dict[str, Tensor] = {}

    @property
    def rank(self) -> int:
        """Number of this rank within the group."""
        return self._me

    @property
    def size(self) -> int:
        """How many ranks it has."""
        return len(self.ranks)

    def index(self, rank: int, what: str) -> int:
        """The number within the group of a rank of the world."""
        if rank not in self.ranks:
            raise UsageError(f"{what}: rank {rank} is not in the group of {self._people()}")
        return self.ranks.index(rank)

    def _people(self) -> str:
        return f"ranks {' '.join(map(str, self.ranks))}"

    def _members(self) -> range:
        local = self.team.local
        return range(self._me * local, (self._me + 1) * local)

    def endpoint(self, member: int, channel: int) -> str:
        """The network name of a member's PE."""
        return self._rank.endpoint(self.ranks[member // self.team.local], self.pes[member % self.team.local][channel])

    def sip(self, number: int) -> int:
        """The SIP of the group's rank of this number."""
        return int(self.endpoint(number * self.team.local, 0).partition(".")[0].removeprefix("sip"))

    def module(self) -> Any:
        """The algorithm's module."""
        return algorithm(self.algo)

    def beside(self, part: int) -> Placement:
        """Where a tensor lies that holds `part` bytes for each member: with several, each in its member's cube."""
        if self.team.local == 1:
            return Interleaved()
        return Beside(tuple(cube_of(pes[0]) for pes in self.pes), part)

    def names(self) -> list[str]:
        """The endpoints of all members' first channels."""
        return [self.endpoint(member, 0) for member in range(self.team.size)]

    # -- queues --------------------------------------------------------------------------------------------------

    def prepare(self, kind: str, algo: str = "", root: int = 0) -> None:
        """Begin to open the queues that a collective needs, if they are not open; timed messages do it."""
        algo = algo or self.algo
        if self.team.size > 1:
            if isinstance(getattr(algorithm(algo), kind, None), JitFunction):
                self._open_kernel(algo)
            else:
                self._open_plan(algo, kind, root)

    def _shape(self, algo: str, kind: str, root: int) -> SlotShape:
        """The slots that a collective's queues have, or would have if it were the group's only one."""
        found = self._slots.get((algo, kind, root))
        return found or slot_shape(self.machine, plan_of(algo, kind, self.team, root).peers())

    def _suffix(self, shape: SlotShape) -> str:
        """Queues of another shape than the topology's are others."""
        machine = self._rank.machine
        if (shape.slots, shape.slot_bytes) == (machine.slots, machine.slot_bytes):
            return self.name
        return f"{self.name}.{shape.slots}x{shape.slot_bytes}"

    def _open_plan(self, algo: str, kind: str, root: int) -> None:
        plan, key = plan_of(algo, kind, self.team, root), (algo, kind, root)
        if key not in self._slots:
            self._slots[key] = self._room.slots(plan.queues, plan.peers())
        shape = self._slots[key]
        if self._me == 0 and plan.name not in self._judged:
            self._judged.add(plan.name)
            if short := shortage(self.machine, self.names(), plan, shape, self.channels):
                sys.stderr.write(f"kernbench: {short}\n")
        for member in self._members():
            ends = [(queue.src, queue.plane, True) for queue in plan.receives(member)]
            ends += [(queue.dst, queue.plane, False) for queue in plan.sends(member)]
            for channel in range(self.channels):
                self.open(member, channel, ends, shape)

    def _open_kernel(self, algo: str) -> None:
        send, receive = algorithm(algo).peers(self._me, self.size)
        ends = [(peer, 0, True) for peer in receive.values()] + [(peer, 0, False) for peer in send.values()]
        for channel in range(self.channels):
            self.open(self._me, channel, ends, slot_shape(self.machine, len(receive)))

    def open(self, member: int, channel: int, ends: Sequence[tuple[int, int, bool]], shape: SlotShape) -> None:
        """Begin to open a member's ends of queues: (peer, plane, whether it receives)."""
        group = self._suffix(shape)
        incoming: dict[str, str] = {}
        outgoing: dict[str, str] = {}
        for peer, plane, receives in ends:
            src, dst = (peer, member) if receives else (member, peer)
            name = queue_name(group, channel, src, dst, plane)
            if (name, receives) not in self._opened:
                self._opened.add((name, receives))
                (incoming if receives else outgoing)[name] = self.endpoint(peer, channel)
        if incoming or outgoing:
            pe = self.pes[member % self.team.local][channel]
            what = f"queues of group {self.name} ({self._people()})"
            message = QueueConnectMsg(pe, incoming, outgoing, shape.slots, shape.slot_bytes, what)
            self._opening.append(self._rank.submit(message))

    def ring_queues(self) -> dict[str, str]:
        """The queues of a ring of the ranks' first members, opened: what a barrier needs."""
        local, n = self.team.local, self.size
        me, after, before = (rank * local for rank in (self._me, (self._me + 1) % n, (self._me - 1) % n))
        if self._ring is None:
            order = [rank * local for rank in range(n)]
            queues = [Queue(src, dst) for src, dst in zip(order, order[1:] + order[:1], strict=True) if src != dst]
            self._ring = self._room.slots(queues, 1)
        shape = self._ring
        self.open(me, 0, [(before, 0, True), (after, 0, False)], shape)
        self.wait_open()
        group = self._suffix(shape)
        return {"next": queue_name(group, "{channel}", me, after), "prev": queue_name(group, "{channel}", before, me)}

    def wait_open(self) -> None:
        """Wait until every queue that is being opened is open at both ends."""
        opening, self._opening = self._opening, []
        for handle in opening:
            self._rank.wait(handle)

    # -- collectives ---------------------------------------------------------------------------------------------

    def run(
        self,
        kind: str,
        x: Tensor,
        y: Tensor,
        *,
        op: str = "",
        root: int = 0,
        caller: str = "",
        algo: str = "",
        after: Callable[[], None] | None = None,
    ) -> Work:
        """Launch a collective from `x` to `y` (the same tensor in place) and give the Work; nothing waits but for queues."""
        algo = algo or self.algo
        described = KINDS[kind]
        count = self.check(kind, x, y, op)
        if self.team.size == 1 and x is y:
            return done(self._rank, after)
        title = f"{kind}({f'{op}, ' if op else ''}{f'root {root}, ' if described.rooted else ''}{count} x {x.dtype}, {algo})"
        self.prepare(kind, algo, root * self.team.local)
        self.wait_open()
        if isinstance(getattr(algorithm(algo), kind, None), JitFunction) and self.team.size > 1:
            launch, queues = self._own_kernel(algo, kind, x, count, op)
        else:
            launch, queues = self._planned(algo, kind, x, y, count, op, root * self.team.local), {}
        return self.launch(launch, queues, title, caller, self._all_pes(), after)

    def launch(
        self,
        launch: Launch,
        queues: Mapping[str, str],
        title: str,
        caller: str,
        pes: tuple[str, ...],
        after: Callable[[], None] | None = None,
    ) -> Work:
        """Submit a kernel of the group; the first that two ranks do differently stops the run where its messages meet."""
        self._sequence += 1
        tag = f"{title} number {self._sequence} of group {self.name}"
        launch.connect(queues, f"{tag}, called by rank {self._rank.index} at {caller}")
        what = f"{tag} ({self._people()}), called by rank {self._rank.index} at {caller}"
        return Work(self._rank, self._rank.submit(KernelLaunchMsg(launch, pes, what)), after)

    def _all_pes(self) -> tuple[str, ...]:
        return tuple(pe for member in self.pes for pe in member)

    def check(self, kind: str, x: Tensor, y: Tensor, op: str) -> int:
        """The elements of a block, once types, sizes and operation are found to fit."""
        described, local, n = KINDS[kind], self.team.local, self.team.size
        if described.reduces and op not in OPERATIONS:
            raise UsageError(f"{kind}: unknown op {op!r}; there are {', '.join(OPERATIONS)}")
        if x.dtype is not y.dtype:
            raise UsageError(f"{kind}: the input is {x.dtype}, the output {y.dtype}; they must be the same")
        for tensor, blocks, which in ((x, described.inputs, "input"), (y, described.outputs, "output")):
            if not tensor.is_contiguous():
                raise UsageError(f"{kind}: the {which} is not contiguous; use .contiguous()")
            if tensor.numel() % (local * (n if blocks == "all" else 1)):
                raise UsageError(
                    f"{kind}: the {which} has {tensor.numel()} elements, not the same number for each of {n} members"
                )
        count = x.numel() // (local * (n if described.inputs == "all" else 1))
        other = y.numel() // (local * (n if described.outputs == "all" else 1))
        if count != other:
            raise UsageError(f"{kind}: {count} elements of each member go in, and there is room for {other}")
        if not count:
            raise UsageError(f"{kind}: the tensors are empty")
        return count

    def cut(self, kind: str, algo: str, count: int, itemsize: int, root: int = 0) -> tuple[Plan, Layout]:
        """The plan of a collective and how its elements are cut: a function of topology and algorithm alone."""
        plan = plan_of(algo, kind, self.team, root)
        shape = self._shape(algo, kind, root)
        return plan, layout(
            plan, count, itemsize, shape, self.channels, self.machine.packet_bytes, blocked=KINDS[kind].blocked
        )

    def _planned(self, algo: str, kind: str, x: Tensor, y: Tensor, count: int, op: str, root: int) -> Launch:
        described = KINDS[kind]
        plan, cut = self.cut(kind, algo, count, x.element_size(), root)
        z = self._scratch_for(x, count * (self.team.size if described.blocked else 1)) if plan.scratch else x
        group = self._suffix(self._shape(algo, kind, root))
        parts = tuple(
            Part(group, member, plan.steps[member], self._shift(described, number, member, count))
            for number, member in enumerate(self._members())
        )
        job = Job(parts, cut, self.channels, self.team.size)
        kernel = lockstep if cut.lockstep else collective
        launch: Launch = kernel.launch((self.team.local * self.channels,), x, y, z, job, x.dtype, op, cut.piece)
        return launch

    def _shift(self, described: Kind, number: int, member: int, count: int) -> dict[str, int]:
        """How far each buffer of this SIP's member `number` is from where chunk 0 would be."""
        n = self.team.size
        whole = count * (n if described.blocked else 1)

        def shift(blocks: str) -> int:
            if not described.blocked:
                return -number * count
            return -number * whole if blocks == "all" else (member - number) * count

        return {X: shift(described.inputs), Y: shift(described.outputs), Z: -number * whole}

    def _scratch_for(self, like: Tensor, count: int) -> Tensor:
        """Memory for partial results: the largest so far of its type serves."""
        need, found = count * self.team.local, self._scratch.get(like.dtype.name)
        if found is None or found.numel() < need:
            found = self._scratch[like.dtype.name] = Tensor(self._rank, (need,), like.dtype)
        return found

    def _own_kernel(self, algo: str, kind: str, x: Tensor, count: int, op: str) -> tuple[Launch, dict[str, str]]:
        """A collective that a user wrote as a kernel, with directions of its own."""
        if self.team.local > 1 or kind != "all_reduce":
            raise UsageError(f"{algo}: a kernel of one's own is an all_reduce with one member a SIP")
        module, rank = algorithm(algo), self._rank
        sizes = module.arguments(rank.machine, count, x.element_size(), self.size, self.channels)
        send, receive = module.peers(self._me, self.size)
        group = self._suffix(slot_shape(self.machine, len(receive)))
        queues = {direction: queue_name(group, "{channel}", self._me, peer) for direction, peer in send.items()}
        queues |= {direction: queue_name(group, "{channel}", peer, self._me) for direction, peer in receive.items()}
        launch = module.all_reduce.launch(
            (self.channels,), x, count, sizes["chunk"], self._me, self.size, x.dtype, op, sizes["SLICE"]
        )
        return launch, queues
