"""What a kernel asks of its processing element: operations, the values they make, and who carries them out.

triton_emu creates operations, pe_cpu issues them, pe_scheduler starts each on a unit when its inputs are there, and the
unit reports its end. Values are computed at that end, never at creation.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeAlias

from kernbench.common.errors import KernelError
from kernbench.common.site import Site, locate

Runs: TypeAlias = tuple[tuple[int, int], ...]
"""(virtual address, bytes) of each contiguous piece of an access: merged, disjoint, ascending."""


class Value:
    """The storage of one block in a PE: its bytes are held from issue until nobody can read it any more.

    That is when the program dropped its handles (`held`), every operation that reads it retired (`readers`) and its
    producer is done. `on_free` then runs once; it may run while a program runs, which is inside arbitration, so what
    it causes happens at least 1 fs later. A received block lives in its IPCQ slot (`in_tcm` False): the receive unit
    sets `on_free` to give the slot back. `ledger` is the PE's table of live values. `array` is None before the producer is done, and always without values.
    """

    __slots__ = ("array", "done", "freed", "held", "in_tcm", "ledger", "nbytes", "on_free", "producer", "readers")

    def __init__(self, nbytes: int, *, in_tcm: bool = True) -> None:
        self.nbytes = nbytes
        self.in_tcm = in_tcm
        self.producer: Operation | None = None
        self.array: Any = None
        self.held = 0
        self.readers = 0
        self.done = False
        self.freed = False
        self.on_free: Callable[[Value], None] | None = None
        self.ledger: dict[Value, Site] | None = None

    def drop(self) -> None:
        """The program dropped one handle."""
        self.held -= 1
        if not self.held and not self.readers and self.done:
            self.free()

    def read(self) -> None:
        """An operation that reads it retired."""
        self.readers -= 1
        if not self.readers and not self.held and self.done:
            self.free()

    def free(self) -> None:
        """Give the storage back, once, whoever still holds a handle."""
        if self.freed:
            return
        self.freed = True
        self.array = None
        if self.ledger is not None:
            self.ledger.pop(self, None)
        if self.on_free is not None:
            self.on_free(self)


class Operation:
    """One request of a kernel to its PE: `kind` names the queue, `inputs` what it reads, `output` what it makes.

    `compute` maps the input arrays to the output's. Operations of a kind with equal `order` start in program order.
    `reuse` lists inputs whose storage the output may take over when nobody else needs them. The scheduler alone uses
    the fields from `sequence` on.

    `queued` is the queueing (fs) on the critical path that led here: what its last dependency carried, its own wait for
    a unit or credit, and what its unit adds for waits on links and in memory. `cause` is the sequence of the operation
    whose end made it ready, or -1; `unit` took it at `start` and could take another one at `freed`, -1 before; it
    ended at `end`. `flow` is what an observer was told of its message.
    """

    __slots__ = (
        "cause", "compute", "dependents", "done", "end", "flow", "freed", "inputs", "issued", "order", "output",
        "pending", "queued", "ready", "reuse", "sequence", "site", "start", "started", "successor", "unit",
    )  # fmt: skip
    kind: str
    unit: "Unit"

    def __init__(
        self,
        site: Site,
        inputs: tuple[Value, ...] = (),
        output: Value | None = None,
        compute: Callable[..., Any] | None = None,
        order: str | None = None,
        reuse: tuple[Value, ...] = (),
    ) -> None:
        self.site = site
        self.inputs = inputs
        self.output = output
        self.compute = compute
        self.order = order
        self.reuse = reuse
        for value in inputs:
            value.readers += 1
        if output is not None:
            output.producer = self
        self.sequence = 0
        self.issued = 0
        self.pending = 0
        self.ready = 0
        self.queued = 0
        self.cause = self.freed = -1
        self.start = self.end = 0
        self.flow = ""
        self.started = False
        self.done = False
        self.dependents: list[Operation] = []
        self.successor: Operation | None = None

    def evaluate(self) -> None:
        """Compute the output's array from the inputs'; without an input's values there are none."""
        if self.output is None or self.compute is None:
            return
        arrays = [value.array for value in self.inputs]
        for array in arrays:
            if array is None:
                return
        try:
            self.output.array = self.compute(*arrays)
        except Exception as error:
            message = f"{self.site[0].co_name}: {type(error).__name__}: {error}"
            raise KernelError(message, where=locate(self.site)) from error

    def retire(self) -> None:
        """Evaluate, then let go of the inputs; the output is there."""
        self.evaluate()
        self.done = True
        output = self.output
        if output is not None:
            output.done = True
            output.producer = None  # else an accumulator would keep all operations before it
            if not output.held and not output.readers:
                output.free()
        for value in self.inputs:
            value.read()

    def payload(self) -> bytes | None:
        """The bytes that a store or send carries, in the order of its runs; None without values."""
        array = self.inputs[0].array
        if array is None or self.compute is None:
            return None
        data: bytes = self.compute(array)
        return data

    def __str__(self) -> str:
        return f"{self.kind} at {locate(self.site)}"


