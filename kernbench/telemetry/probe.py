"""The one seam between the model and its observers."""

import sys
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from kernbench.telemetry.rows import KernelRow, OperationRow, PacketRow, PhaseRow

Observed: TypeAlias = PacketRow | OperationRow | KernelRow | PhaseRow

KINDS = ("packets", "operations", "kernels", "phases")


class Sink(Protocol):
    """An observer of one SIP. It is told and never asked; what it does reaches no result.

    `wants` names what it is told of (some of KINDS): what nobody wants costs nothing. A sink without it wants all.
    """

    def take(self, row: Observed, /) -> None:
        """Note what happened. A sink that raises is removed."""


class Probe:
    """Where the model tells what happens, a list of sinks for each kind of thing.

    `if probe.packets: probe.emit(probe.packets, PacketRow(...))` costs some 20 ns while nobody listens.
    """

    __slots__ = KINDS

    def __init__(self) -> None:
        self.packets: list[Sink] = []
        self.operations: list[Sink] = []
        self.kernels: list[Sink] = []
        self.phases: list[Sink] = []

    def add(self, sink: Sink) -> None:
        """Let a sink hear what it wants."""
        wants: Sequence[str] = getattr(sink, "wants", KINDS)
        for kind in wants:
            getattr(self, kind).append(sink)

    def remove(self, sink: Sink) -> None:
        """Tell a sink nothing more."""
        for kind in KINDS:
            sinks: list[Sink] = getattr(self, kind)
            if sink in sinks:
                sinks.remove(sink)

    def emit(self, sinks: list[Sink], row: Observed) -> None:
        """Tell every sink; one that raises is removed and named on stderr: an observer cannot kill or change a run."""
        for sink in tuple(sinks):
            try:
                sink.take(row)
            except Exception as error:
                self.remove(sink)
                sys.stderr.write(
                    f"kernbench: warning: {type(sink).__name__} is removed: {type(error).__name__}: {error}\n"
                )
