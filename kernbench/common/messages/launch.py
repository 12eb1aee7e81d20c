"""How a kernel launch travels down (host, io_cpu, m_cpu, pe_cpu) and its completion back up."""

from typing import Any

import msgspec

from kernbench.common.units import Fs


class PeShare(msgspec.Struct, frozen=True):
    """A PE's share of a launch: it is number `index` of `count`."""

    pe: str
    index: int
    count: int


class LaunchRequest(msgspec.Struct, frozen=True):
    """A launch on its way to the io_cpu (all shares) or to one m_cpu (the shares of its cube)."""

    tag: int
    launch: Any
    shares: tuple[PeShare, ...]


class PeLaunch(msgspec.Struct, frozen=True):
    """A launch on its last leg, from an m_cpu to a pe_cpu."""

    tag: int
    launch: Any
    share: PeShare


class LaunchDone(msgspec.Struct, frozen=True):
    """A share, a cube or a launch has retired.

    `start` is its first program's start, `end` its last retirement; `queued` is the queueing on the critical path to
    that; `overlap_start` and `overlap_end` are what the SIP's `Activity` read at those times. All in fs.
    """

    tag: int
    start: Fs
    end: Fs
    queued: Fs
    overlap_start: Fs
    overlap_end: Fs

    def merge(self, other: "LaunchDone") -> "LaunchDone":
        """Both together: the earlier start and the later end, each with what belongs to it."""
        first = min(self, other, key=lambda each: (each.start, each.overlap_start))
        last = max(self, other, key=lambda each: (each.end, each.queued))
        return LaunchDone(self.tag, first.start, last.end, last.queued, first.overlap_start, last.overlap_end)
