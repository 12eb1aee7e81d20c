"""What each SIP did over the whole of simulated time: shares of computing and of moving, in buckets that widen."""

from kernbench.common.units import FS_PER_NS, Fs
from kernbench.telemetry.frame import FULL, Frame
from tui.mean import Mean
from tui.plan import Plan

BUCKETS = 512


class Activity:
    """For each SIP a row of buckets of `width` fs from time 0 on; a value is busy fs of the mean engine or link."""

    def __init__(self, plan: Plan) -> None:
        layout = plan.layout
        self.width: Fs = 100 * FS_PER_NS
        self.end: Fs = 0
        self.compute: list[list[int]] = [[] for _ in range(layout.sips)]
        self.moving: list[list[int]] = [[] for _ in range(layout.sips)]
        # A frame holds the bytes of its own worker alone, so places count within it.
        self._means: list[list[tuple[int, Mean, Mean, Mean]]] = []
        for worker, own in enumerate(layout.workers):
            units = {number: place for place, number in enumerate(layout.units_of(worker))}
            links = {number: place for place, number in enumerate(layout.links_of(worker))}
            self._means.append(
                [
                    (
                        sip,
                        Mean([units[number] for number in plan.compute[sip]]),
                        Mean([units[number] for number in plan.moving[sip]]),
                        Mean([links[number] for start, _, number in plan.fabric if start == sip]),
                    )
                    for sip in own
                    if sip < plan.sips
                ]
            )

    def add(self, frame: Frame) -> None:
        """Take a frame in."""
        if not 0 <= frame.worker < len(self._means) or frame.now <= frame.since:
            return
        self.end = max(self.end, frame.now)
        while self.end > self.width * BUCKETS:
            self._widen()
        for sip, compute, moving, fabric in self._means[frame.worker]:
            self._spread(self.compute[sip], compute.mean(frame.units), frame)
            busiest = max(fabric.mean(frame.links), moving.mean(frame.units))
            self._spread(self.moving[sip], busiest, frame)

    def share(self, row: list[int], begin: Fs, end: Fs) -> int:
        """The busy byte of a stretch of time in a row of buckets."""
        first, last = begin // self.width, max(begin // self.width, (end - 1) // self.width)
        span = (last - first + 1) * self.width
        return min(FULL, sum(row[first : last + 1]) * FULL // span)

    def _spread(self, row: list[int], value: int, frame: Frame) -> None:
        if not value:
            return
        last = (frame.now - 1) // self.width
        row.extend([0] * (last + 1 - len(row)))
        for bucket in range(frame.since // self.width, last + 1):
            begin = max(frame.since, bucket * self.width)
            end = min(frame.now, (bucket + 1) * self.width)
            row[bucket] += value * (end - begin) // FULL

    def _widen(self) -> None:
        self.width *= 2
        for table in (self.compute, self.moving):
            for sip, row in enumerate(table):
                table[sip] = [sum(row[place : place + 2]) for place in range(0, len(row), 2)]
