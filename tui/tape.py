"""The tape: frames in the order of real time, and where on it the view stands."""

from bisect import bisect_right
from collections.abc import Sequence

from kernbench.telemetry.frame import Frame
from tui.store import DEPTH

MOST = 40_000
"""Frames kept; above that every second one of each worker goes from the older half."""


class Tape:
    """`position` frames lie before the view; `following` a live run, or playing a recorded one at `speed`."""

    def __init__(self, workers: int) -> None:
        self.frames: list[Frame] = []
        self.position = 0
        self.following = False
        self.speed = 1.0
        self._workers = max(1, workers)
        self._wall_s = 0.0

    def extend(self, frames: Sequence[Frame]) -> None:
        """Put frames at the end."""
        self.frames.extend(frames)
        if len(self.frames) > MOST:
            half = len(self.frames) // 2
            kept, passed = self._thinned(half)
            if self.position > half:
                passed = len(kept) + self.position - half
            self.position = passed
            self.frames[:half] = kept

    def _thinned(self, half: int) -> tuple[list[Frame], int]:
        """Every second frame of each worker among the first `half`; how many of them lie before the view."""
        kept: list[Frame] = []
        passed = 0
        counts: dict[int, int] = {}
        for place, frame in enumerate(self.frames[:half]):
            number = counts[frame.worker] = counts.get(frame.worker, -1) + 1
            if number % 2 == 0:
                kept.append(frame)
                passed += place < self.position
        return kept, passed

    def follow(self) -> Sequence[Frame]:
        """Go to the end; the frames passed, at most as many as a store remembers."""
        begin = max(self.position, len(self.frames) - DEPTH * self._workers)
        self.position = len(self.frames)
        self._wall_s = self.frames[-1].wall_s if self.frames else 0.0
        return self.frames[begin:]

    def play(self, seconds: float) -> Sequence[Frame]:
        """Let real time pass; the frames of it."""
        if self.at_end:
            return ()
        self._wall_s = max(self._wall_s, self.frames[0].wall_s) + seconds * self.speed
        begin = self.position
        end = bisect_right(self.frames, self._wall_s, begin, key=lambda frame: frame.wall_s)
        self.position = max(end, begin)
        return self.frames[max(begin, end - DEPTH * self._workers) : end]

    def step(self) -> Sequence[Frame]:
        """One frame of each worker further."""
        begin = self.position
        self.position = min(len(self.frames), begin + self._workers)
        self._set_clock()
        return self.frames[begin : self.position]

    def seek(self, position: int) -> Sequence[Frame]:
        """Go to a position; the frames before it that a store needs, to be applied to an empty one."""
        self.following = False
        self.position = max(min(1, len(self.frames)), min(len(self.frames), position))
        self._set_clock()
        return self.frames[max(0, self.position - DEPTH * self._workers) : self.position]

    def place_of(self, time: int) -> int:
        """The position where simulated time is first past `time`."""
        for place, frame in enumerate(self.frames):
            if frame.now >= time:
                return place + 1
        return len(self.frames)

    @property
    def at_end(self) -> bool:
        """Nothing lies behind the view."""
        return self.position >= len(self.frames)

    @property
    def wall_s(self) -> float:
        """Real seconds of the run at the view."""
        return self.frames[self.position - 1].wall_s if self.position and self.frames else 0.0

    @property
    def length_s(self) -> float:
        """Real seconds of the run on the tape."""
        return self.frames[-1].wall_s if self.frames else 0.0

    def _set_clock(self) -> None:
        self._wall_s = self.wall_s
