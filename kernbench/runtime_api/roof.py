"""The roofline of a launch: the rates that the PEs of a launch and their memory cannot exceed, from the topology alone."""

from collections.abc import Sequence
from math import prod
from typing import Any

import msgspec

from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs
from kernbench.runtime_api.rank import Machine

MATRIX, VECTOR, MEMORY = "matrix", "vector", "memory"
"""What may bound a kernel: the systolic arrays, the vector units, or the way to the bytes."""


class Work(msgspec.Struct, frozen=True):
    """What a kernel has to do: floating-point operations on arrays and on vector units, bytes read and written."""

    matrix: int = 0
    vector: int = 0
    read: int = 0
    written: int = 0

    @property
    def flops(self) -> int:
        """Operations of both kinds."""
        return self.matrix + self.vector

    @property
    def moved(self) -> int:
        """Bytes both ways."""
        return self.read + self.written

    @property
    def intensity(self) -> float | None:
        """Floating-point operations a byte; None where nothing is moved."""
        return self.flops / self.moved if self.moved else None


class Roof(msgspec.Struct, frozen=True):
    """Peak rates of `pes` PEs of one device: FLOP/s of their arrays and vector units, bytes/s.

    `memory` is what all slices of the device serve (raw bandwidth x efficiency), `port` what the PEs' own links to
    their routers carry, each way: few PEs cannot use the memory of a whole device.
    """

    pes: int
    matrix: int
    vector: int
    memory: BytesPerSecond
    port: BytesPerSecond

    def times(self, work: Work) -> dict[str, Fs]:
        """The least time (fs) that each of the three alone takes, rounded up."""
        return {
            MATRIX: _time(work.matrix, self.matrix),
            VECTOR: _time(work.vector, self.vector),
            MEMORY: max(_time(work.moved, self.memory), _time(max(work.read, work.written), self.port)),
        }

    def bound(self, work: Work) -> tuple[str, Fs]:
        """Which of the three takes the longest, and its time in fs: no launch of this work is quicker."""
        times = self.times(work)
        first = max(times, key=lambda name: times[name])
        return first, times[first]

    def peak(self, work: Work) -> int:
        """FLOP/s of the unit that does most of the work: the arrays where there are products, else the vector units."""
        return self.matrix if work.matrix else self.vector

    @property
    def bytes_per_second(self) -> BytesPerSecond:
        """The most that can be read in a second."""
        return min(self.memory, self.port)


def roof_of(machine: Machine, sip: int, pes: Sequence[str]) -> Roof:
    """The roof of a launch on these PEs (`cube00.pe0`) of a SIP, whose whole memory may serve them.

    A part of a user's own may not say how fast it is; then it bounds nothing. Memory with banks has its raw bandwidth
    as its peak: what it delivers of that depends on addresses.
    """
    hbm = machine.section("hbm_ctrl")
    slice_bw = machine.slice_bw()
    if getattr(hbm, "mode", "simple") == "banked":
        slice_bw = int(slice_bw / hbm.efficiency)
    count, (columns, rows) = len(pes), machine.cube_mesh
    cube = pes[0].partition(".")[0]
    port = machine.path(f"sip{sip}.{cube}.hbm", f"sip{sip}.{pes[0]}.dma").bw
    return Roof(
        count,
        *flops(machine, count),
        columns * rows * hbm.slices * slice_bw,
        count * port,
    )


def flops(machine: Machine, pes: int) -> tuple[int, int]:
    """FLOP/s of the arrays and of the vector units of so many PEs."""
    array = 2 * _rate(machine.section("pe_gemm"), "rows", "columns", "clock")  # a cell multiplies and adds
    return pes * array, pes * _rate(machine.section("pe_math"), "lanes", "clock")


def _rate(config: Any, *names: str) -> int:
    """The product of a part's figures; 0 where it has other ones."""
    return prod(getattr(config, name, 0) for name in names)


def _time(amount: int, rate: int) -> Fs:
    return -(-amount * FS_PER_S // rate) if rate else 0
