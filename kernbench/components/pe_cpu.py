"""Scalar core of a PE: runs the programs of its share one after another and issues their operations."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from kernbench.common.coroutine import Coroutine, suspend
from kernbench.common.errors import KernelError
from kernbench.common.ops import Operation, Program, Value
from kernbench.common.site import Site, locate
from kernbench.common.units import Fs, format_size
from kernbench.components.component import Component, Config
from kernbench.components.pe_scheduler import PeScheduler
from kernbench.components.pe_tcm import PeTcm
from kernbench.sim_engine.engine import Engine


class PeCpuConfig(Config, frozen=True):
    """`sip.cube.pe.pe_cpu`: time from one issue to the next."""

    issue: Fs = msgspec.field(name="issue_ns", default=10**6)


_WAITS = {
    "value": "the value of ",
    "queue": "room in the queue of ",
    "tcm": "TCM for ",
    "leave": "its stores and messages to leave",
}


class _Wait(msgspec.Struct, frozen=True, gc=False):
    """What a suspended program waits for: `value` (which), `queue` or `tcm` for an operation, or for all to `leave`."""

    reason: str
    site: Site
    value: Value | None
    operation: Operation | None


class PeCpu(Component):
    """Runs one program at a time, as a coroutine; the next begins when all operations of the last have retired.

    Scalar code takes no time but issue: an operation is issued at the later of now and the last issue + `issue_ns`.
    Its TCM is reserved when the program's code reaches it, in program order.
    """

    def __init__(self, name: str, config: PeCpuConfig, engine: Engine, scheduler: PeScheduler, tcm: PeTcm) -> None:
        super().__init__(name, engine)
        self.config = config
        self.running = False
        self.programs = 0
        self._scheduler = scheduler
        self._tcm = tcm
        self._share: Iterator[Program] = iter(())
        self._done: Callable[[], None] | None = None
        self._program: Program | None = None
        self._coroutine: Coroutine | None = None
        self._wait: _Wait | None = None
        self._issued: Fs = -config.issue
        self._live: dict[Value, Site] = {}
        scheduler.serve(self._proceed)

    def run(self, programs: Sequence[Program], done: Callable[[], None], kernel: str = "", launch: int = -1) -> None:
        """Run `programs` in order; `done` is called 1 fs after the last operation of the last one retired."""
        assert self._done is None, f"{self.name}: a share arrived while one runs"
        self._share = iter(programs)
        self._done = done
        self._scheduler.open(kernel, launch)

    @property
    def queued(self) -> Fs:
        """Queueing on the critical path to the end of the last share, in fs."""
        return self._scheduler.queued

    def issue(self, operation: Operation) -> None:
        """Called by the program: reserve room for the operation, waiting if need be, and hand it over."""
        if not self._scheduler.has_room(operation.kind):
            suspend(_Wait("queue", operation.site, None, operation))
        output = operation.output
        if output is not None:
            if not self._place(operation, output):
                self._refuse_overflow(operation, output)
                suspend(_Wait("tcm", operation.site, None, operation))
            self._live[output] = operation.site
            output.ledger = self._live
        self._issued = max(self._issued + self.config.issue, self.engine.now)
        self._scheduler.add(operation, self._issued)

    def wait(self, value: Value, site: Site) -> None:
        """Called by the program: go on when `value` is there."""
        if not value.done:
            suspend(_Wait("value", site, value, None))

    def leave(self, site: Site) -> None:
        """Called by the program: go on when all that it has stored or sent has left the PE."""
        if self._scheduler.leaving:
            suspend(_Wait("leave", site, None, None))

    def waiters(self) -> list[str]:
        """One line for what this PE waits on; none when it has no share."""
        if self._program is None:
            return []
        who = f"{self.name} {self._program.describe()}"
        lines = []
        wait = self._wait
        if wait is not None:
            awaited = wait.operation if wait.value is None else wait.value.producer
            lines.append(f"{who} at {locate(wait.site)} waits for {_WAITS[wait.reason]}{awaited or ''}")
        lines.extend(f"{who}: {text}" for text in self._scheduler.stuck())
        begun = Counter(str(operation) for operation in self._begun())
        lines.extend(
            f"{who}: {text} has begun and does not end{f' ({count} times)' if count > 1 else ''}"
            for text, count in begun.items()
        )
        return lines

    def _begun(self) -> list[Operation]:
        made = (value.producer for value in self._live if not value.done)
        return [operation for operation in made if operation is not None and operation.started]

    def _proceed(self) -> bool:
        """Let the program go on, or the next one begin, if nothing keeps it; say whether anything ran."""
        if self._done is None:
            return False
        if self._coroutine is None:
            return self._next() if not self._scheduler.in_flight else False
        wait = self._wait
        if wait is not None:
            if not self._satisfied(wait):
                return False
            self._scheduler.resumed()
        self._resume(self._coroutine)
        return True

    def _satisfied(self, wait: _Wait) -> bool:
        if wait.value is not None:
            return wait.value.done
        if wait.reason == "leave":
            return not self._scheduler.leaving
        operation = wait.operation
        assert operation is not None
        if wait.reason == "queue":
            return self._scheduler.has_room(operation.kind)
        assert operation.output is not None
        return self._place(operation, operation.output)

    def abandon(self) -> None:
        """End the program that waits here."""
        if self._coroutine is not None:
            self._coroutine.abandon()
            self._coroutine = None

    def _next(self) -> bool:
        self._release_all()
        self._program = program = next(self._share, None)
        if program is None:
            done, self._done = self._done, None
            self._scheduler.close()
            # Whoever hears of the end sends packets: not inside an arbitration.
            self.engine.call_later(1, _call, done)
            return False
        self.programs += 1
        self._coroutine = Coroutine(program.run, self)
        self._resume(self._coroutine)
        return True

    def _resume(self, coroutine: Coroutine) -> None:
        # A cycle collected while a kernel runs would free TCM at a moment that depends on Python's heap.
        collecting = gc.isenabled()
        gc.disable()
        self.running = True
        try:
            self._wait = coroutine.resume()
        except KernelError as error:
            if error.sim_time_fs is None:
                error.sim_time_fs = self.engine.now
            raise
        finally:
            self.running = False
            if collecting:
                gc.enable()
        if coroutine.finished:
            self._coroutine = None
        self._scheduler.stall(None if self._wait is None else self._wait.reason)

    def _place(self, operation: Operation, output: Value) -> bool:
        """Find storage for the output: an input's that nobody else needs, else new TCM."""
        if not output.in_tcm:
            return True
        for value in operation.reuse:
            if value.readers == 1 and self._is_spare(value, output):
                value.on_free = None
                value.in_tcm = False
                self._live.pop(value, None)
                break
        else:
            if not self._tcm.allocate(output.nbytes):
                return False
        output.on_free = self._free
        return True

    @staticmethod
    def _is_spare(value: Value, output: Value) -> bool:
        return not value.held and value.in_tcm and value.nbytes == output.nbytes

    def _free(self, value: Value) -> None:
        self._tcm.release(value.nbytes)

    def _release_all(self) -> None:
        """A program that ended holds nothing, even what a reference cycle of its own still names."""
        for value in list(self._live):
            value.free()
        self._live.clear()

    def _refuse_overflow(self, operation: Operation, output: Value) -> None:
        """Stop unless what is in flight can free enough: waiting would never end."""
        inputs = operation.inputs
        if any(self._is_spare(value, output) and inputs.count(value) == 1 for value in operation.reuse):
            return
        coming = sum(value.nbytes for value in self._live if not value.held and value.in_tcm and value not in inputs)
        if output.nbytes <= self._tcm.free + coming:
            return
        blocks = ", ".join(
            f"{format_size(value.nbytes)} at {locate(site)}" for value, site in self._live.items() if value.in_tcm
        )
        tcm = self._tcm
        queues = f" beside the {format_size(tcm.reserved)} of its queues' slots" if tcm.reserved else ""
        raise KernelError(
            f"TCM overflow: a block of {format_size(output.nbytes)} does not fit beside the live ones ({blocks or 'none'}) "
            f"in the {format_size(tcm.config.capacity - tcm.reserved)} that {tcm.name} has for blocks{queues}; use smaller "
            "blocks, drop blocks earlier or raise capacity_bytes",
            where=locate(operation.site),
            sim_time_fs=self.engine.now,
        )


def _call(function: Callable[[], None]) -> None:
    function()
