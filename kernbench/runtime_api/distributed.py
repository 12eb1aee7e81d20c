"""torch.distributed for one rank: process groups over IPCQ queues, and collectives that are kernels."""

from typing import Any

from kernbench.common.errors import UsageError
from kernbench.common.messages.host import KernelLaunchMsg, QueueConnectMsg
from kernbench.common.units import Fs
from kernbench.runtime_api.collectives import algorithm
from kernbench.runtime_api.collectives.barrier import ring_barrier
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.launch import Launch


class Work:
    """A collective that has ended: where its device time began and ended, what the launch around it took (fs).

    `queued` is the queueing on its critical path, `overlap` the engines' busy time minus its union.
    """

    __slots__ = ("end", "launch", "overlap", "queued", "start")

    def __init__(self, start: Fs, end: Fs, launch: Fs = 0, queued: Fs = 0, overlap: Fs = 0) -> None:
        self.start = start
        self.end = end
        self.launch = launch
        self.queued = queued
        self.overlap = overlap


class Distributed:
    """The default group of all ranks. Every call suspends the rank; ranks meet only in simulated messages."""

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self._algo = ""
        self._pes: tuple[str, ...] = ()
        self._sequence = 0

    def init_process_group(self, algo: str = "ring", channels: int = 1) -> None:
        """Open the queues that `algo` needs between this rank's channel PEs and its peers'; timed messages do it."""
        rank = self._rank
        if self._pes:
            raise UsageError("init_process_group: the process group is there already")
        if not 1 <= channels <= len(rank.pes):
            raise UsageError(f"init_process_group: channels is 1 to {len(rank.pes)} (PEs of a SIP), got {channels}")
        module = algorithm(algo)
        self._algo = algo
        self._pes = tuple(rank.pes[:channels])
        if rank.world == 1:
            return
        if rank.machine.slots < 2:
            raise UsageError(
                "init_process_group: a queue of one slot deadlocks a ring, since every rank would wait for its successor "
                "to empty the slot that it forwards; set sip.cube.pe.ipcq.slots to 2 or more"
            )
        send, receive = module.peers(rank.index, rank.world)
        handles = []
        for channel, pe in enumerate(self._pes):
            outgoing = {_queue(channel, rank.index, peer): rank.endpoint(peer, pe) for peer in send.values()}
            incoming = {_queue(channel, peer, rank.index): rank.endpoint(peer, pe) for peer in receive.values()}
            handles.append(rank.submit(QueueConnectMsg(pe, incoming, outgoing)))
        for handle in handles:
            rank.wait(handle)

    def get_rank(self) -> int:
        """Number of this rank."""
        return self._rank.index

    def get_world_size(self) -> int:
        """How many ranks there are."""
        return self._rank.world

    def barrier(self) -> None:
        """Return when every rank has called it; a kernel passes tokens around the ring, so it costs time."""
        self._require("barrier")
        if self._rank.world > 1:
            self._launch(ring_barrier.launch((1,), self._rank.world), "barrier", self._pes[:1])

    def all_reduce(self, tensor: Tensor, op: str = "sum") -> Work:
        """Reduce over all ranks, in place: every rank ends with the same bits."""
        self._require("all_reduce")
        module = algorithm(self._algo)
        if op not in module.OPERATIONS:
            raise UsageError(f"all_reduce: unknown op {op!r}; there are {', '.join(module.OPERATIONS)}")
        rank = self._rank
        if rank.world == 1:
            now = rank.now()
            return Work(now, now)
        count = tensor.numel()
        sizes = module.arguments(rank.machine, count, tensor.element_size(), rank.world, len(self._pes))
        launch = module.ring_all_reduce.launch(
            (len(self._pes),), tensor, count, sizes["chunk"], rank.index, rank.world, tensor.dtype, op, sizes["SLICE"]
        )
        return self._launch(launch, f"all_reduce({op}, {count} x {tensor.dtype}, {self._algo})", self._pes)

    def row(self, work: Work, tensor: Tensor, op: str) -> Row:
        """Make the row of an all-reduce in nccl-tests' columns, with the closed form and the bound beside it."""
        rank = self._rank
        count, itemsize = tensor.numel(), tensor.element_size()
        module = algorithm(self._algo)
        closed = 0
        if rank.world > 1:
            closed = module.closed_form(rank.machine, self._pes[0], -(-count // len(self._pes)), itemsize, rank.world)
        columns: dict[str, Any] = {
            "size_bytes": tensor.nbytes,
            "count": count,
            "dtype": tensor.dtype.name,
            "redop": op,
            "algo": self._algo,
            "closed_form_fs": closed,
            "bound_bw": rank.machine.fabric_out_bw,
            "bus_factor": [2 * (rank.world - 1), rank.world],
        }
        return Row(
            columns,
            work.start,
            work.end,
            launch=work.launch,
            queued=work.queued,
            overlap=work.overlap,
            results=(tensor,),
        )

    def launch(self, launch: Launch) -> None:
        """Run a kernel that the program launched with `kernel[grid](...)`, on all PEs of the device."""
        self._rank.call(KernelLaunchMsg(launch, tuple(self._rank.pes)))

    def _require(self, what: str) -> None:
        if not self._pes:
            raise UsageError(f"{what}: call init_process_group first")

    def _launch(self, launch: Launch, tag: str, pes: tuple[str, ...]) -> Work:
        rank = self._rank
        self._sequence += 1
        send, receive = algorithm(self._algo).peers(rank.index, rank.world)
        # The first collective that two ranks do differently stops the run where the tags meet.
        launch.connect(
            {direction: _queue("{channel}", rank.index, peer) for direction, peer in send.items()}
            | {direction: _queue("{channel}", peer, rank.index) for direction, peer in receive.items()},
            f"{tag} number {self._sequence}",
        )
        completion = rank.call(KernelLaunchMsg(launch, pes))
        device = completion.device_end - completion.device_start
        return Work(
            completion.device_start,
            completion.device_end,
            completion.latency - device,
            completion.queued,
            completion.overlap,
        )


def _queue(channel: int | str, src: int, dst: int) -> str:
    return f"world.{channel}.{src}>{dst}"
