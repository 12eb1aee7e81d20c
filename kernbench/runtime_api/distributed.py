"""torch.distributed for one rank: groups, collectives that are kernels, and messages from rank to rank."""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

from kernbench.common.errors import UsageError
from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.common.units import Fs, ns
from kernbench.runtime_api.caller import caller
from kernbench.runtime_api.collectives.barrier import ring_barrier
from kernbench.runtime_api.collectives.choice import choose
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.collectives.measure import row_of, row_of_pairs
from kernbench.runtime_api.cubes import places
from kernbench.runtime_api.dtensor import DistributedTensors
from kernbench.runtime_api.group import Group
from kernbench.runtime_api.host_objects import HostObjects
from kernbench.runtime_api.membership import NON_GROUP_MEMBER, AnyGroup, NonMember
from kernbench.runtime_api.point_to_point import PointToPoint
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.reduce_op import ReduceOp, name_of
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.torch_tensors import takes_torch
from kernbench.runtime_api.work import Work, done
from kernbench.triton_emu.dtype import DType
from kernbench.triton_emu.launch import Launch

MARGIN = ns(200)
"""More than the parts of a launch, or of a step of a barrier, take beyond their ways."""
Blocks: TypeAlias = Tensor | Sequence[Tensor]

RING = "ring"
_BACKENDS = ("nccl", "gloo", "mpi", "ucc", "xccl")
"""What torch's programs give first: who moves the bytes, which here is the fabric."""


