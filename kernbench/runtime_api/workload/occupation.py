"""The device during a compute task: its engines are taken for a time that is known, or that its operations and bytes need."""

from collections.abc import Sequence

import kernbench.triton_emu.language as tl
from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.common.units import FS_PER_S, Fs, transfer_time
from kernbench.runtime_api.rank import Machine, Rank
from kernbench.runtime_api.work import Work
from kernbench.triton_emu.jit import jit
from kernbench.triton_emu.occupation import occupy


@jit
def compute(time: tl.constexpr) -> None:
    """One program a PE."""
    occupy(time)


class Occupation:
    """Compute tasks of one rank, on all PEs but the `taken` ones; on a device that has no others, on all."""

    def __init__(self, rank: Rank, taken: Sequence[str]) -> None:
        self._rank = rank
        self.pes = tuple(pe for pe in rank.pes if pe not in taken) or tuple(rank.pes)

    def begin(self, name: str, time: Fs) -> Work:
        """Launch a task of `time` fs."""
        launch = compute.launch((len(self.pes),), max(time, 1))
        return Work(self._rank, self._rank.submit(KernelLaunchMsg(launch, self.pes, f"compute task {name}")))

    def roofline(self, operations: int, size: int) -> Fs:
        """The longer of `operations` at the peak of the PEs' arrays and `size` bytes at the bandwidth of the memory.

        The peak is 2 x rows x columns x clock of each PE, as if every cell multiplied and added in every cycle.
        """
        machine = self._rank.machine
        gemm = machine.section("pe_gemm")
        peak: int = 2 * gemm.rows * gemm.columns * gemm.clock * len(self.pes)
        return max(-(-operations * FS_PER_S // peak), transfer_time(size, memory_bw(machine)))


def memory_bw(machine: Machine) -> int:
    """What all memory slices of a device serve together, in bytes/s."""
    columns, rows = machine.cube_mesh
    slices: int = machine.section("hbm_ctrl").slices
    return int(machine.slice_bw()) * slices * columns * rows
