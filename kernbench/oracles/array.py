"""A systolic array on its own: the matrix engine of a PE runs one product and its end tells the cycles."""

from typing import Literal, TypeAlias

from kernbench.common.ops import Gemm, Operation, Unit, Value
from kernbench.common.units import FS_PER_NS, Fs
from kernbench.components.pe_gemm import PeGemm, PeGemmConfig
from kernbench.runtime_api.shapes import Shape, integers
from kernbench.sim_engine.engine import Engine

END: Fs = 10**18
Flow: TypeAlias = Literal["output_stationary", "weight_stationary"]
FLOWS: dict[str, Flow] = {"os": "output_stationary", "ws": "weight_stationary"}


class Stopwatch:
    """A scoreboard that notes when the product is done."""

    def __init__(self, engine: Engine) -> None:
        self.end: Fs = 0
        self._engine = engine

    def freed(self, unit: Unit) -> None:
        """Nobody queues behind."""

    def completed(self, _operation: Operation, /) -> None:
        """Note the time."""
        self.end = self._engine.now

    def poke(self) -> None:
        """Nobody waits."""


def cycles(array: str, flow: str, shape: Shape) -> int:
    """Cycles of a product on an array such as `32x32`, stationary by output (`os`) or weight (`ws`)."""
    rows, columns = integers(array, "x", 2, "--array", "rows x columns such as 32x32")
    config = PeGemmConfig(rows=rows, columns=columns, clock=10**9, flow=FLOWS[flow])
    engine = Engine()
    watch = Stopwatch(engine)
    unit = PeGemm("array", config, engine, watch)
    unit.start(Gemm((cycles.__code__, 0), (), Value(0), _no_values, (), shape))
    engine.advance(END)
    return watch.end // FS_PER_NS


def _no_values() -> None:
    """Only the time is asked for."""
