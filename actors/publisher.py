"""The publisher of one island: a thread that tells viewers, up to ten times a second, what the island's SIPs are doing.

It reads counters and never waits for the model, nor the model for it; a slow, killed or absent viewer concerns nobody.
"""

import os
import sys
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

from actors.island import Island
from actors.limits import resident
from actors.transports.base import Gate
from kernbench.common.messages.island import Job
from kernbench.common.messages.recording import Recording
from kernbench.common.units import Fs
from kernbench.telemetry.commands import CAPTURE
from kernbench.telemetry.feed import SPARE, FeedWriter, feed_path
from kernbench.telemetry.frame import FULL, Frame, HotLink, PhaseMark
from kernbench.telemetry.phase_log import SHOWN
from kernbench.telemetry.record import RecordWriter, record_path

if TYPE_CHECKING:  # a worker whose devices are not of this package need not load it
    from kernbench.di.sip_observer import SipObserver

HOT = 8
FLUSH_SHARE = 0.05
"""Buffered rows are written every `flush_s`, later in a long run after a twentieth of its time so far."""
IDLE = 100
"""A frame comes no sooner than so many times the CPU that the last one took: publishing stays below 1 % of a core."""
MEMORY_EVERY = 10
"""Frames for which one reading of the memory counts."""


class Publisher(threading.Thread):
    """Publishes frames into the worker's feed and record until it is closed; one may be asked for by `publish`."""

    def __init__(
        self, island: Island, gate: Gate | None, observers: "list[SipObserver]", recording: Recording, worker: int
    ) -> None:
        super().__init__(name="publisher", daemon=True)
        directory = Path(recording.directory)
        self._island = island
        self._gate = gate
        self._observers = observers
        self._worker = worker
        self._period_s = recording.period_s
        self._capture = str(directory / CAPTURE)
        self._always = recording.packets
        self._capturing = recording.packets
        self._feed = FeedWriter(
            feed_path(directory, worker), SPARE + sum(each.links + each.units for each in observers)
        )
        self._record = RecordWriter(record_path(directory, worker), recording.frame_bytes)
        self._over = threading.Event()
        self._begin = time.monotonic()
        self._flush_s = self._flush_due = recording.flush_s
        self._sequence = self._memory = 0
        self._now: Fs = 0
        self._first = [0, *accumulate(observer.links for observer in observers)]
        self._hot: list[int] = []

    def run(self) -> None:
        """Publish until it is closed, or until something cannot be written: the run goes on without."""
        try:
            due = time.monotonic() + self._period_s
            while not self._over.wait(due - time.monotonic()):
                begin, spent = time.monotonic(), time.thread_time()
                with suppress(RuntimeError):  # a table of the model grew while it was read: the next frame will do
                    self.publish(self._state())
                spent = time.thread_time() - spent
                due = max(due + self._period_s, begin + IDLE * spent)
        except OSError as error:
            sys.stderr.write(f"kernbench: warning: worker {self._worker} publishes no more: {error}\n")

    def close(self) -> None:
        """Publish what there is at the end, then let go of all files; the engines have stopped."""
        self._over.set()
        self.join()
        with suppress(OSError):
            self.publish("ended")
        self._feed.close()
        self._record.close()
        for observer in self._observers:
            observer.close()

    def publish(self, state: str) -> None:
        """Publish a frame of this moment."""
        wall = time.monotonic() - self._begin
        self._obey_capture()
        frame = self._frame(state, wall)
        self._record.write(frame)  # first, so that a replay has what a viewer has seen
        self._feed.write(frame)
        self._now = frame.now
        if wall >= self._flush_due:
            self._flush_due = wall + max(self._flush_s, wall * FLUSH_SHARE)
            for observer in self._observers:
                observer.hurry()

    def _state(self) -> str:
        if self._gate is not None and self._gate.paused:
            return "paused"
        return "waiting" if self._island.waiting else "running"

    def _obey_capture(self) -> None:
        wanted = self._always or os.access(self._capture, os.F_OK)
        if wanted != self._capturing:
            self._capturing = wanted
            for observer in self._observers:
                observer.capture(wanted)

    def _frame(self, state: str, wall: float) -> Frame:
        island = self._island
        looks = [observer.look() for observer in self._observers]
        links = b"".join([look.links for look in looks])
        if self._sequence % MEMORY_EVERY == 0:
            self._memory = resident()
        self._sequence += 1
        return Frame(
            worker=self._worker,
            sequence=self._sequence,
            wall_s=round(wall, 6),
            since=self._now,
            now=max(look.state.now for look in looks),
            state=state,
            events=sum(look.state.events for look in looks),
            windows=island.windows,
            messages=sum(observer.messages for observer in self._observers),
            wait_s=round(island.waited_s, 6),
            cpu_s=round(time.process_time(), 6),
            rss=self._memory,
            lookahead=island.lookahead,
            sips=tuple(look.state for look in looks),
            links=links,
            units=b"".join(look.units for look in looks),
            hot=self._hottest(links),
            phases=self._phases(),
        )

    def _hottest(self, links: bytes) -> tuple[HotLink, ...]:
        """The busiest links; while nothing moves those that were busiest last."""
        self._hot = busiest(links) or self._hot
        found = []
        for number in self._hot:
            index = bisect_right(self._first, number) - 1
            found.append(self._observers[index].hot(number - self._first[index], self._first[index]))
        return tuple(found)

    def _phases(self) -> tuple[PhaseMark, ...]:
        """Those that last, then those that ended last: the others, long ones among them, would never be seen to end."""
        marks = [mark for observer in self._observers for mark in observer.phases.marks]
        marks.sort(key=lambda mark: (mark.end is None, mark.end or mark.start))
        return tuple(sorted(marks[-SHOWN:], key=lambda mark: mark.start))


def busiest(shares: bytes, most: int = HOT) -> list[int]:
    """Numbers of the largest shares that are not 0, the largest first, of equal ones the first."""
    found: list[int] = []
    for share in range(FULL, 0, -1):
        at = shares.find(share)
        while at >= 0:
            found.append(at)
            if len(found) == most:
                return found
            at = shares.find(share, at + 1)
    return found


@contextmanager
def published(island: Island, job: Job, worker: int, gate: Gate | None) -> Iterator[None]:
    """Have the island published while it runs, if the job is recorded and its devices can be observed."""
    found: list[Any] = [getattr(device, "observer", None) for device in island.devices]
    observers: list[SipObserver] = [observer for observer in found if observer is not None]
    if gate is not None:
        gate.watch(lambda: island.sim_time, lambda: sum(observer.phases.ended for observer in observers))
    if job.recording is None or not observers:
        yield
        return
    try:
        publisher = Publisher(island, gate, observers, job.recording, worker)
    except OSError as error:
        sys.stderr.write(f"kernbench: warning: worker {worker} publishes nothing: {error}\n")
        yield
        return
    publisher.start()
    try:
        yield
    finally:
        publisher.close()