class Arriving(Operation):
    """An operation whose output comes from elsewhere: the unit hands the bytes over before it reports the end."""

    __slots__ = ("data", "nbytes")

    def __init__(self, site: Site, nbytes: int, output: Value, compute: Callable[..., Any], order: str | None) -> None:
        super().__init__(site, (), output, compute, order)
        self.nbytes = nbytes
        self.data: bytes | memoryview | None = None

    def deliver(self, data: bytes | memoryview | None) -> None:
        """What arrived (a snapshot), or None without values."""
        self.data = data

    def evaluate(self) -> None:
        """Shape the delivered bytes."""
        data, self.data = self.data, None
        if data is not None and self.compute is not None and self.output is not None:
            self.output.array = self.compute(data)


class Load(Arriving):
    """Bytes of `runs`, as the memory held them at service, come to the PE in the order of the runs."""

    __slots__ = ("runs",)
    kind = "load"

    def __init__(self, site: Site, runs: Runs, nbytes: int, output: Value, compute: Callable[..., Any]) -> None:
        super().__init__(site, nbytes, output, compute, None)
        self.runs = runs


class Store(Operation):
    """Bytes of a value go to `runs`."""

    __slots__ = ("nbytes", "runs")
    kind = "store"

    def __init__(self, site: Site, source: Value, runs: Runs, nbytes: int, compute: Callable[..., Any]) -> None:
        super().__init__(site, (source,), None, compute)
        self.runs = runs
        self.nbytes = nbytes


class Atomic(Operation):
    """Elements of `runs` change where they are stored, lane by lane; the output is what was there before.

    `exchange` binds one part of the runs, given as (position, length) of its pieces, to the input arrays: what it
    returns maps the part's bytes to the new ones and to a record of the old, which `deliver` takes back. `released`
    holds it until the program's earlier transfers are done, `acquired` holds the later ones until it is. The bytes
    of `sent` and `returned` travel for each lane.
    """

    __slots__ = ("_perform", "acquires", "nbytes", "olds", "releases", "returned", "runs", "sent")
    kind = "store"

    def __init__(
        self,
        site: Site,
        inputs: tuple[Value, ...],
        output: Value,
        compute: Callable[..., Any],
        runs: Runs,
        perform: "Perform",
        *,
        sent: int,
        returned: int,
        acquires: bool,
        releases: bool,
    ) -> None:
        super().__init__(site, inputs, output, compute)
        self.runs = runs
        self.nbytes = sum(length for _, length in runs)
        self.sent = sent
        self.returned = returned
        self.acquires = acquires
        self.releases = releases
        self._perform = perform
        self.olds: list[Any] = []

    def exchange(self, pieces: Sequence[tuple[int, int]]) -> "tuple[int, Exchange | None]":
        """How many lanes a part has, and what changes it; without values the number alone."""
        arrays = [value.array for value in self.inputs]
        return self._perform(pieces, None if any(array is None for array in arrays) else arrays)

    def deliver(self, old: Any) -> None:
        """The record of a part's old elements, or None without values."""
        self.olds.append(old)

    def evaluate(self) -> None:
        """Put the parts' old elements into the output."""
        olds, self.olds = self.olds, []
        if self.compute is not None and self.output is not None and all(old is not None for old in olds):
            self.output.array = self.compute(olds)


