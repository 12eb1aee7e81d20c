"""One child process per island, started afresh and joined by sockets that the coordinator makes."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, SOCK_DGRAM, SOCK_STREAM, socket, socketpair

import msgspec

import actors
from actors.channel import Channel
from actors.control import Control
from actors.limits import seconds_of
from actors.supervisor import Supervisor, Worker
from actors.transports.base import COORDINATOR
from kernbench.common.messages.island import FromIsland, Job, Outcome

ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS"),
    "1",
)
"""Pins BLAS to one thread, if set before numpy loads: the bytes of a matmul depend on the number of threads."""

GRACE_S = 2.0

HANG = "KERNBENCH_HANG_S"
"""The environment variable that says after how many seconds without progress a worker is given up."""
HANG_S = "30"

Join = Callable[[], tuple[socket, socket]]
"""Makes the two ends of a connection between two workers."""


def joined() -> tuple[socket, socket]:
    """The usual connection."""
    return socketpair(AF_UNIX, SOCK_STREAM)


class Processes:
    """Runs each block as `python -m actors.island`: never a fork, never the caller's main module again.

    A worker that shows no progress for `hang_s` seconds (by default what the environment says, else 30) is given up.
    `join` is for who wants to sit between two workers.
    """

    def __init__(self, hang_s: float | None = None, join: Join = joined) -> None:
        self._hang_s = seconds_of(HANG, os.environ.get(HANG, HANG_S)) if hang_s is None else hang_s
        self._join = join

    def run(self, job: Job, blocks: list[list[int]], control: Control) -> list[Outcome]:
        """Start the workers, watch them to their outcomes; no child outlives this call."""
        workers: list[Worker] = []
        try:
            _launch(blocks, workers, self._join)
            return Supervisor(workers, job, blocks, control, self._hang_s).run()
        finally:
            control.settle()
            _end(workers)


def _launch(blocks: Sequence[Sequence[int]], workers: list[Worker], join: Join) -> None:
    """Append each worker as soon as it runs, so that a failure half-way leaves none unknown."""
    count = len(blocks)
    mesh: dict[tuple[int, int], socket] = {}
    try:
        for low in range(count):
            for high in range(low + 1, count):
                mesh[low, high], mesh[high, low] = join()
        for index, block in enumerate(blocks):
            workers.append(_spawn(index, block, [mesh[index, other] for other in range(count) if other != index]))
    finally:
        for end in mesh.values():
            end.close()  # each end lives in one worker only, so a dead peer is seen at once


def _spawn(index: int, block: Sequence[int], peers: list[socket]) -> Worker:
    control, control_far = socketpair(AF_UNIX, SOCK_STREAM)
    status, status_far = socketpair(AF_UNIX, SOCK_DGRAM)
    inherited = [end.fileno() for end in (control_far, status_far, *peers)]
    root = str(Path(actors.__file__).parent.parent)
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
    try:
        process = subprocess.Popen(  # noqa: S603  # our own interpreter and module, no shell
            [sys.executable, "-P", "-m", "actors.island", str(index), *map(str, inherited)],
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            pass_fds=inherited,
            process_group=0,  # Ctrl-C of the terminal reaches the coordinator alone
        )
    except BaseException:
        control.close()
        status.close()
        raise
    finally:
        control_far.close()
        status_far.close()
    status.setblocking(False)
    decoder = msgspec.msgpack.Decoder(FromIsland)
    channel = Channel(control, f"worker {index}", decoder, own=COORDINATOR, other=index)
    return Worker(index, tuple(block), process, channel, status)


def _end(workers: list[Worker]) -> None:
    """Let those that have given their outcome end by themselves for a moment; kill the others and wait for all."""
    for worker in workers:
        if worker.outcome is None:
            worker.process.kill()
    for worker in workers:
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(GRACE_S)
        if worker.process.returncode is None:
            worker.process.kill()
            worker.process.wait()
        worker.channel.close()  # only now: without its coordinator a worker ends in the middle of what it does
        worker.status.close()
