"""What a SIP's links did, on its way to a file: utilisation as it happens and, now and then, every link's books."""

import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import msgspec

from kernbench.telemetry.chunks import ChunkWriter
from kernbench.telemetry.meter import Reading
from kernbench.telemetry.rows import LinkRow

NAME = b"links"
BATCH, BOOKS_EVERY = 32, 4


class LinkBatch(msgspec.Struct, frozen=True, array_like=True):
    """Readings that were written together; `books`, if there are any, replace those of earlier batches."""

    readings: list[Reading]
    books: list[LinkRow]


class EncodedBatch(msgspec.Struct, frozen=True, array_like=True):
    """The same batch with its readings as they are written: no list waits for long, each would cost collections."""

    readings: list[msgspec.Raw]
    books: list[LinkRow]


class SkimmedBatch(msgspec.Struct, frozen=True, array_like=True):
    """The same batch for who wants one half of it: the other half is not decoded."""

    readings: msgspec.Raw
    books: msgspec.Raw


def links_path(directory: Path, sip: int) -> Path:
    """Where the readings and books of a SIP's links are."""
    return directory / f"links-{sip}"


class LinkLog:
    """Streams readings to a file; `books()` gives the links' books, for when they are due.

    `hurry` may be called by another thread: what there is is written with the next reading, every few times with books.
    """

    def __init__(self, path: Path, books: Callable[[], list[LinkRow]]) -> None:
        self._chunks = ChunkWriter(path, NAME)
        self._encode = msgspec.msgpack.Encoder().encode
        self._books = books
        self._readings: list[msgspec.Raw] = []
        self._hurried = self._broken = False
        self._hurries = 0

    def keep(self, reading: Reading) -> None:
        """Take a reading. A disk that is full ends the log and says so: the run goes on."""
        if self._broken:
            return
        self._readings.append(msgspec.Raw(self._encode(reading)))
        if self._hurried or len(self._readings) >= BATCH:
            books: list[LinkRow] = []
            if self._hurried:
                self._hurried = False
                self._hurries += 1
                if self._hurries % BOOKS_EVERY == 1:
                    books = self._books()
            try:
                self._flush(books)
            except OSError as error:
                self._broken = True
                sys.stderr.write(f"kernbench: warning: utilisation is recorded no more: {error}\n")

    def hurry(self) -> None:
        """Write what there is with the next reading."""
        self._hurried = True

    def close(self) -> None:
        """Write the rest and let go of the file."""
        try:
            if not self._broken:
                self._flush(self._books())
        finally:
            self._chunks.close()

    def _flush(self, books: list[LinkRow]) -> None:
        readings, self._readings = self._readings, []
        self._chunks.append(zlib.compress(self._encode(EncodedBatch(readings, books)), 1))
