"""Time of a PE that is known without a kernel: the matrix engine is taken for it, and nothing is computed."""

from kernbench.common.busy import Busy
from kernbench.common.ops import Value
from kernbench.common.units import Fs
from kernbench.triton_emu.program import current, site


def occupy(time: Fs) -> None:
    """Take this PE's matrix engine for `time` (fs, at least 1); no part of Triton's language."""
    current().submit(Busy(site(), Value(0), time))
