"""Tracks of a trace: where a name stands in the tree, and lanes for slices that overlap on one engine."""

from hashlib import blake2b
from typing import NamedTuple

from kernbench.common.units import Fs


class Track(NamedTuple):
    """A row of a trace: its full name and the names of the groups above it, the outermost first."""

    name: str
    groups: tuple[str, ...]


class Slice(NamedTuple):
    """A stretch of time on a track. `departs` and `arrives` are the message that leaves or ends with it, or ""."""

    name: str
    start: Fs
    end: Fs
    arguments: tuple[tuple[str, int | str], ...] = ()
    departs: str = ""
    arrives: str = ""


def unit_track(unit: str) -> Track:
    """The track of an engine: below its SIP, cube and PE."""
    parts = unit.split(".")
    return Track(unit, tuple(".".join(parts[: depth + 1]) for depth in range(min(3, len(parts) - 1))))


def kernel_track(pe: str) -> Track:
    """The track of the kernels of a PE."""
    parts = pe.split(".")
    return Track(f"{pe}.kernels", tuple(".".join(parts[: depth + 1]) for depth in range(len(parts))))


def phase_track(sip: int) -> Track:
    """The track of the phases of a SIP's rank."""
    return Track(f"sip{sip}.phases", (f"sip{sip}",))


def link_track(link: str) -> Track:
    """The track of a link: below the links of the cube, or of the IO chiplet, where it starts."""
    parts = link.partition("->")[0].split(".")
    place = parts[:2]
    if len(parts) == 1:
        return Track(link, (parts[0], f"{parts[0]}.fabric"))
    return Track(link, (parts[0], ".".join(place), f"{'.'.join(place)}.links"))


def counter_track(link: str) -> Track:
    """The track of a link's utilisation."""
    track = link_track(link)
    return Track(f"{link} busy", track.groups)


def track_number(name: str, lane: int = 0) -> int:
    """A number for a track that is the same in every trace: 63 bits of the hash of its name."""
    digest = blake2b(f"{name}#{lane}".encode(), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1


class Lanes:
    """Puts slices of one track side by side where they overlap; in a lane none begins before the one before it ends."""

    def __init__(self) -> None:
        self.count = 0
        self._ends: dict[str, list[Fs]] = {}

    def lane(self, track: str, start: Fs, end: Fs) -> int:
        """The lane of a slice: of the free ones that which was used last, else a new one."""
        ends = self._ends.setdefault(track, [])
        free = [lane for lane, last in enumerate(ends) if last <= start]
        if not free:
            self.count += 1
            ends.append(end)
            return len(ends) - 1
        best = max(free, key=lambda lane: (ends[lane], -lane))
        ends[best] = end
        return best
