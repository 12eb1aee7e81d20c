"""The state of a run at one moment, with a history: frames go in, numbers for pictures come out."""

from collections import deque
from collections.abc import Iterable, Sequence

from kernbench.telemetry.frame import FULL, Frame, HotLink, PhaseMark, SipState
from kernbench.telemetry.phase_log import shown
from tui.mean import Mean
from tui.plan import Plan

DEPTH = 120
"""Moments kept for histories, averages and percentiles: twelve seconds at ten frames a second."""

MOST_PHASES = 2048
"""Phases kept; above that the ones that were heard of first go, down to half as many."""

RECENT = 8
"""Moments that the order of the hottest links looks at, so that rows do not jump about."""


class Store:
    """What the last frames said: `links` and `units` hold a busy byte for each link and engine, and a zero at the end.

    `queues` has for each engine how many operations wait to start on it; it is empty until a frame tells that.
    `shares` has for each SIP the mean of its computing engines and of its moving ones, moment by moment.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        layout = plan.layout
        workers = range(len(layout.workers))
        self._links_of = [_span(layout.links_of(worker)) for worker in workers]
        self._units_of = [_span(layout.units_of(worker)) for worker in workers]
        self._compute = [Mean(own) for own in plan.compute]
        self._moving = [Mean(own) for own in plan.moving]
        self.clear()

    def clear(self) -> None:
        """Forget everything, as before a seek."""
        self._links = bytearray(len(self.plan.layout.links) + 1)
        self._units = bytearray(len(self.plan.layout.units) + 1)
        self.links = bytes(self._links)
        self.units = bytes(self._units)
        self.queues = bytearray()
        self.history: deque[bytes] = deque(maxlen=DEPTH)
        self.unit_history: deque[bytes] = deque(maxlen=DEPTH)
        self.shares: list[deque[tuple[int, int]]] = [deque(maxlen=DEPTH) for _ in range(self.plan.sips)]
        self.frames: dict[int, Frame] = {}
        self.before: dict[int, Frame] = {}
        self.hot: dict[int, HotLink] = {}
        self.sips: dict[int, SipState] = {}
        self.phases: dict[tuple[int, str, int], PhaseMark] = {}
        self.moments = 0
        self._ranking: list[int] = []
        self._ranked_at = -RECENT
        self._stands = False

    def apply(self, frames: Iterable[Frame]) -> bool:
        """Take frames in; each round of workers is a moment of the history. Whether there was any."""
        seen: set[int] = set()
        for frame in frames:
            if not 0 <= frame.worker < len(self._links_of):
                continue
            if frame.worker in seen:
                self._commit()
                seen.clear()
            seen.add(frame.worker)
            self._take(frame)
        if seen:
            self._commit()
        self._stands = not seen
        return bool(seen)

    def _take(self, frame: Frame) -> None:
        worker = frame.worker
        if worker in self.frames:
            self.before[worker] = self.frames[worker]
        self.frames[worker] = frame
        _spread(self._links, self._links_of[worker], frame.links)
        _spread(self._units, self._units_of[worker], frame.units)
        if frame.queues:
            self.queues = self.queues or bytearray(len(self._units))
            _spread(self.queues, self._units_of[worker], frame.queues)
        own = self._links_of[worker]
        for number in [number for number in self.hot if number in own]:
            del self.hot[number]
        for each in frame.hot:
            if 0 <= each.link < len(own):
                self.hot[own[each.link]] = each
        for state in frame.sips:
            self.sips[state.sip] = state
        most = shown(len(self.plan.layout.workers[worker]))
        if len(frame.phases) < most or any(mark.end is not None for mark in frame.phases):
            # Then the frame has all that last: another one has ended meanwhile, perhaps under a better name.
            for key in [key for key, mark in self.phases.items() if mark.end is None and self._is_of(mark, worker)]:
                del self.phases[key]
        for mark in frame.phases:
            self.phases[mark.sip, mark.name, mark.start] = mark
        if len(self.phases) > MOST_PHASES:
            ended = [key for key, mark in self.phases.items() if mark.end is not None]
            for key in ended[: len(self.phases) - MOST_PHASES // 2]:
                del self.phases[key]

    def _is_of(self, mark: PhaseMark, worker: int) -> bool:
        return mark.sip in self.plan.layout.workers[worker]

    def _commit(self) -> None:
        self.links = bytes(self._links)
        self.units = bytes(self._units)
        self.history.append(self.links)
        self.unit_history.append(self.units)
        for sip, shares in enumerate(self.shares):
            shares.append((self._compute[sip].mean(self.units), self._moving[sip].mean(self.units)))
        self.moments += 1

    @property
    def now(self) -> int:
        """Simulated time (fs) of the furthest worker."""
        return max((frame.now for frame in self.frames.values()), default=0)

    @property
    def state(self) -> str:
        """`running`, `paused`, `waiting` or `ended`: what most of the workers would say."""
        states = {frame.state for frame in self.frames.values()}
        for state in ("running", "paused", "waiting", "ended"):
            if state in states:
                return state
        return "starting"

    def trace(self, link: int, depth: int = DEPTH) -> list[int]:
        """The last busy bytes of a link, the newest last."""
        history = self.history
        begin = max(0, len(history) - depth)
        return [moment[link] for index, moment in enumerate(history) if index >= begin]

    def unit_trace(self, unit: int, depth: int = DEPTH) -> list[int]:
        """The last busy bytes of an engine, the newest last."""
        history = self.unit_history
        begin = max(0, len(history) - depth)
        return [moment[unit] for index, moment in enumerate(history) if index >= begin]

    def hottest(self, most: int, among: Sequence[int] | None = None) -> list[int]:
        """The busiest links of late, idle ones left out, the busiest first."""
        if among is not None:
            recent = [*self.history][-RECENT:]
            sums = {number: sum(moment[number] for moment in recent) for number in among}
            return sorted((number for number in sums if sums[number]), key=lambda each: (-sums[each], each))[:most]
        passed = self.moments - self._ranked_at
        if passed >= RECENT // 2 or passed < 0 or (passed and self._stands) or not self._ranking:
            self._ranked_at = self.moments
            totals = map(sum, zip(*[*self.history][-RECENT:], strict=True))
            busy = sorted([(-total, number) for number, total in enumerate(totals) if total])
            self._ranking = [number for _, number in busy[:64]]
        return self._ranking[:most]

    def gbs(self, link: int) -> float:
        """What a link moves now, in bytes/s: its share of its bandwidth."""
        return self.links[link] / FULL * self.plan.layout.links[link].bw

    def sip_rate(self, sip: int) -> float:
        """What the memory of a SIP moves now, both ways, in bytes/s."""
        return sum(self.gbs(n) for table in (self.plan.hbm_read, self.plan.hbm_write) for n in table[sip] if n >= 0)

    def fabric_rate(self, sip: int) -> float:
        """What a SIP sends to other SIPs now, in bytes/s."""
        return sum(self.gbs(number) for source, _, number in self.plan.fabric if source == sip)

    def peak(self, numbers: Iterable[int]) -> int:
        """The largest busy byte of some links."""
        return max((self.links[number] for number in numbers), default=0)

    def events_per_s(self, worker: int) -> float:
        """Events of a worker a second of real time, of late."""
        return self._per_s(worker, "events")

    def windows_per_s(self, worker: int) -> float:
        """Windows of a worker a second of real time, of late."""
        return self._per_s(worker, "windows")

    def wait_share(self, worker: int) -> float:
        """The share of real time that a worker lately waited for others."""
        return min(1.0, self._per_s(worker, "wait_s"))

    def cpu_share(self, worker: int) -> float:
        """The share of a core that a worker lately used."""
        return self._per_s(worker, "cpu_s")

    def _per_s(self, worker: int, name: str) -> float:
        frame, before = self.frames.get(worker), self.before.get(worker)
        if frame is None or before is None or frame.wall_s <= before.wall_s:
            return 0.0
        return max(0.0, float(getattr(frame, name) - getattr(before, name)) / (frame.wall_s - before.wall_s))

    def phases_of(self, sip: int) -> list[PhaseMark]:
        """The phases of a SIP that are known, in order of their start."""
        return sorted((mark for mark in self.phases.values() if mark.sip == sip), key=lambda mark: mark.start)

    def open_phases(self) -> list[PhaseMark]:
        """The phases that last, the one that began last first."""
        lasting = (mark for mark in self.phases.values() if mark.end is None or mark.end > self.now)
        return sorted(lasting, key=lambda mark: (-mark.start, mark.sip))


def _span(numbers: list[int]) -> Sequence[int]:
    """A range where the numbers are consecutive: writing there is a slice."""
    if numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return range(numbers[0], numbers[0] + len(numbers))
    return numbers


def _spread(table: bytearray, places: Sequence[int], values: bytes) -> None:
    if isinstance(places, range) and len(values) == len(places):
        table[places.start : places.stop] = values
        return
    for place, value in zip(places, values, strict=False):
        table[place] = value


def average(trace: Sequence[int]) -> int:
    """The mean busy byte of a trace."""
    return sum(trace) // len(trace) if trace else 0


def percentile99(trace: Sequence[int]) -> int:
    """The busy byte that 99 of 100 moments do not exceed."""
    return sorted(trace)[(len(trace) * 99 - 1) // 100] if trace else 0
