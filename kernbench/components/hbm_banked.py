"""Memory with banks: requests become bursts of pseudo-channels, and overlapping ones keep their order."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from kernbench.common.messages.memory import Segment
from kernbench.common.units import BytesPerSecond, Fs, transfer_time
from kernbench.components.hbm_address_map import AddressMap
from kernbench.components.hbm_dram import BURST, DramConfig
from kernbench.components.hbm_pseudo_channel import Access, Place, PseudoChannel
from kernbench.components.hbm_timing import Served, Started
from kernbench.sim_engine.engine import Engine

_FIRST_RANK = -(2**19)
"""Pseudo-channels choose before injectors and links of the same instant, in compiled order."""


class BankedTiming:
    """The banked mode: ends are known when bursts are committed to the data buses.

    A request that overlaps an earlier one, and either writes, is held from its arrival (its last byte, for a write) until
    the earlier one has ended; only requests for different bytes overtake each other.
    """

    def __init__(self, config: DramConfig, engine: Engine, slices: int, slice_bw: BytesPerSecond, quantum: int) -> None:
        self.engine = engine
        self.quantum = quantum
        self.burst = transfer_time(BURST * config.pseudo_channels, slice_bw)
        self.opening = (
            config.activate_to_read + config.read_latency,
            config.activate_to_write + config.write_latency,
        )
        self._map = AddressMap(config)
        self._per_slice = config.pseudo_channels
        self.channels = [
            PseudoChannel(engine, number, _FIRST_RANK + number, config, self.burst)
            for number in range(slices * config.pseudo_channels)
        ]
        self._reads: dict[int, _Request] = {}
        self._writes: dict[int, _Request] = {}

    def read(self, key: int, segments: tuple[Segment, ...], now: Fs, started: Started, served: Served) -> None:
        """Serve a read: its answer may start when its first quantum is committed."""
        request = _Request(self, key, segments, write=False)
        request.started = started
        request.closed(now, served, request.take(sum(segment.length for segment in segments)))

    def write(self, key: int, segments: tuple[Segment, ...]) -> "BankedWrite":
        """Serve data as it arrives; the last quantum only after all earlier requests for the same bytes."""
        return BankedWrite(_Request(self, key, segments, write=True))

    def places(self, segment: Segment, within: int, length: int) -> list[Place]:
        """Where the bursts of a piece of a segment are."""
        first = segment.slice * self._per_slice
        return [
            (first + channel, group, bank, row)
            for channel, group, bank, row in self._map.bursts(segment.offset + within, length)
        ]

    def enter(self, request: "_Request") -> int:
        """Note a request that has arrived; return how many earlier ones it waits for."""
        before = [other for other in self._writes.values() if other.overlaps(request)]
        if request.write:
            before += [other for other in self._reads.values() if other.overlaps(request)]
        for other in before:
            other.behind.append(request)
        self._open(request)[request.key] = request
        return len(before)

    def _open(self, request: "_Request") -> dict[int, "_Request"]:
        return self._writes if request.write else self._reads

    def leave(self, request: "_Request") -> None:
        """Forget a request that has ended, and let those behind it go on."""
        del self._open(request)[request.key]
        for other in request.behind:
            other.ahead -= 1
            if other.ahead == 0:
                other.release()

    def worked(self, now: Fs) -> list[Fs]:
        """How long each slice has served until `now`: the mean of its data buses."""
        per, times = self._per_slice, [channel.worked(now) for channel in self.channels]
        return [sum(times[first : first + per]) // per for first in range(0, len(times), per)]

    def rests(self, now: Fs) -> bool:
        """Whether no request is open, none that waits for an earlier one either, and no burst of a write that still comes."""
        return not self._reads and not self._writes and all(channel.rests(now) for channel in self.channels)

    def audit(self, now: Fs) -> list[str]:
        """Nothing waits at the end, and no data bus was busy longer than time went on."""
        waiting = [*self._reads.values(), *self._writes.values()]
        lines = [f"a request of {request.size} bytes was never served" for request in waiting]
        for channel in self.channels:
            slice_, number = divmod(channel.number, self._per_slice)
            name = f"slice {slice_} pseudo-channel {number}"
            if len(channel):
                lines.append(f"{name}: {len(channel)} burst(s) were never served")
            if channel.busy > now:
                lines.append(f"{name} busy {channel.busy} fs of {now} fs")
        return lines


class BankedWrite:
    """A write under way: its bursts queue as their bytes arrive."""

    __slots__ = ("_last", "_request")

    def __init__(self, request: "_Request") -> None:
        self._request = request
        self._last: list[Access] = []

    def take(self, size: int, now: Fs) -> None:
        """Queue what arrived before; the latest quantum is held, for it might be the last."""
        self._request.queue(self._last, now)
        self._last = self._request.take(size)

    def close(self, now: Fs, served: Served) -> None:
        """All is there."""
        self._request.closed(now, served, self._last)


class _Request:
    """A read or write: which bursts of which quantum are not committed, and what it waits for."""

    __slots__ = (
        "_asked",
        "_at",
        "_ends",
        "_held",
        "_left",
        "_load",
        "_served",
        "_since",
        "_spans",
        "_taken",
        "_timing",
        "_unfinished",
        "_within",
        "ahead",
        "behind",
        "key",
        "quanta",
        "segments",
        "size",
        "started",
        "write",
    )

    def __init__(self, timing: BankedTiming, key: int, segments: tuple[Segment, ...], *, write: bool) -> None:
        self._timing = timing
        self.key = key
        self.segments = segments
        self.write = write
        self.size = sum(segment.length for segment in segments)
        self._spans = _spans(segments)
        self.ahead = 0
        self.behind: list[_Request] = []
        self.started: Started | None = None
        self._served: Served | None = None
        self._since: Fs = 0
        self._held: list[Access] = []
        self._load = 0
        self._at = self._within = self._taken = 0
        # Of each quantum: bursts that are not committed, by pseudo-channel, and the end of those that are.
        self.quanta = self._unfinished = -(-self.size // timing.quantum)
        self._left: list[dict[int, int]] = [{} for _ in range(self.quanta)]
        self._ends: list[Fs] = [0] * self.quanta
        self._asked = 0

    def overlaps(self, other: "_Request") -> bool:
        """Whether both touch a byte."""
        return any(
            start < to and begin < end
            for slice_, spans in self._spans.items()
            for start, end in spans
            for begin, to in other._spans.get(slice_, ())  # noqa: SLF001  # its own kind
        )

    def take(self, size: int) -> list[Access]:
        """Make the bursts of the next `size` bytes."""
        accesses = []
        while size:
            segment = self.segments[self._at]
            quantum, used = divmod(self._taken, self._timing.quantum)
            length = min(size, segment.length - self._within, self._timing.quantum - used)
            left = self._left[quantum]
            for place in self._timing.places(segment, self._within, length):
                left[place[0]] = left.get(place[0], 0) + 1
                accesses.append(Access(self, quantum, place, write=self.write))
            size -= length
            self._taken += length
            self._within += length
            if self._within == segment.length:
                self._at += 1
                self._within = 0
        return accesses

    def queue(self, accesses: list[Access], now: Fs) -> None:
        """Hand bursts to their pseudo-channels."""
        channels = self._timing.channels
        for access in accesses:
            access.arrived = now
            channels[access.channel].arrive(self.key, access)

    def closed(self, now: Fs, served: Served, rest: list[Access]) -> None:
        """The request has arrived; `rest` is queued when no earlier one is in its way."""
        self._since = now
        self._served = served
        self._held = rest
        self._load = max(Counter(access.channel for access in rest).values())
        self.ahead = self._timing.enter(self)
        if self.ahead == 0:
            self.release()

    def release(self) -> None:
        """Queue what was held."""
        held, self._held = self._held, []
        self.queue(held, self._timing.engine.now)

    def committed(self, channel: int, quantum: int, end: Fs) -> None:
        """Note when a burst ends."""
        left = self._left[quantum]
        left[channel] -= 1
        if left[channel] == 0:
            del left[channel]
        self._ends[quantum] = max(self._ends[quantum], end)
        if left:
            return
        self._unfinished -= 1
        if quantum == 0 and self.started is not None:
            self.started(_Ready(self))
        if self._unfinished == 0:
            self._finish()

    def ready(self, quantum: int) -> Fs:
        """When a quantum is there. Bursts that are not committed yet are now: on what their channels know."""
        ends, channels = self._ends, self._timing.channels
        for number in range(self._asked, quantum + 1):
            left = self._left[number]
            for channel in list(left):
                while channel in left:
                    channels[channel].commit_next()
            if number:
                ends[number] = max(ends[number], ends[number - 1])
        self._asked = max(self._asked, quantum + 1)
        return ends[quantum]

    def _finish(self) -> None:
        """Account for the time: the bytes on the busiest bus, opening a row and reaching its data, and waiting."""
        assert self._served is not None, "the last bursts are held until the request has arrived"
        timing = self._timing
        end = max(self._ends)
        time = end - self._since
        serialisation = min(self._load * timing.burst, time)
        overhead = min(timing.opening[self.write], time - serialisation)
        waiting = time - overhead - serialisation
        self._served(end, {"overhead": overhead, "serialisation": serialisation, "hbm_busy": waiting})
        timing.engine.call_at(end, self._leave)

    def _leave(self, _: object) -> None:
        self._timing.leave(self)


class _Ready(Sequence[Fs]):
    """The times of a read's quanta, each asked for when the one before it has left."""

    def __init__(self, request: _Request) -> None:
        self._request = request

    def __getitem__(self, quantum: Any) -> Any:
        return self._request.ready(quantum)

    def __len__(self) -> int:
        return self._request.quanta


def _spans(segments: tuple[Segment, ...]) -> dict[int, list[tuple[int, int]]]:
    """The byte ranges of segments by slice; neighbours are joined."""
    spans: dict[int, list[tuple[int, int]]] = {}
    for segment in segments:
        ranges = spans.setdefault(segment.slice, [])
        if ranges and ranges[-1][1] == segment.offset:
            ranges[-1] = (ranges[-1][0], segment.offset + segment.length)
        else:
            ranges.append((segment.offset, segment.offset + segment.length))
    return spans
