"""The live feed of one worker: a page of shared memory that holds its newest frame; nobody waits for anybody.

The page is a plain file in the run's directory. Its sequence number is odd while the publisher writes; the checksum
covers the sequence and the body, since a sequence alone lets torn frames through.
"""

import mmap
import os
import struct
import zlib
from pathlib import Path

import msgspec

from kernbench.telemetry.frame import Frame

_HEAD = struct.Struct("<8sIIQII")  # magic, version, capacity, sequence, length, checksum
MAGIC, VERSION = b"KBFEED\r\n", 1
SPARE, SPARE_OF_SIP = 1 << 16, 1 << 14
"""Room in a page beside the bytes of links and engines, and more for each SIP: hot links, phases, waiters."""
LARGEST = 1 << 24
TRIES = 8


def feed_path(directory: Path, worker: int) -> Path:
    """Where a worker publishes."""
    return directory / f"feed-{worker}"


class FeedWriter:
    """Publishes frames of at most `capacity` encoded bytes; one that is larger is left out, and False says so."""

    def __init__(self, path: Path, capacity: int) -> None:
        assert 0 < capacity <= LARGEST, f"{path}: a feed of {capacity} bytes"
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, _HEAD.size + capacity)  # a hole that the disk cannot fill would be a signal
            self._page = mmap.mmap(file, _HEAD.size + capacity)
        finally:
            os.close(file)
        self._capacity = capacity
        self._sequence = 0
        self._encode = msgspec.msgpack.Encoder().encode

    def write(self, frame: Frame) -> bool:
        """Replace the frame of the page."""
        body = self._encode(frame)
        if len(body) > self._capacity:
            return False
        self.write_body(body)
        return True

    def write_body(self, body: bytes) -> None:
        """Replace the body of the page: odd, body, even."""
        page, sequence = self._page, self._sequence + 2
        _HEAD.pack_into(page, 0, MAGIC, VERSION, self._capacity, sequence - 1, 0, 0)
        page[_HEAD.size : _HEAD.size + len(body)] = body
        _HEAD.pack_into(page, 0, MAGIC, VERSION, self._capacity, sequence, len(body), _checksum(sequence, body))
        self._sequence = sequence

    def close(self) -> None:
        """Let go of the page; what it holds stays to be read."""
        self._page.close()


class FeedReader:
    """Reads the newest frame of a feed; a torn, damaged or oversized page gives None, as does one that is not there.

    It copies the page by `pread`: a page that shrinks under a mapping would kill the reader.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = msgspec.msgpack.Decoder(Frame)
        self._seen = 0
        self._last: Frame | None = None

    def read(self) -> Frame | None:
        """The newest frame; None when there is none that can be trusted."""
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            for _ in range(TRIES):
                found = self._body(file)
                if found is not None:
                    return self._decode(*found)
        except OSError:
            return None
        finally:
            os.close(file)
        return None

    def _body(self, file: int) -> tuple[int, bytes] | None:
        head = os.pread(file, _HEAD.size, 0)
        if len(head) < _HEAD.size:
            return None
        magic, version, capacity, sequence, length, checksum = _HEAD.unpack(head)
        if (magic, version) != (MAGIC, VERSION) or sequence % 2 or not 0 < length <= min(capacity, LARGEST):
            return None
        body = os.pread(file, length, _HEAD.size)
        return (sequence, body) if len(body) == length and _checksum(sequence, body) == checksum else None

    def _decode(self, sequence: int, body: bytes) -> Frame | None:
        if sequence != self._seen or self._last is None:
            try:
                self._last = self._decoder.decode(body)
            except (msgspec.DecodeError, RecursionError):
                return None
            self._seen = sequence
        return self._last


def _checksum(sequence: int, body: bytes) -> int:
    return zlib.crc32(body, sequence & 0xFFFFFFFF)
