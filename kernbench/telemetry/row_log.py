"""The rows of one SIP on their way to its file: operations, kernels, phases; a crash loses the last moment's at most."""

import threading
import zlib
from pathlib import Path

import msgspec

from kernbench.telemetry.chunks import ChunkWriter
from kernbench.telemetry.probe import Observed
from kernbench.telemetry.rows import KernelRow, OperationRow, PacketRow, PhaseRow

NAME, PACKETS_NAME = b"rows", b"packets"
BATCH = 1024
"""Rows that are written together, unless somebody asks for them earlier."""
PACKETS = 2_000_000
"""Packets that the captures of a SIP may keep."""


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """Rows that were written together; `dropped` counts those left out so far, since there were too many."""

    operations: list[OperationRow]
    kernels: list[KernelRow]
    phases: list[PhaseRow]
    dropped: int


class PacketBatch(msgspec.Struct, frozen=True, array_like=True):
    """Packets that were written together, and how many were left out so far."""

    packets: list[PacketRow]
    dropped: int


def rows_path(directory: Path, sip: int) -> Path:
    """Where the rows of a SIP are."""
    return directory / f"rows-{sip}"


def packets_path(directory: Path, sip: int) -> Path:
    """Where captured packets of a SIP are."""
    return directory / f"packets-{sip}"


class RowLog:
    """A sink that streams rows to a file. `hurry` may be called by another thread: the next row takes all along."""

    wants = ("operations", "kernels", "phases")

    def __init__(self, path: Path, limit: int) -> None:
        self._chunks = ChunkWriter(path, NAME)
        self._encode = msgspec.msgpack.Encoder().encode
        self._rows: list[Observed] = []
        self._left = limit
        self._batch = BATCH
        self.written = 0
        self.dropped = 0

    def take(self, row: Observed, /) -> None:
        """Keep a row, or count it once the room is used up; phases always find room."""
        if self._left > 0 or isinstance(row, PhaseRow):
            self._left -= 1
            self._rows.append(row)
            if len(self._rows) >= self._batch:
                self.flush()
        else:
            self.dropped += 1

    def hurry(self) -> None:
        """Write what there is with the next row."""
        self._batch = 1

    def flush(self) -> None:
        """Write what there is."""
        rows, self._rows, self._batch = self._rows, [], BATCH
        batch = Batch(
            [row for row in rows if type(row) is OperationRow],
            [row for row in rows if type(row) is KernelRow],
            [row for row in rows if type(row) is PhaseRow],
            self.dropped,
        )
        self.written += len(rows)
        self._chunks.append(zlib.compress(self._encode(batch), 1))

    def close(self) -> None:
        """Write the rest and let go of the file."""
        try:
            self.flush()
        finally:
            self._chunks.close()


class PacketLog:
    """A sink that streams packets to a file, while it is among the sinks of its probe; another thread may flush it."""

    wants = ("packets",)

    def __init__(self, path: Path, limit: int = PACKETS) -> None:
        self._chunks = ChunkWriter(path, PACKETS_NAME)
        self._encode = msgspec.msgpack.Encoder().encode
        self._rows: list[PacketRow] = []
        self._left = limit
        self._lock = threading.Lock()
        self.dropped = 0

    def take(self, row: Observed, /) -> None:
        """Keep a packet, or count it once the room is used up."""
        if self._left <= 0 or not isinstance(row, PacketRow):
            self.dropped += 1
            return
        with self._lock:
            self._left -= 1
            self._rows.append(row)
        if len(self._rows) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what there is."""
        with self._lock:
            rows, self._rows = self._rows, []
            self._chunks.append(zlib.compress(self._encode(PacketBatch(rows, self.dropped)), 1))

    def close(self) -> None:
        """Write the rest and let go of the file."""
        self.flush()
        self._chunks.close()
