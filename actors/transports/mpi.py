"""Islands as the ranks of an MPI job: what a cluster runs when one machine is too small.

`mpiexec -n N python -m mpi4py -m kernbench run ... --transport mpi`: rank 0 is the coordinator and island 0, every
other rank calls `serve` and runs the island that rank 0 gives it. mpi4py is imported here alone (extra `kernbench[mpi]`).
"""

import atexit
import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec

from actors import failure
from actors.control import Control
from actors.frame import FrameReader, FrameWriter
from actors.island import Island
from actors.publisher import published
from actors.transports.inproc import polled_gate
from kernbench.common.errors import ExitCode, UsageError
from kernbench.common.messages.island import FromIsland, Go, Job, Outcome, Ready, Start, ToIsland, WindowFrame
from kernbench.common.units import Fs

FIRST = 1 << 14
"""Bytes of a frame that go in its first message, into a buffer that the receiver has ready; the rest is a second one."""
HEAD, REST = 1, 2
TRIES = 200
"""Looks for a message before the core is offered to somebody else."""


class Mpi:
    """Runs one block per rank of the job, the first here; a rank without a block waits for the next run.

    `crowded`: some machine has fewer cores than ranks of the job, so ranks that wait leave their core to others.
    """

    def __init__(self) -> None:
        self._world = _world()
        self.ranks: int = self._world.Get_size()
        if self._world.Get_rank():
            raise UsageError("only rank 0 of an MPI job starts a run; the others serve")
        self.crowded = _is_crowded(self._world)
        atexit.register(self._release)

    def run(self, job: Job, blocks: list[list[int]], control: Control) -> list[Outcome]:
        """Give every rank its block, run island 0, collect all outcomes."""
        if len(blocks) > self.ranks:
            raise UsageError(f"{len(blocks)} workers, but the MPI job has {self.ranks} ranks; give mpiexec -n more")
        world = self._world
        _broadcast(world, Start(job, 0, blocks, [str(entry) for entry in sys.path]))
        try:
            return _take_part(world, job, blocks, control)
        except BaseException:
            # The other ranks are somewhere in the middle of a window; only the end of the job reaches them.
            atexit.unregister(self._release)
            atexit.register(_abort, world)
            raise

    def _release(self) -> None:
        """Tell the ranks that serve that there is nothing more to do."""
        _broadcast(self._world, None)


def serve() -> None:
    """What every rank but 0 does: its part of each run, until rank 0 has no more."""
    world = _world()
    _is_crowded(world)
    os.dup2(2, 1)  # what a bench prints here goes to stderr: stdout belongs to rank 0's result
    decoder = msgspec.msgpack.Decoder(Start | None)
    while (start := decoder.decode(_broadcast(world))) is not None:
        sys.path[:] = start.path
        _take_part(world, start.job, start.blocks, None)


def is_helper() -> bool:
    """Whether this process is a rank of an MPI job other than its first."""
    return bool(_world().Get_rank())


def _world() -> Any:
    try:
        from mpi4py import MPI  # noqa: PLC0415  # an extra, and it starts MPI
    except ImportError as error:
        raise UsageError(f"--transport mpi needs mpi4py ({error}); pip install 'kernbench[mpi]'") from error
    return MPI.COMM_WORLD


def _is_crowded(world: Any) -> bool:
    """Whether any machine has more ranks than cores; all ranks ask together."""
    from mpi4py import MPI  # noqa: PLC0415

    here = world.Split_type(MPI.COMM_TYPE_SHARED)
    ranks = here.Get_size()
    here.Free()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # mpiexec binds each rank to a core of its own where it can, so one's own affinity may say 1
    return bool(world.allreduce(ranks > max(cores, os.cpu_count() or 1), op=MPI.LOR))


def _broadcast(world: Any, message: ToIsland | str | None = "") -> bytes:
    """From rank 0 (which gives the message) to all; the encoded message."""
    body = msgspec.msgpack.encode(message) if world.Get_rank() == 0 else b""
    size = bytearray(len(body).to_bytes(8, "little"))
    _finish(world.Ibcast(size, root=0))
    data = bytearray(body or int.from_bytes(size, "little"))
    _finish(world.Ibcast(data, root=0))
    return bytes(data)


def _gather(world: Any, message: FromIsland) -> list[FromIsland]:
    """To rank 0, in rank order; the others get nothing back."""
    body = msgspec.msgpack.encode(message)
    rank, size = world.Get_rank(), world.Get_size()
    if rank:
        _finish(world.Isend(len(body).to_bytes(8, "little"), 0, HEAD))
        _finish(world.Isend(body, 0, REST))
        return []
    decoder = msgspec.msgpack.Decoder(FromIsland)
    bodies = [body]
    for other in range(1, size):
        length = bytearray(8)
        _finish(world.Irecv(length, other, HEAD))
        data = bytearray(int.from_bytes(length, "little"))
        _finish(world.Irecv(data, other, REST))
        bodies.append(bytes(data))
    return [decoder.decode(each) for each in bodies]


