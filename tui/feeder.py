"""The feeder: a thread that reads a source, so that no read ever holds up a key or a picture."""

from collections import deque
from collections.abc import Iterator
from itertools import islice
from threading import Event, Thread

from kernbench.telemetry.frame import Frame
from tui.source import NO_FACTS, Facts, Source

CHUNK = 256
WAITING = 4096
"""Frames read ahead at most; the thread waits while nobody takes them."""


class Feeder:
    """Reads the recorded frames first, then the live ones; what it hands over is immutable."""

    def __init__(self, source: Source, period_s: float = 0.1) -> None:
        self.source = source
        self.live = source.live
        self.loaded = False
        self.facts: Facts = NO_FACTS
        self.capturing = False
        self.trouble = ""
        self._period_s = period_s
        self._recorded: Iterator[Frame] | None = None
        self._seen: dict[int, int] = {}
        self._frames: deque[Frame] = deque()
        self._stop = Event()
        self._thread = Thread(target=self._run, name="feeder", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._stop.set()

    @property
    def waiting(self) -> int:
        """Frames that were read and not yet taken."""
        return len(self._frames)

    def take(self, most: int) -> list[Frame]:
        """The next frames, at most so many."""
        frames = self._frames
        return [frames.popleft() for _ in range(min(most, len(frames)))]

    def step(self) -> bool:
        """Read a bounded piece; whether there is more to read at once."""
        if self._recorded is None:
            self._recorded = self.source.frames()
        if not self.loaded:
            chunk = list(islice(self._recorded, CHUNK))
            self._hand_over(chunk)
            self.loaded = len(chunk) < CHUNK
            if self.loaded and not self.live:
                self._conclude()
            return not self.loaded
        if self.live:
            self._hand_over(self.source.poll())
            self.live = self.source.live
            self.capturing = self.live and self.source.capturing
            if not self.live:
                self._hand_over(self.source.poll())
                self._conclude()
        return False

    def _hand_over(self, frames: list[Frame]) -> None:
        for frame in frames:
            if frame.sequence > self._seen.get(frame.worker, -1):
                self._seen[frame.worker] = frame.sequence
                self._frames.append(frame)

    def _conclude(self) -> None:
        """The run is over: what it left behind is read once. One without a directory may go on, where nobody sees it."""
        source = self.source
        if not source.directory.is_dir():
            self.trouble = f"{source.directory} is gone"
        used = source.utilisation()
        self.facts = Facts(source.document, source.killed, tuple(source.phases()), used if used.busy else None)

    def _run(self) -> None:
        while not self._stop.is_set():
            if len(self._frames) > WAITING:
                more = False
            else:
                try:
                    more = self.step()
                except Exception as error:
                    self.trouble = f"{type(error).__name__}: {error}"
                    return
            if not more and self._stop.wait(self._period_s):
                return
            if self.loaded and not self.live:
                return