Exchange: TypeAlias = Callable[[bytes], tuple[bytes, Any]]
"""The new bytes of a part and a record of the old, from the bytes that are there."""

Perform: TypeAlias = Callable[[Sequence[tuple[int, int]], list[Any] | None], tuple[int, Exchange | None]]


class Gemm(Operation):
    """`batch` products of m x k by k x n, with or without an accumulator among its inputs."""

    __slots__ = ("batch", "k", "m", "n")
    kind = "gemm"

    def __init__(
        self,
        site: Site,
        inputs: tuple[Value, ...],
        output: Value,
        compute: Callable[..., Any],
        reuse: tuple[Value, ...],
        shape: tuple[int, int, int],
        batch: int = 1,
    ) -> None:
        super().__init__(site, inputs, output, compute, None, reuse)
        self.m, self.n, self.k = shape
        self.batch = batch


class Math(Operation):
    """A vector operation over `elements`; `cost` names what one element costs (`simple`, `divide`, `special`).

    In a reduction `span` elements become one, so lanes have to fold into each other at the end.
    """

    __slots__ = ("cost", "elements", "span")
    kind = "math"

    def __init__(
        self,
        site: Site,
        inputs: tuple[Value, ...],
        output: Value,
        compute: Callable[..., Any],
        reuse: tuple[Value, ...],
        elements: int,
        cost: str,
        span: int = 1,
    ) -> None:
        super().__init__(site, inputs, output, compute, None, reuse)
        self.elements = elements
        self.cost = cost
        self.span = span


class Send(Operation):
    """A value's bytes go into a free slot of `queue`, one that it waited for was free at `released`; `tag` says what for."""

    __slots__ = ("nbytes", "queue", "released", "tag")
    kind = "send"

    def __init__(
        self, site: Site, source: Value, queue: str, nbytes: int, tag: str, compute: Callable[..., Any]
    ) -> None:
        super().__init__(site, (source,), None, compute, queue)
        self.queue = queue
        self.nbytes = nbytes
        self.tag = tag
        self.released = -1

    def __str__(self) -> str:
        return f"send on queue {self.queue} at {locate(self.site)}"


class Recv(Arriving):
    """The oldest unread slot of `queue` becomes a value of at most `nbytes`; the slot is its storage, full at `arrived`."""

    __slots__ = ("arrived", "queue", "tag")
    kind = "recv"

    def __init__(
        self, site: Site, queue: str, nbytes: int, tag: str, output: Value, compute: Callable[..., Any]
    ) -> None:
        super().__init__(site, nbytes, output, compute, queue)
        self.queue = queue
        self.tag = tag
        self.arrived = -1

    def __str__(self) -> str:
        return f"recv on queue {self.queue} at {locate(self.site)}"


class Unit(Protocol):
    """A piece of a PE that carries out operations of one kind; it takes the next after `Scoreboard.freed`."""

    name: str
    kind: str

    def accepts(self, operation: Operation, /) -> bool:
        """Whether it could start this one now; when the answer may have changed the unit calls `Scoreboard.poke`."""

    def start(self, operation: Operation, /) -> None:
        """Begin; `freed` and `completed` follow, `completed` at least 1 fs later."""


class Scoreboard(Protocol):
    """What a unit tells its PE's scheduler."""

    def freed(self, unit: Unit, /) -> None:
        """The unit can take another operation (a DMA channel: at its last injection)."""

    def completed(self, operation: Operation, /) -> None:
        """The operation is done (a load: at its last arrival)."""

    def poke(self) -> None:
        """Some `accepts` may have changed."""


class Issuer(Protocol):
    """What a program sees of the PE that runs it. Both calls may suspend the program."""

    running: bool

    def issue(self, operation: Operation, /) -> None:
        """Hand over the next operation; suspends while its queue is full or the TCM is short."""

    def wait(self, value: Value, site: Site, /) -> None:
        """Suspend until the value is there."""

    def leave(self, site: Site, /) -> None:
        """Suspend until all that was stored or sent has left the PE."""


class Program(Protocol):
    """One instance of a kernel's grid."""

    def run(self, issuer: Issuer, /) -> None:
        """The kernel's function: called on a stack of its own. Raises KernelError alone."""

    def describe(self) -> str:
        """`program 3 of ring_kernel`."""
