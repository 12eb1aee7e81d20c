"""Frames between processes: length, source, sequence and crc32 before a msgspec body; damage is a named error.

Payload travels inside the body: at 64 KiB the two copies that a path out of band would save are 9 us of 65 (crc32 36,
socket 16), against about a millisecond of model work for the same bytes.
"""

from struct import Struct
from typing import Any, Generic, TypeVar
from zlib import crc32

import msgspec

from kernbench.common.errors import WorkerError

T = TypeVar("T")

HEADER = Struct("<IIII")  # body length, source, sequence, and the crc32 of these three and the body
_NUMBERS = Struct("<III")
MAX_BODY = 2**30
"""Longer is nonsense: a length that was never written by us, or a window with a gigabyte of messages."""


class FrameWriter:
    """Encodes the frames of one direction of one connection, numbered 0, 1, 2, ..."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._sequence = 0
        self._encoder = msgspec.msgpack.Encoder()
        self._buffer = bytearray()

    def encode(self, body: Any) -> bytearray:
        """The whole frame; it is valid until the next call."""
        buffer = self._buffer
        self._encoder.encode_into(body, buffer, HEADER.size)
        length = len(buffer) - HEADER.size
        if length > MAX_BODY:
            raise WorkerError(
                f"a frame of {length} bytes is over the limit of {MAX_BODY}: one window moves too much data between "
                "two workers; run with fewer workers"
            )
        checksum = _checksum(length, self._source, self._sequence, memoryview(buffer)[HEADER.size :])
        HEADER.pack_into(buffer, 0, length, self._source, self._sequence, checksum)
        self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        return buffer


class FrameReader(Generic[T]):
    """Turns bytes of one direction back into bodies, and refuses what `source` did not send in this order."""

    def __init__(self, peer: str, source: int, decoder: msgspec.msgpack.Decoder[T]) -> None:
        self._peer = peer
        self._source = source
        self._decoder = decoder
        self._sequence = 0
        self._data: bytes | bytearray = b""
        self._at = 0  # where in _data the next frame begins
        self.missing = 0  # bytes that the frame under way still needs, when known

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if self._at == len(self._data):
            self._data, self._at = data, 0
            return
        if not isinstance(self._data, bytearray):
            self._data = bytearray(self._data)  # grows in place: a large frame comes in many pieces
        if self._at:
            del self._data[: self._at]
            self._at = 0
        self._data += data

    def next(self) -> T | None:
        """The next body, or None while it is not complete."""
        here, have = self._at, len(self._data) - self._at
        if have < HEADER.size:
            return None
        length, source, sequence, checksum = HEADER.unpack_from(self._data, here)
        if length > MAX_BODY:
            raise self._refuse(f"claims {length} bytes, over the limit of {MAX_BODY}")
        self.missing = HEADER.size + length - have
        if self.missing > 0:
            return None
        self._check_order(source, sequence)
        end = here + HEADER.size + length
        body = memoryview(self._data)[here + HEADER.size : end]
        if _checksum(length, source, sequence, body) != checksum:
            raise self._refuse(f"number {sequence} has a bad crc32")
        try:
            decoded = self._decoder.decode(body)
        except msgspec.MsgspecError as error:
            raise self._refuse(f"number {sequence} cannot be decoded: {error}") from error
        self._at = end
        self._sequence = (sequence + 1) & 0xFFFFFFFF
        return decoded

    def _check_order(self, source: int, sequence: int) -> None:
        if source != self._source:
            raise self._refuse(f"says it comes from {source}, expected {self._source}")
        if sequence != self._sequence:
            what = "a gap" if sequence > self._sequence else "a repeat"
            raise self._refuse(f"has number {sequence} where {self._sequence} is due: {what}")

    def _refuse(self, what: str) -> WorkerError:
        return WorkerError(
            f"a frame from {self._peer} {what}; the connection is damaged, run again or with --workers 1",
            where=self._peer,
        )


def _checksum(length: int, source: int, sequence: int, body: memoryview) -> int:
    """A body alone would still fit the header of the frame before, if exactly the bytes between were lost."""
    return crc32(body, crc32(_NUMBERS.pack(length, source, sequence)))
