"""The books of one rank's layers: messages in order, stretches of compute and of communication, bytes and operations."""

from collections.abc import Iterable

import msgspec

from kernbench.common.units import Fs

Span = tuple[Fs, Fs]


class Message(msgspec.Struct, frozen=True):
    """A collective as Megatron issues it: `size` is its whole buffer in bytes, the gathered one of a gather or scatter."""

    kind: str
    size: int

    def __str__(self) -> str:
        return f"{self.kind} {self.size} B"


class Ledger:
    """What happened since it was opened. Times are in fs of this rank's device, `flops` the model's own operations.

    `loaded`, `stored` (bytes) and `multiplied` (operations of the arrays, padding included) are the closed forms of the
    kernels that were launched; `tilings` says how products were cut. `queued` is the queueing on the kernels' critical
    paths, `engines` the busy time of their engines minus its union. `parts` are the books of phases inside.
    """

    def __init__(self, title: str = "") -> None:
        self.title = title
        self.parts: list[Ledger] = []
        self.messages: list[Message] = []
        self.compute: list[Span] = []
        self.communication: list[Span] = []
        self.tilings: list[str] = []
        self.flops = 0
        self.loaded = 0
        self.stored = 0
        self.multiplied = 0
        self.queued: Fs = 0
        self.engines: Fs = 0

    @property
    def start(self) -> Fs:
        """Start of the first kernel."""
        return min((start for start, _ in [*self.compute, *self.communication]), default=0)

    @property
    def end(self) -> Fs:
        """End of the last kernel."""
        return max((end for _, end in [*self.compute, *self.communication]), default=0)

    @property
    def idle(self) -> Fs:
        """Time in which neither runs: launches, completions, the host."""
        return self.end - self.start - covered([*self.compute, *self.communication])

    @property
    def computing(self) -> Fs:
        """Time in which compute kernels run."""
        return covered(self.compute)

    @property
    def communicating(self) -> Fs:
        """Time in which collectives run."""
        return covered(self.communication)

    @property
    def overlapping(self) -> Fs:
        """Time in which both run."""
        return self.computing + self.communicating - covered([*self.compute, *self.communication])

    @property
    def exposed(self) -> Fs:
        """Time in which collectives alone run: what communication adds."""
        return self.communicating - self.overlapping

    def add(self, other: "Ledger") -> None:
        """Take over what another one holds."""
        for name in ("messages", "compute", "communication", "tilings"):
            getattr(self, name).extend(getattr(other, name))
        for name in ("flops", "loaded", "stored", "multiplied", "queued", "engines"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def covered(spans: Iterable[Span]) -> Fs:
    """The length of a union of stretches of time."""
    total: Fs = 0
    reached: Fs | None = None
    for start, end in sorted(spans):
        if reached is None or start > reached:
            total += end - start
            reached = end
        elif end > reached:
            total += end - reached
            reached = end
    return total
