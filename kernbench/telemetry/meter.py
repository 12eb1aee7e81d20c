"""Utilisation in simulated time: readings of every used link at the edges of buckets whose width doubles as it must."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import msgspec

from kernbench.common.units import Fs
from kernbench.telemetry.rows import Utilisation

BUCKETS = 256
"""The most buckets there are: one more, and each two become one."""
EVENTS_PER_LINK = 16
"""Events that must have happened for each link that is read: so all readings take a four-hundredth of a long run."""
ALLOWANCE, FEWEST = 1 << 13, 64
"""Events ahead of which readings may be, and buckets below which none become one: a short run has buckets too."""


class Transmitter(Protocol):
    """What is read of a link. `busy` counts a packet's whole time as it starts, `busy_until` is when that ends."""

    name: str
    busy: Fs
    busy_until: Fs
    bytes_in: int


class Reading(msgspec.Struct, frozen=True, array_like=True):
    """What some links have done since the reading before, up to `edge` (fs); `width` is the buckets' by now.

    `names` are links that joined. Link `links[n]`, counted in the order of joining, was busy for `busy[n]` and moved
    `moved[n]` bytes; the others did nothing.
    """

    edge: Fs
    width: Fs
    names: list[str]
    links: list[int]
    busy: list[Fs]
    moved: list[int]


class Meter:
    """Reads the links at each edge and tells `keep` what was added, so that sums over buckets are the totals.

    `edge` is the next time to read at; whoever runs the model calls `reach` when it is about to go to or past it, all
    events before it done. `links()` gives the links in use: more may join, none may leave or move. Buckets widen when
    there are too many, and when reading would cost more than a four-hundredth of the events' own work.
    """

    def __init__(self, links: Callable[[], Sequence[Transmitter]], width: Fs, keep: Callable[[Reading], None]) -> None:
        self._links = links
        self._keep = keep
        self._width = width
        self._busy: list[Fs] = []
        self._moved: list[int] = []
        self._joined: list[str] = []  # since the last reading that was kept
        self._spent = 0
        self.edge = width

    def reach(self, time: Fs, events: int) -> None:
        """Read at every edge up to `time`, `events` having happened; first make the buckets as wide as they must be."""
        while time >= BUCKETS * self._width:
            self._width *= 2
        if self._spent > events + ALLOWANCE and time >= FEWEST * self._width:
            self._width *= 2
            self._spent = events
        self.edge = -(-self.edge // self._width) * self._width
        while self.edge <= time:
            self._read(self.edge)
            self.edge += self._width

    def close(self) -> None:
        """Tell what has come since the last edge: now the sums are the links' totals."""
        self._read(None)

    def _read(self, edge: Fs | None) -> None:
        links, busy, moved = self._links(), self._busy, self._moved
        new = [link.name for link in links[len(busy) :]]
        busy += [0] * len(new)
        moved += [0] * len(new)
        self._spent += len(links) * EVENTS_PER_LINK
        active, times, sizes = [], [], []
        index = -1
        for link, before in zip(links, busy, strict=True):
            index += 1
            done = link.busy
            if done == before:  # all of it is told
                continue
            if edge is not None and link.busy_until > edge:
                done -= link.busy_until - edge
            total = link.bytes_in
            active.append(index)
            times.append(done - before)
            sizes.append(total - moved[index])
            busy[index], moved[index] = done, total
        self._joined += new
        if active or edge is None:
            self._keep(Reading(self.edge, self._width, self._joined, active, times, sizes))
            self._joined = []


def utilisation(readings: Iterable[Reading], width: Fs = 1) -> Utilisation:
    """The buckets that readings of one meter add up to; those of the last width, since every edge of it was read.

    They end before the first that no meter gives: a record is not trusted.
    """
    kept = [*_sound(readings)]
    width = kept[-1].width if kept else width
    names: list[str] = []
    count = max(((reading.edge - 1) // width + 1 for reading in kept), default=0)
    busy: list[list[Fs]] = []
    moved: list[list[int]] = []
    for reading in kept:
        names += reading.names
        for columns in (busy, moved):
            columns += [[0] * count for _ in reading.names]
        bucket = (reading.edge - 1) // width
        for columns, added in ((busy, reading.busy), (moved, reading.moved)):
            for link, amount in zip(reading.links, added, strict=True):
                columns[link][bucket] += amount
    return Utilisation(width, dict(zip(names, busy, strict=True)), dict(zip(names, moved, strict=True)))


def _sound(readings: Iterable[Reading]) -> Iterator[Reading]:
    joined, width = 0, 1
    for reading in readings:
        joined += len(reading.names)
        if (
            reading.width < width
            or not 0 < reading.edge <= (BUCKETS + 1) * reading.width
            or not len(reading.links) == len(reading.busy) == len(reading.moved)
            or not all(0 <= link < joined for link in reading.links)
        ):
            return
        width = reading.width
        yield reading


def merge(parts: Sequence[Utilisation]) -> Utilisation:
    """The links of several SIPs in buckets of the widest of their widths."""
    width = max((part.width for part in parts), default=1)
    count = max((-(-len(column) * part.width // width) for part in parts for column in part.busy.values()), default=0)
    busy: dict[str, list[Fs]] = {}
    moved: dict[str, list[int]] = {}
    for part in parts:
        for target, source in ((busy, part.busy), (moved, part.moved)):
            for name, column in source.items():
                wide = [0] * count
                for index, amount in enumerate(column):
                    wide[index * part.width // width] += amount
                target[name] = wide
    return Utilisation(width, busy, moved)
