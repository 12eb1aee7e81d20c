"""The publisher of one island: it tells viewers, up to ten times a second, what the island's SIPs are doing.

It reads counters and never waits for the model, nor the model for it; a slow, killed or absent viewer concerns nobody.
The model's own thread looks, between two events: another one would have to fetch every counter from that one's cache,
and change places with it at each look, which cost as much again. A thread of its own looks where the model does not
come by: in a kernel that does not end, while the island waits for others, in a pause.
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
from kernbench.telemetry.feed import SPARE, SPARE_OF_SIP, FeedWriter, feed_path
from kernbench.telemetry.frame import Frame, HotLink, PhaseMark
from kernbench.telemetry.phase_log import latest
from kernbench.telemetry.record import RecordWriter, record_path

if TYPE_CHECKING:  # a worker whose devices are not of this package need not load it
    from kernbench.di.sip_observer import SipObserver

HOT = 8
FLUSH_SHARE = 0.05
"""Buffered rows are written every `flush_s`, later in a long run after a twentieth of its time so far."""
IDLE = 200
"""A frame comes no sooner than so many times the CPU that the last one took: publishing stays below 0.5 % of a run."""
PATIENCE = 5
"""Periods in which nobody came by after which the thread looks itself: a thread that only wakes up costs too."""
MEMORY_EVERY = 5
"""Frames for which one reading of the memory counts."""


class Publisher(threading.Thread):
    """Publishes frames into the worker's feed and record until it is closed; one may be asked for by `publish`.

    Whoever runs the model calls `tick` as it comes by, and `idle` while it holds the model back.
    """

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
            feed_path(directory, worker),
            SPARE + sum(SPARE_OF_SIP + each.links + 2 * each.units for each in observers),
        )
        self._record = RecordWriter(record_path(directory, worker), recording.frame_bytes)
        self._open = threading.Lock()  # an Event would run some hundred lines of Python at each look
        self._open.acquire()
        self._turn = threading.Lock()
        self._begin = self._ticked = time.monotonic()
        self._cpu_begin = time.process_time()
        self._due = self._begin + self._period_s
        self._cpu_due = 0.0
        self._flush_s = self._flush_due = recording.flush_s
        self._sequence = self._memory = 0
        self._now: Fs = 0
        self._first = [0, *accumulate(observer.links for observer in observers)]
        self._hot: list[int] = []
        for observer in observers:
            observer.call_at_ticks(self.tick)

    def tick(self) -> None:
        """Publish if a frame is due, in CPU of the process too: that of a crowded machine gets less than the time."""
        self._ticked = now = time.monotonic()
        if now >= self._due and time.process_time() >= self._cpu_due:
            self._publish_in_turn()

    def idle(self) -> None:
        """Publish if a frame is due, however little the process works."""
        self._ticked = now = time.monotonic()
        if now >= self._due:
            self._publish_in_turn()

    def run(self) -> None:
        """Publish while nobody comes by, until it is closed."""
        patience = PATIENCE * self._period_s
        while not self._open.acquire(timeout=max(0.0, max(self._due, self._ticked + patience) - time.monotonic())):
            now = time.monotonic()
            if now >= self._due and now >= self._ticked + patience:
                self._publish_in_turn()

    def close(self) -> None:
        """Publish what there is at the end, then let go of all files; the engines have stopped."""
        self._open.release()
        self.join()
        with suppress(OSError):
            self.publish("ended")
        self._feed.close()
        self._record.close()
        for observer in self._observers:
            observer.close()

    def _publish_in_turn(self) -> None:
        """Publish unless the other thread just does; what fails here, a full disk first of all, is none of the run."""
        if not self._turn.acquire(blocking=False):
            return
        try:
            begin, spent = time.monotonic(), time.thread_time()
            with suppress(RuntimeError):  # a table of the model grew while it was read: the next frame will do
                self.publish(self._state())
            spent = IDLE * (time.thread_time() - spent)
            due = self._due + self._period_s
            self._due = max(due if due > begin else begin + self._period_s, begin + spent)
            self._cpu_due = time.process_time() + spent
        except Exception as error:
            self._due = threading.TIMEOUT_MAX
            said = error if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
            sys.stderr.write(f"kernbench: warning: worker {self._worker} publishes no more: {said}\n")
        finally:
            self._turn.release()

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
            cpu_s=round(time.process_time() - self._cpu_begin, 6),
            rss=self._memory,
            lookahead=island.lookahead,
            sips=tuple(look.state for look in looks),
            links=links,
            units=b"".join(look.units for look in looks),
            hot=self._hottest(links),
            phases=self._phases(),
            queues=b"".join(look.queues for look in looks),
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
        return tuple(
            latest((mark for observer in self._observers for mark in observer.phases.marks), len(self._observers))
        )


def busiest(shares: bytes, most: int = HOT) -> list[int]:
    """Numbers of the largest shares that are not 0, the largest first, of equal ones the first."""
    found: list[int] = []
    for share in sorted({*shares} - {0}, reverse=True):
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
        if gate is not None:
            gate.idle = publisher.idle
    except OSError as error:
        sys.stderr.write(f"kernbench: warning: worker {worker} publishes nothing: {error}\n")
        yield
        return
    publisher.start()
    try:
        yield
    finally:
        publisher.close()
