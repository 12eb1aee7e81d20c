"""What traces and reports read of a run: its document, its layout and its rows, from a directory or held in memory."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kernbench.telemetry.layout import Layout
from kernbench.telemetry.rows import KernelRow, LinkRow, OperationRow, PacketRow, PhaseRow, Utilisation


class RunRecords(Protocol):
    """The records of one run; each call begins anew. What a run did not record is empty, its document None."""

    @property
    def document(self) -> dict[str, Any] | None:
        """What run.json holds; None of a run that has not ended or was killed."""

    @property
    def live(self) -> bool:
        """Whether the run goes on."""

    @property
    def killed(self) -> bool:
        """Whether the run died before it could end."""

    @property
    def dropped(self) -> int:
        """Operations and kernels that had no room in the records."""

    @property
    def dropped_packets(self) -> int:
        """Captured packets that had none."""

    @property
    def damaged(self) -> Sequence[str]:
        """What is wrong with the files of the records, a sentence each."""

    @property
    def layout(self) -> Layout | None:
        """What stands where; None when the run left no layout."""

    def operations(self) -> Iterable[OperationRow]:
        """Operations, those of one engine in order of their ends."""

    def kernels(self) -> Iterable[KernelRow]:
        """Shares of launches."""

    def phases(self) -> Iterable[PhaseRow]:
        """Phases of all ranks."""

    def packets(self) -> Iterable[PacketRow]:
        """Packets that were captured, those of one link in order."""

    def links(self) -> Iterable[LinkRow]:
        """The books of links that carried something."""

    def utilisation(self) -> Utilisation | None:
        """Busy time over simulated time; None when the run did not record it."""


class HeldRecords(msgspec.Struct, frozen=True):
    """Records in memory."""

    document: dict[str, Any] | None = None
    layout: Layout | None = None
    operation_rows: tuple[OperationRow, ...] = ()
    kernel_rows: tuple[KernelRow, ...] = ()
    phase_rows: tuple[PhaseRow, ...] = ()
    packet_rows: tuple[PacketRow, ...] = ()
    link_rows: tuple[LinkRow, ...] = ()
    buckets: Utilisation | None = None
    live: bool = False
    killed: bool = False
    dropped: int = 0
    dropped_packets: int = 0
    damaged: tuple[str, ...] = ()

    def operations(self) -> Iterable[OperationRow]:
        """Operations, those of one engine in order of their ends."""
        return self.operation_rows

    def kernels(self) -> Iterable[KernelRow]:
        """Shares of launches."""
        return self.kernel_rows

    def phases(self) -> Iterable[PhaseRow]:
        """Phases of all ranks."""
        return self.phase_rows

    def packets(self) -> Iterable[PacketRow]:
        """Packets, those of one link in order."""
        return self.packet_rows

    def links(self) -> Iterable[LinkRow]:
        """The books of links."""
        return self.link_rows

    def utilisation(self) -> Utilisation | None:
        """Busy time over simulated time."""
        return self.buckets


def read_run(directory: Path) -> RunRecords:
    """The records in a run's directory; of a run that was not recorded there is the document alone."""
    from kernbench.telemetry.reader import LAYOUT, RunReader  # noqa: PLC0415  # the reader reads files; this need not

    reader = RunReader(directory)
    if (directory / LAYOUT).is_file():
        return reader
    return HeldRecords(document=reader.document)
