"""The rows of one SIP on their way to its file: operations, kernels, phases; a crash loses the last moment's at most."""

import threading
import zlib
from pathlib import Path

import msgspec

from kernbench.telemetry.chunks import ChunkWriter
from kernbench.telemetry.probe import Observed
from kernbench.telemetry.rows import KernelRow, OperationRow, PacketRow, PhaseRow

NAME, PACKETS_NAME = b"rows", b"packets"
BATCH = 256
"""Rows that are written together, unless somebody asks for them earlier: larger ones compress no better."""
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
    """A sink that streams rows to a file. `hurry` may be called by another thread: the next row takes all along.

    It keeps `limit` operations and as many kernels: a kernel ends after its operations, and must not find their room
    taken. `kernels` counts the kernels' rows, those without room too.
    """

    wants = ("operations", "kernels", "phases")

    def __init__(self, path: Path, limit: int) -> None:
        self._chunks = ChunkWriter(path, NAME)
        self._encode = msgspec.msgpack.Encoder().encode
        self._operations: list[OperationRow] = []
        self._kernels: list[KernelRow] = []
        self._phases: list[PhaseRow] = []
        self._operations_left = self._kernels_left = limit
        self._count = 0
        self._batch = BATCH
        self.dropped = 0
        self.kernels = 0

    def take(self, row: Observed, /) -> None:
        """Keep a row, or count it once the room is used up; phases always find room."""
        if type(row) is OperationRow:
            if self._operations_left <= 0:
                self.dropped += 1
                return
            self._operations_left -= 1
            self._operations.append(row)
        elif type(row) is KernelRow:
            self.kernels += 1
            if self._kernels_left <= 0:
                self.dropped += 1
                return
            self._kernels_left -= 1
            self._kernels.append(row)
        else:
            assert type(row) is PhaseRow, f"nobody wants {type(row).__name__} here"
            self._phases.append(row)
        self._count += 1
        if self._count >= self._batch:
            self.flush()

    def hurry(self) -> None:
        """Write what there is with the next row."""
        self._batch = 1

    def flush(self) -> None:
        """Write what there is."""
        batch = Batch(self._operations, self._kernels, self._phases, self.dropped)
        self._operations, self._kernels, self._phases, self._count, self._batch = [], [], [], 0, BATCH
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
