"""The coordinator's watch over worker processes: outcomes, deaths, hangs and commands, all in one wait."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from socket import socket

import msgspec

from actors.channel import Channel, ChannelClosed
from actors.control import INTERRUPT, TERMINATED, Control
from actors.limits import Overdue
from kernbench.common.errors import ExitCode, LimitError, WorkerError
from kernbench.common.messages.island import Command, FromIsland, Go, Job, Outcome, Ready, Start, Status, ToIsland
from kernbench.common.units import format_time

POLL_MS = 50

START_S = 30.0
"""How long a worker may take to say its first word, if that is longer than a hang: Python has to start."""
FRESH_S, SILENT_S = 0.4, 2.0
"""A worker that was silent for FRESH_S is given SILENT_S more: a busy system holds its words back, the last is old."""


class Worker:
    """One child as the coordinator knows it."""

    def __init__(
        self,
        index: int,
        sips: tuple[int, ...],
        process: subprocess.Popen[bytes],
        channel: Channel[FromIsland],
        status: socket,
    ) -> None:
        self.index = index
        self.sips = sips
        self.process = process
        self.channel = channel
        self.status = status
        self.ready: Ready | None = None
        self.outcome: Outcome | None = None
        self.last = Status(0, 0, 0, waiting=False, memory=0)
        self.moved_at = time.monotonic()
        self.heard_at: float | None = None

    @property
    def name(self) -> str:
        """`worker 1 (pid 4242, sip2 sip3)`."""
        return f"worker {self.index} (pid {self.process.pid}, {' '.join(f'sip{sip}' for sip in self.sips)})"

    def beat(self, status: Status) -> None:
        """A status came in; it counts as progress if anything moved, or while devices are being built."""
        self.heard_at = time.monotonic()
        last, self.last = self.last, status
        moved = (status.windows, status.events, status.sim_time) != (last.windows, last.events, last.sim_time)
        if moved or status.waiting != last.waiting or self.ready is None:
            self.moved_at = time.monotonic()


class Supervisor:
    """Takes workers from Start to their outcomes; raises WorkerError naming the one that died or hangs."""

    def __init__(
        self, workers: Sequence[Worker], job: Job, blocks: list[list[int]], control: Control, hang_s: float
    ) -> None:
        self._workers = workers
        self._job = job
        self._blocks = blocks
        self._control = control
        self._hang_s = hang_s
        self._running = False
        self._checked_at = time.monotonic()
        self._early: list[Command] = []
        self._decoder = msgspec.msgpack.Decoder(Status)
        self._poller = select.poll()
        self._by_fd: dict[int, Worker] = {}
        self._pidfds: dict[int, int] = {}

    def run(self) -> list[Outcome]:
        """The outcome of every worker, in order; only of those who failed, if a worker itself could not go on."""
        try:
            for worker in self._workers:
                self._watch(worker)
                self._tell(worker, Start(self._job, worker.index, self._blocks, [str(entry) for entry in sys.path]))
            while not self._is_over():
                self._wait()
                self._obey()
                self._check_hangs()
        except Overdue as overdue:
            raise self._deaf(overdue.reason) from None
        finally:
            for fd in self._pidfds.values():
                os.close(fd)
        return [self._outcome(worker) for worker in self._workers if worker.outcome is not None]

    def _is_over(self) -> bool:
        if self._running:
            outcomes = [worker.outcome for worker in self._workers if worker.outcome]
            return len(outcomes) == len(self._workers) or any(
                item.sip < 0 for outcome in outcomes for item in outcome.failures
            )
        answered = all(worker.ready or worker.outcome for worker in self._workers)
        if answered and not any(worker.outcome for worker in self._workers):
            lookaheads = dict.fromkeys(range(self._job.sips), 0)
            for worker in self._workers:
                assert worker.ready is not None
                lookaheads.update(zip(worker.sips, worker.ready.lookaheads, strict=True))
            for worker in self._workers:
                self._tell(worker, Go(list(lookaheads.values())))
            for command in self._early:
                self._tell(self._workers[0], command)
            self._running = True
            return False
        return answered

    def _outcome(self, worker: Worker) -> Outcome:
        """What a worker said; what stopped the worker itself comes with who waits, which it cannot know."""
        assert worker.outcome is not None
        failures = [
            item if item.sip >= 0 else msgspec.structs.replace(item, waiters=self._waiters(worker))
            for item in worker.outcome.failures
        ]
        return msgspec.structs.replace(worker.outcome, failures=failures)

    def _watch(self, worker: Worker) -> None:
        """Wait on its connection, its status and (where the system can) the process itself."""
        for fd in (worker.channel.fd, worker.status.fileno()):
            self._by_fd[fd] = worker
            self._poller.register(fd, select.POLLIN)
        if hasattr(os, "pidfd_open"):  # elsewhere the end of its connection tells
            fd = self._pidfds[worker.index] = os.pidfd_open(worker.process.pid)
            self._by_fd[fd] = worker
            self._poller.register(fd, select.POLLIN)

    def _wait(self) -> None:
        """Take in what came; when a worker has gone, take all it said before deciding that it died."""
        for worker in self._workers:
            if worker.channel.wants_to_send:
                self._flush(worker)
        for fd, events in self._poller.poll(POLL_MS):
            worker = self._by_fd[fd]
            if fd == worker.status.fileno():
                self._read_status(worker)
            elif worker.outcome is None:
                gone = fd == self._pidfds.get(worker.index) or bool(events & select.POLLHUP)
                self._read(worker, gone)
            else:
                self._poller.unregister(fd)

    def _flush(self, worker: Worker) -> None:
        with suppress(ChannelClosed):  # what can still be read tells why
            worker.channel.flush()
        more = select.POLLOUT if worker.channel.wants_to_send else 0
        self._poller.modify(worker.channel.fd, select.POLLIN | more)

    def _read(self, worker: Worker, gone: bool) -> None:
        try:
            while (message := worker.channel.receive()) is not None:
                if isinstance(message, Ready):
                    worker.ready = message
                    worker.moved_at = time.monotonic()
                else:
                    worker.outcome = message
                    self._control.settle()
                    return
        except ChannelClosed:
            gone = True
        if gone:
            raise self._death(worker)

    def _read_status(self, worker: Worker) -> None:
        with suppress(OSError):
            while data := worker.status.recv(1024):
                worker.beat(self._decoder.decode(data))

    def _obey(self) -> None:
        """Forward commands to worker 0, whose next frame carries them to all others."""
        workers = self._workers
        self._control.others_memory = sum(worker.last.memory for worker in workers)
        if not self._running:
            self._abandon(self._control.poll())
            return
        self._control.report(
            min(worker.last.windows for worker in workers),
            sum(worker.last.events for worker in workers),
            max(worker.last.sim_time for worker in workers),
            tuple(worker.index for worker in workers if worker.last.waiting),
        )
        while (command := self._control.poll()) is not None:
            with suppress(ChannelClosed):  # it has just ended
                workers[0].channel.send(command)

    def _abandon(self, command: Command | None) -> None:
        """A stop before the first window leaves nothing to report; other commands wait for it."""
        if command is None:
            return
        if command.action == "stop":
            if command.reason == INTERRUPT:
                raise KeyboardInterrupt
            if command.reason == TERMINATED:
                raise SystemExit(int(ExitCode.SIGTERM))  # what the process would have ended with, had nobody listened
            raise LimitError(f"{command.reason}: stopped while the devices were being built; allow more of it")
        self._early.append(command)

    def _tell(self, worker: Worker, message: ToIsland) -> None:
        try:
            worker.channel.send(message)
        except ChannelClosed:
            raise self._death(worker) from None

    def _check_hangs(self) -> None:
        """A worker that waits for others is not the one that hangs, unless all wait."""
        now = time.monotonic()
        missed = now - self._checked_at - FRESH_S
        self._checked_at = now
        open_workers = [worker for worker in self._workers if worker.outcome is None]
        for worker in open_workers:
            if self._control.held or (worker.ready and not self._running):  # it waits for those that still build
                worker.moved_at = now
            elif missed > 0:  # nobody listened meanwhile: what they said is still to be read
                worker.moved_at += missed
        stuck = [worker for worker in open_workers if now - worker.moved_at > self._patience(worker, now)]
        guilty = [worker for worker in stuck if not worker.last.waiting]
        if not guilty and len(stuck) == len(open_workers):
            guilty = stuck
        if guilty:
            worker = guilty[0]
            raise self._hang(worker, now)

    def _hang(self, worker: Worker, now: float) -> WorkerError:
        self._take_statuses()
        if worker.heard_at is None:
            what = (
                f"has not said a word within {self._patience(worker, now):g} s of its start, at 0 ns of simulated time; "
                "Python could not start there in time: look what keeps the machine busy"
            )
        else:
            what = (
                f"has made no progress for {self._hang_s:g} s; it is in window {worker.last.windows} at about "
                f"{format_time(worker.last.sim_time)} of simulated time; a kernel or bench that loops without asking the "
                "device for anything looks like this"
            )
        return WorkerError(
            f"{worker.name} {what}",
            where=f"worker {worker.index}",
            sim_time_fs=worker.last.sim_time,
            waiters=self._waiters(worker),
        )

    def _patience(self, worker: Worker, now: float) -> float:
        if worker.heard_at is None:
            return max(START_S, self._hang_s)
        return self._hang_s + (SILENT_S if now - worker.heard_at > FRESH_S else 0.0)

    def _waiters(self, culprit: Worker) -> tuple[str, ...]:
        """One line per other worker that goes on: what it does, as far as it has told."""
        return tuple(
            f"{worker.name} {_deed(worker)} in window {worker.last.windows}, at about "
            f"{format_time(worker.last.sim_time)} of simulated time"
            for worker in self._workers
            if worker is not culprit and worker.outcome is None
        )

    def _take_statuses(self) -> None:
        for worker in self._workers:
            self._read_status(worker)

    def _deaf(self, reason: str) -> LimitError:
        """The error of a run that does not stop at a limit."""
        self._take_statuses()
        guilty = [worker for worker in self._workers if worker.outcome is None and not worker.last.waiting]
        worker = (guilty or self._workers)[0]
        return LimitError(
            f"{reason}: {worker.name} does not stop; it is in window {worker.last.windows} at about "
            f"{format_time(worker.last.sim_time)} of simulated time; all workers were ended, and nothing of the run is "
            "kept but its records; a kernel or bench that loops without asking the device for anything looks like this"
        )

    def _death(self, worker: Worker) -> WorkerError:
        self._take_statuses()
        with suppress(subprocess.TimeoutExpired):
            worker.process.wait(1)
        code = worker.process.returncode
        if code is None:
            how = "closed its connection"
        elif code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit code {code} before its work was done"
        return WorkerError(
            f"{worker.name} {how} at about {format_time(worker.last.sim_time)} of simulated time; all workers were "
            "stopped; if memory is short, a run with fewer SIPs or smaller sizes needs less",
            where=f"worker {worker.index}",
            sim_time_fs=worker.last.sim_time,
            waiters=self._waiters(worker),
        )


def _deed(worker: Worker) -> str:
    if worker.ready is None:
        return "builds its devices"
    return "waits for frames of the others" if worker.last.waiting else "computes"
