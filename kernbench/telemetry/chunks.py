"""An append-only file of chunks, each with its length and checksum: cut anywhere, what is whole before the cut reads."""

import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from kernbench.common.errors import UsageError

T = TypeVar("T")

MAGIC = b"KBCHUNK1"
NAME = 8
"""Bytes of the name that says what the chunks hold; it follows MAGIC."""

_PREFIX = struct.Struct("<II")
LARGEST = 1 << 26
"""A chunk longer than that is no chunk: a reader never asks for more memory than this at once."""

SMALL_WINDOW, SMALL_MEMORY = 12, 5
"""What zlib keeps for a small body, as exponents of 2: making its tables is most of the cost of one."""


class ChunkWriter:
    """Appends chunks to a new file of its owner; `size` is what it has written. Every chunk goes out whole."""

    def __init__(self, path: Path, name: bytes) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self.size = 0
        self._write(MAGIC + name.ljust(NAME))

    def append(self, body: bytes) -> None:
        """Write one chunk; raises OSError when the disk is full."""
        self._write(_PREFIX.pack(len(body), zlib.crc32(body)) + body)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[os.write(self._file, left) :]
        self.size += len(data)


class ChunkReader:
    """Reads the whole chunks of a file that may still grow; what is cut or damaged ends it for now."""

    def __init__(self, path: Path, name: bytes) -> None:
        self._path = path
        self._start = MAGIC + name.ljust(NAME)
        self._at = 0

    def new(self) -> list[tuple[int, bytes]]:
        """The chunks that came since the last call, each with its place in the file."""
        found: list[tuple[int, bytes]] = []
        try:
            with self._path.open("rb") as file:
                if not self._at:
                    if file.read(len(self._start)) != self._start:
                        return []
                    self._at = len(self._start)
                file.seek(self._at)
                while (body := _next(file)) is not None:
                    found.append((self._at, body))
                    self._at += _PREFIX.size + len(body)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unreadable(error) from error
        return found

    @property
    def rest(self) -> int:
        """Bytes behind the chunks that `new` gave: none of a file that is whole."""
        try:
            return self._path.stat().st_size - self._at
        except OSError as error:
            raise self._unreadable(error) from error

    def at(self, place: int) -> bytes | None:
        """The chunk at a place that `new` told."""
        try:
            with self._path.open("rb") as file:
                file.seek(place)
                return _next(file)
        except OSError as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: OSError) -> UsageError:
        return UsageError(f"{self._path}: cannot be read: {error.strerror or error}; name a run that can")


def deflate(data: bytes) -> bytes:
    """What `inflate` undoes, for a few kilobytes of single bytes: half the time of zlib.compress, and smaller."""
    machine = zlib.compressobj(1, zlib.DEFLATED, SMALL_WINDOW, SMALL_MEMORY, zlib.Z_RLE)
    return machine.compress(data) + machine.flush()


def inflate(data: bytes, largest: int = LARGEST) -> bytes | None:
    """Undo zlib.compress; None for what is damaged or would become larger than `largest`."""
    machine = zlib.decompressobj()
    try:
        body = machine.decompress(data, largest)
    except zlib.error:
        return None
    return body if machine.eof else None


def batches(path: Path, name: bytes, kind: type[T]) -> Iterator[T]:
    """The compressed structs of a file of chunks, as far as they are whole."""
    decoder = msgspec.msgpack.Decoder(kind)
    for _, body in ChunkReader(path, name).new():
        packed = inflate(body)
        if packed is None:
            return
        try:
            yield decoder.decode(packed)
        except (msgspec.DecodeError, RecursionError):
            return


def damage(path: Path, name: bytes) -> str:
    """What is wrong with a file of chunks that nobody writes any more, or ""."""
    if not path.exists():
        return "is not there"
    if not path.stat().st_size:
        return "is empty"
    reader = ChunkReader(path, name)
    reader.new()
    return f"cannot be read to its end, the last {reader.rest} bytes are cut or damaged" if reader.rest else ""


def _next(file: BinaryIO) -> bytes | None:
    prefix = file.read(_PREFIX.size)
    if len(prefix) < _PREFIX.size:
        return None
    length, checksum = _PREFIX.unpack(prefix)
    if length > LARGEST:
        return None
    body = file.read(length)
    return body if len(body) == length and zlib.crc32(body) == checksum else None