class Distributed(PointToPoint):
    """Every call suspends the rank; ranks meet only in simulated messages. Without `group` all ranks take part.

    A rank outside of a group may call its collectives all the same, as in torch: there they do nothing.
    """

    ReduceOp = ReduceOp

    def __init__(self, rank: Rank) -> None:
        super().__init__(rank)
        self._worlds = 0
        self._created: dict[tuple[int, ...], int] = {}
        self._objects = HostObjects(rank, self.all_gather, self.broadcast)
        self.tensor = DistributedTensors(self)

    def init_process_group(
        self,
        algo: str = RING,
        channels: int = 1,
        members: int = 1,
        ranks: Sequence[int] | None = None,
        backend: str | None = None,
        **_torch: Any,
    ) -> None:
        """Make the group of all ranks and open the queues of its all-reduce; timed messages do it.

        A rank has `members` members, in cubes of their own if there are as many, each using `channels` PEs: with more
        than one, a tensor holds their buffers side by side. With `ranks` those alone are the world of a collective, which
        may be the one rank's own members. torch's own arguments mean nothing here, nor does a backend in the first place.
        """
        if algo in _BACKENDS:
            algo, backend = RING, algo
        self._backend = backend or self._backend
        if self.default is not None:
            raise UsageError("init_process_group: the process group is there already")
        rank = self._rank
        self._worlds += 1
        name = "world" if self._worlds == 1 else f"world {self._worlds}"
        self.default = self._make(name, range(rank.world) if ranks is None else ranks, algo, channels, members)
        if algo != "auto" and hasattr(self.default.module(), "all_reduce"):
            self.default.prepare("all_reduce")
            self.default.wait_open()

    def _make(self, name: str, ranks: Sequence[int], algo: str, channels: int, members: int) -> Group:
        rank = self._rank
        if not 1 <= channels <= len(rank.pes):
            raise UsageError(f"init_process_group: channels is 1 to {len(rank.pes)} (PEs of a SIP), got {channels}")
        if rank.machine.slots < 2 and len(ranks) * members > 1:
            raise UsageError(
                "init_process_group: a queue of one slot deadlocks a ring, since every rank would wait for its successor "
                "to empty the slot that it forwards; set sip.cube.pe.ipcq.slots to 2 or more"
            )
        return Group(rank, name, ranks, algo, places(rank.pes, rank.machine.cube_mesh, members, channels))

    def new_group(
        self, ranks: Sequence[int] | None = None, algo: str = "", channels: int = 0, members: int = 1, **_torch: Any
    ) -> Group | NonMember:
        """Make a group of some ranks; a rank that is not among them gets GroupMember.NON_GROUP_MEMBER.

        Its ranks call this as often as each other for the same set; the order among sets does not matter.
        """
        world = self._group(None, "new_group")
        chosen = tuple(sorted(set(range(self._rank.world) if ranks is None else ranks)))
        if not chosen or not 0 <= chosen[0] <= chosen[-1] < self._rank.world:
            raise UsageError(f"new_group: ranks are 0 to {self._rank.world - 1}, got {list(chosen)}")
        number = self._created[chosen] = self._created.get(chosen, 0) + 1
        if self._rank.index not in chosen:
            return NON_GROUP_MEMBER
        name = blake2b(repr((chosen, number)).encode(), digest_size=4).hexdigest()
        group = self._make(name, chosen, algo or world.algo, channels or world.channels, members)
        if group.algo != "auto" and hasattr(group.module(), "all_reduce"):
            group.prepare("all_reduce")
        return group

    @property
    def cubes(self) -> int:
        """Cubes of a SIP."""
        columns, rows = self._rank.machine.cube_mesh
        return columns * rows

    @property
    def has_values(self) -> bool:
        """Whether the run computes bytes, or only time."""
        return self._rank.values

    def prepare(self, kind: str, group: AnyGroup = None, *, count: int = 0, dtype: DType | None = None) -> None:
        """Open the queues that a collective needs now, so that its first call need not.

        The algorithm `auto` depends on what is to be moved: blocks of `count` elements of `dtype`.
        """
        team = self._group(group, kind)
        if team.algo == "auto":
            if dtype is None or count < 1:
                return
            team.prepare(kind, choose(team, kind, count, dtype.itemsize))
        else:
            team.prepare(kind)
        team.wait_open()

    def align(self) -> None:
        """Return on every rank at the same instant: a barrier lets ranks go one after the other.

        Ranks wait for the end of a common window of time. A rank near the end of one waits for the next first, so that
        after a second barrier, which all leave within a fifth of a window, all are in the same.
        """
        rank = self._rank
        self.barrier()
        if rank.world == 1:
            return
        spread = self._spread()
        window = 5 * spread
        if rank.now() % window > window - 2 * spread:
            rank.pause(2 * spread)
        self.barrier()
        rank.pause(window - rank.now() % window)

    def _spread(self) -> Fs:
        """More than lies between the last rank's call of a barrier and the end of the last."""
        rank, machine = self._rank, self._rank.machine
        ends = [rank.endpoint(each, rank.pes[0]) for each in range(rank.world)]
        hops = [machine.path(src, dst).latency for src, dst in zip(ends, [*ends[1:], ends[0]], strict=True)]
        launch = 3 * machine.path("sip0.host", ends[0]).latency + 2 * machine.section("host").call
        spread: Fs = launch + rank.world * (max(hops) + machine.section("ipcq").recv + MARGIN)
        return spread

    def destroy_process_group(self, group: AnyGroup = None) -> None:
        """Forget the group of all ranks; another may be made. Queues are not given back: they live as long as the run."""
        if group is None or group is self.default:
            self.default = None

    # -- collectives ---------------------------------------------------------------------------------------------

    def barrier(self, group: AnyGroup = None, *, async_op: bool = False) -> Work:
        """Return when every rank of the group has called it; a kernel passes tokens around the ring, so it costs time."""
        if isinstance(group, NonMember):
            return done(self._rank)
        team, site = self._group(group, "barrier"), caller()
        if team.size == 1:
            return done(self._rank)
        queues = team.ring_queues()
        launch = ring_barrier.launch((1,), team.size)
        work = team.launch(launch, queues, "barrier", site, team.pes[0][:1])
        return work if async_op else self._waited(work, "barrier")

    @takes_torch
    def all_reduce(self, tensor: Tensor, op: str = "sum", group: AnyGroup = None, *, async_op: bool = False) -> Work:
        """Reduce over all ranks, in place: every rank ends with the same bits."""
        return self._run("all_reduce", tensor, tensor, group, op=op, async_op=async_op)

    @takes_torch
    def all_gather(self, output: Blocks, tensor: Tensor, group: AnyGroup = None, *, async_op: bool = False) -> Work:
        """Every rank ends with the tensors of all, in order of rank: in one tensor or in a list of them."""
        flat, after = self._collected(output, tensor)
        return self._run("all_gather", tensor, flat, group, async_op=async_op, after=after)

    @takes_torch
    def reduce_scatter(
        self, output: Tensor, source: Blocks, op: str = "sum", group: AnyGroup = None, *, async_op: bool = False
    ) -> Work:
        """Rank i ends with the reduction of everybody's block i."""
        return self._run("reduce_scatter", self._joined(source), output, group, op=op, async_op=async_op)

    @takes_torch
    def all_to_all(self, output: Blocks, source: Blocks, group: AnyGroup = None, *, async_op: bool = False) -> Work:
        """Block i of this rank goes to rank i, as its block number of this rank."""
        joined = self._joined(source)
        flat, after = self._collected(output, joined)
        return self._run("all_to_all", joined, flat, group, async_op=async_op, after=after)

    @takes_torch
    def broadcast(self, tensor: Tensor, src: int = 0, group: AnyGroup = None, *, async_op: bool = False) -> Work:
        """Everybody ends with the tensor of rank `src`."""
        return self._run("broadcast", tensor, tensor, group, root=src, async_op=async_op)

    @takes_torch
    def reduce(
        self, tensor: Tensor, dst: int = 0, op: str = "sum", group: AnyGroup = None, *, async_op: bool = False
    ) -> Work:
        """Rank `dst` ends with the reduction, in place; the others keep what they have."""
        return self._run("reduce", tensor, tensor, group, op=op, root=dst, async_op=async_op)

    @takes_torch
    def gather(
        self,
        tensor: Tensor,
        output: Blocks | None = None,
        dst: int = 0,
        group: AnyGroup = None,
        *,
        async_op: bool = False,
    ) -> Work:
        """Rank `dst` ends with the tensors of all; it alone names an output."""
        if isinstance(group, NonMember):
            return done(self._rank)
        team = self._group(group, "gather")
        if (output is not None) != (self._rank.index == dst):
            raise UsageError(f"gather: rank {dst} gives an output for what it collects, the others none")
        if output is None:
            output = Tensor(self._rank, (team.team.size * tensor.numel(),), tensor.dtype)
        flat, after = self._collected(output, tensor)
        return self._run("gather", tensor, flat, group, root=dst, async_op=async_op, after=after)

    @takes_torch
    def scatter(
        self,
        tensor: Tensor,
        source: Blocks | None = None,
        src: int = 0,
        group: AnyGroup = None,
        *,
        async_op: bool = False,
    ) -> Work:
        """Rank i ends with block i of rank `src`, which alone names a source."""
        if isinstance(group, NonMember):
            return done(self._rank)
        team = self._group(group, "scatter")
        if (source is not None) != (self._rank.index == src):
            raise UsageError(f"scatter: rank {src} gives the source, the others none")
        if source is None:
            source = Tensor(self._rank, (team.team.size * tensor.numel(),), tensor.dtype)
        return self._run("scatter", self._joined(source), tensor, group, root=src, async_op=async_op)

    def all_gather_object(self, object_list: list[Any], obj: Any, group: AnyGroup = None) -> None:
        """Fill a list with every rank's object: numbers, text, bytes, lists, dicts; a tuple arrives as a list."""
        if not isinstance(group, NonMember):
            self._objects.all_gather(object_list, obj, self._group(group, "all_gather_object"))

    def broadcast_object_list(self, object_list: list[Any], src: int = 0, group: AnyGroup = None) -> None:
        """Put the objects of rank `src` into everybody's list; a tuple arrives as a list."""
        if not isinstance(group, NonMember):
            self._objects.broadcast(object_list, src, self._group(group, "broadcast_object_list"))

    all_gather_into_tensor = all_gather
    reduce_scatter_tensor = reduce_scatter
    all_to_all_single = all_to_all

    def _run(
        self,
        kind: str,
        x: Tensor,
        y: Tensor,
        group: AnyGroup,
        *,
        op: str = "",
        root: int = 0,
        async_op: bool,
        after: Callable[[], None] | None = None,
    ) -> Work:
        if isinstance(group, NonMember):
            return done(self._rank)
        team, site, op = self._group(group, kind), caller(), name_of(op)
        algo = self._algo(team, kind, x, y, op)
        work = team.run(
            kind,
            x,
            y,
            op=op,
            root=team.index(root, kind) if KINDS[kind].rooted else 0,
            caller=site,
            algo=algo,
            after=after,
        )
        return work if async_op else self._waited(work, kind)

    def _algo(self, team: Group, kind: str, x: Tensor, y: Tensor, op: str) -> str:
        """The algorithm of a call: the group's, or under `auto` the one with the best closed form."""
        if team.algo != "auto":
            return team.algo
        return choose(team, kind, team.check(kind, x, y, op), x.element_size())

    def _waited(self, work: Work, name: str) -> Work:
        with self._rank.phase(name):
            work.wait()
        return work

    def _joined(self, source: Blocks) -> Tensor:
        """Blocks side by side; a list is copied."""
        if isinstance(source, Tensor):
            return source
        flat = Tensor(self._rank, (sum(each.numel() for each in source),), source[0].dtype)
        at = 0
        for each in source:
            flat[at : at + each.numel()].copy_(each.reshape(-1))
            at += each.numel()
        return flat

    def _collected(self, output: Blocks, like: Tensor) -> tuple[Tensor, Callable[[], None] | None]:
        """Where blocks arrive side by side, and what then puts them into the tensors of a list."""
        if isinstance(output, Tensor):
            return output, None
        tensors = list(output)
        flat = Tensor(self._rank, (sum(each.numel() for each in tensors),), like.dtype)

        def spread() -> None:
            at = 0
            for each in tensors:
                each.copy_(flat[at : at + each.numel()].reshape(each.shape))
                at += each.numel()

        return flat, spread

    # -- measuring -----------------------------------------------------------------------------------------------

    def row(
        self, work: Work | Sequence[Work], tensor: Tensor, op: str = "", kind: str = "all_reduce", **options: Any
    ) -> Row:
        """Make the row of a collective in nccl-tests' columns, with the closed form and the bound beside it.

        `tensor` is the result.
        """
        return row_of(self._group(options.pop("group", None), "row"), kind, work, tensor, name_of(op), **options)

    def row_of_pairs(self, pairs: Sequence[tuple[Work, Work]], tensor: Tensor) -> Row:
        """Make the row of a receive from the rank before and a send to the one after, the mean of several."""
        way = self._pairs.way()
        return row_of_pairs(self._rank, way, pairs, tensor)

    def launch(self, launch: Launch) -> None:
        """Run a kernel that the program launched with `kernel[grid](...)`, on all PEs of the device."""
        with self._rank.phase(launch.name):
            self._rank.call(KernelLaunchMsg(launch, tuple(self._rank.pes)))