def _take_part(world: Any, job: Job, blocks: list[list[int]], control: Control | None) -> list[Outcome]:
    """Run the island of this rank, if it has one; rank 0 gets the outcomes of all, the others none."""
    rank = world.Get_rank()
    mine = world.Split(0 if rank < len(blocks) else 1, rank)
    try:
        if rank >= len(blocks):
            return []
        island = Island(job, rank, blocks)
        try:
            return _run(mine, job, island, blocks, control)
        finally:
            island.close()
    finally:
        mine.Free()


def _run(comm: Any, job: Job, island: Island, blocks: list[list[int]], control: Control | None) -> list[Outcome]:
    rank = comm.Get_rank()
    built: FromIsland
    try:
        built = Ready(island.build())
    except Exception as error:
        built = _failed(error)
    answers = _gather(comm, built)
    lookaheads: list[Fs] = []
    failed = [answer for answer in answers if isinstance(answer, Outcome)]
    if not failed:
        given = {sip: lookahead for block, answer in zip(blocks, answers, strict=False) if isinstance(answer, Ready)
                 for sip, lookahead in zip(block, answer.lookaheads, strict=True)}  # fmt: skip
        lookaheads = [given[sip] for sip in sorted(given)]
    go = msgspec.msgpack.decode(_broadcast(comm, Go(lookaheads)), type=Go)
    if failed:
        return failed
    if not go.lookaheads:
        return []
    peers = Ranks(comm)
    gate = polled_gate(island, control) if control else None
    try:
        with published(island, job, rank, gate):
            outcome = island.run(go.lookaheads, peers, gate)
    except Exception as error:
        # The other ranks wait for this one's next frame: nothing but ending the job reaches them.
        sys.stderr.write(f"kernbench: error: rank {rank}: {type(error).__name__}: {error}\n")
        sys.stderr.flush()
        comm.Abort(int(ExitCode.SIMULATION))
        raise
    outcomes = _gather(comm, outcome)
    return [each for each in outcomes if isinstance(each, Outcome)]


class Ranks:
    """The other islands of this one: one frame each way per window, all under way at once."""

    def __init__(self, comm: Any) -> None:
        own = comm.Get_rank()
        self._comm = comm
        self._others = [rank for rank in range(comm.Get_size()) if rank != own]
        decoder = msgspec.msgpack.Decoder(WindowFrame)
        self._writers = [FrameWriter(own) for _ in self._others]
        self._readers = [FrameReader(f"rank {rank}", rank, decoder) for rank in self._others]
        self._buffers = [bytearray(FIRST) for _ in self._others]

    def exchange(self, frames: Sequence[WindowFrame]) -> Sequence[WindowFrame]:
        """Send every frame and receive one from each."""
        comm = self._comm
        incoming = [comm.Irecv(buffer, rank, HEAD) for rank, buffer in zip(self._others, self._buffers, strict=True)]
        outgoing = []
        for rank, writer, frame in zip(self._others, self._writers, frames, strict=True):
            data = memoryview(bytes(writer.encode(frame)))  # it must stay until it is sent
            outgoing.append(comm.Isend(data[:FIRST], rank, HEAD))
            if len(data) > FIRST:
                outgoing.append(comm.Isend(data[FIRST:], rank, REST))
        received = [self._receive(index, request) for index, request in enumerate(incoming)]
        for request in outgoing:
            _finish(request)
        return received

    def _receive(self, index: int, request: Any) -> WindowFrame:
        reader = self._readers[index]
        count = _finish(request)
        reader.feed(bytes(memoryview(self._buffers[index])[:count]))
        frame = reader.next()
        if frame is None:
            rest = bytearray(reader.missing)
            _finish(self._comm.Irecv(rest, self._others[index], REST))
            reader.feed(bytes(rest))
            frame = reader.next()
        assert frame is not None, "a frame is complete with its second message"
        return frame


def _finish(request: Any) -> int:
    """Wait for a request without holding a core that another rank may need; the bytes that came."""
    from mpi4py import MPI  # noqa: PLC0415

    status = MPI.Status()
    tries = 0
    while not request.Test(status):
        tries += 1
        if tries > TRIES:
            os.sched_yield() if hasattr(os, "sched_yield") else time.sleep(0)
    return int(status.Get_count(MPI.BYTE))


def _abort(world: Any) -> None:
    """End the job on every rank, once this one has said what it has to say."""
    sys.stdout.flush()
    sys.stderr.flush()
    world.Abort(int(ExitCode.SIMULATION))


def _failed(error: Exception) -> Outcome:
    return Outcome("failed", "", [failure.pack(error, -1)], [], 0, 0, os.getpid(), 0.0, 0.0, 0.0)
