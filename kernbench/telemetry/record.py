"""The record of one worker: every frame that it published, small enough to keep, readable up to the last whole one."""

import struct
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import msgspec

from kernbench.common.units import Fs
from kernbench.telemetry.chunks import ChunkReader, ChunkWriter, deflate, inflate
from kernbench.telemetry.frame import Frame

NAME = b"frames"
KEY_EVERY = 32
"""Every so many kept frames one does not depend on the frame before."""
TOTAL = 64 << 20
"""Bytes that the records of all workers of a run may take together."""
STEPS = 8
"""The first half of the room keeps every frame; each sixteenth after that one of twice as many, up to one of 256."""

_HEAD = struct.Struct("<BqdI")  # whether it is a key, simulated time, real time, frames left out before it


def record_path(directory: Path, worker: int) -> Path:
    """Where a worker's record is."""
    return directory / f"frames-{worker}"


class RecordWriter:
    """Appends frames until `limit` bytes, ever more sparsely: a run of any length has a record of its whole length."""

    def __init__(self, path: Path, limit: int = TOTAL) -> None:
        self._chunks = ChunkWriter(path, NAME)
        self._limit = limit
        self._encode = msgspec.msgpack.Encoder().encode
        self._before: Frame | None = None
        self._kept = self._skipped = self._offered = 0

    @property
    def stride(self) -> int:
        """One of so many frames is kept now."""
        late = 2 * self._chunks.size - self._limit
        return 1 if late < 0 else 2 << (STEPS * late // self._limit)

    def write(self, frame: Frame) -> bool:
        """Keep the frame, or count it as left out; the last frame of a run is always worth trying."""
        self._offered += 1
        if self._offered % self.stride and frame.state != "ended":
            self._skipped += 1
            return False
        before = self._before
        key = before is None or self._kept % KEY_EVERY == 0 or len(before.links) != len(frame.links)
        body = frame
        if not key and before is not None:
            body = _changed(before, frame)
        packed = deflate(self._encode(body))
        head = _HEAD.pack(key, frame.now, frame.wall_s, self._skipped)
        if self._chunks.size + len(head) + len(packed) + 8 > self._limit:
            self._skipped += 1
            return False
        self._chunks.append(head + packed)
        self._before = frame
        self._kept += 1
        self._skipped = 0
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._chunks.close()


class RecordReader:
    """The frames of a record, by number, by simulated time, or one after the other; the file may still grow.

    `times` and `walls` list the frames' simulated (fs) and real times; `refresh` looks for new ones.
    """

    def __init__(self, path: Path) -> None:
        self._chunks = ChunkReader(path, NAME)
        self._places: list[tuple[int, bool]] = []
        self._decoder = msgspec.msgpack.Decoder(Frame)
        self._number = -1
        self._frame: Frame | None = None
        self.times: list[Fs] = []
        self.walls: list[float] = []
        self.left_out = 0
        self.refresh()

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Frame]:
        for number in range(len(self)):
            frame = self.frame(number)
            if frame is None:
                return
            yield frame

    def refresh(self) -> int:
        """Take note of frames that were written since; how many."""
        before = len(self)
        for place, body in self._chunks.new():
            if len(body) < _HEAD.size:
                continue
            key, now, wall, left_out = _HEAD.unpack_from(body)
            self._places.append((place, bool(key) or not self._places))
            self.times.append(now)
            self.walls.append(wall)
            self.left_out += left_out
        return len(self) - before

    def frame(self, number: int) -> Frame | None:
        """Frame `number`; None if the file was changed under it."""
        if number != self._number:
            start = number
            while not self._places[start][1] and start != self._number + 1:
                start -= 1
            if self._places[start][1]:
                self._frame = None
            for each in range(start, number + 1):
                self._frame = self._decode(each, self._frame)
                if self._frame is None:
                    self._number = -1
                    return None
            self._number = number
        return self._frame

    def at(self, time: Fs) -> Frame | None:
        """The last frame of no later simulated time; the first one before that."""
        if not self._places:
            return None
        return self.frame(max(0, bisect_right(self.times, time) - 1))

    def _decode(self, number: int, before: Frame | None) -> Frame | None:
        place, key = self._places[number]
        body = self._chunks.at(place)
        packed = None if body is None else inflate(body[_HEAD.size :])
        if packed is None:
            return None
        try:
            frame = self._decoder.decode(packed)
        except (msgspec.DecodeError, RecursionError):
            return None
        if key or before is None:
            return frame if key else None
        return _changed(before, frame)


def _changed(before: Frame, after: Frame) -> Frame:
    """A frame with what changed in its bytes; the same again undoes it."""
    return msgspec.structs.replace(
        after,
        links=_delta(before.links, after.links),
        units=_delta(before.units, after.units),
        queues=_delta(before.queues, after.queues),
    )


def _delta(before: bytes, after: bytes) -> bytes:
    """What changed, byte by byte; the same again undoes it."""
    return (int.from_bytes(before) ^ int.from_bytes(after)).to_bytes(max(len(before), len(after)))
