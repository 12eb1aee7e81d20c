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
    """A share, a cube or a launch has retired; `start` is its first program's start, `end` its last retirement."""

    tag: int
    start: Fs
    end: Fs
