"""An operation that is only a time: what took a matrix engine elsewhere, and so long."""

from kernbench.common.ops import Gemm, Value
from kernbench.common.site import Site
from kernbench.common.units import Fs


class Busy(Gemm):
    """No product: the matrix engine is taken for `time` (fs, at least 1), and nothing is computed."""

    __slots__ = ("time",)

    def __init__(self, site: Site, output: Value, time: Fs) -> None:
        super().__init__(site, (), output, _nothing, (), (0, 0, 0))
        self.time = time


def _nothing() -> None:
    """The output has no bytes."""
