"""Matrix engine: a systolic array that multiplies one pair of tiles at a time."""

from collections.abc import Callable
from typing import Literal

import msgspec

from kernbench.common.busy import Busy
from kernbench.common.ops import Gemm, Operation, Scoreboard
from kernbench.common.units import Fs, transfer_time
from kernbench.components.component import Component, Config
from kernbench.sim_engine.engine import Engine


class PeGemmConfig(Config, frozen=True):
    """`sip.cube.pe.pe_gemm`: the array's size, its clock in Hz and which operand stays in it."""

    rows: int = 32
    columns: int = 32
    clock: int = msgspec.field(name="clock_ghz", default=10**9)
    flow: Literal["output_stationary", "weight_stationary"] = "output_stationary"


def output_stationary(config: PeGemmConfig, m: int, n: int, k: int) -> int:
    """Cycles when each cell keeps one output: ceil(M/R) ceil(N/C) (R + C + K - 2) - 1."""
    rows, columns = config.rows, config.columns
    return -(-m // rows) * -(-n // columns) * (rows + columns + k - 2) - 1


def weight_stationary(config: PeGemmConfig, m: int, n: int, k: int) -> int:
    """Cycles when each cell keeps one weight: ceil(K/R) ceil(N/C) (2R + C + M - 2) - 1."""
    rows, columns = config.rows, config.columns
    return -(-k // rows) * -(-n // columns) * (2 * rows + columns + m - 2) - 1


FLOWS: dict[str, Callable[[PeGemmConfig, int, int, int], int]] = {
    "output_stationary": output_stationary,
    "weight_stationary": weight_stationary,
}


class PeGemm(Component):
    """Runs one product after another; an operation takes its whole cycles of the clock from its start, a Busy its time."""

    kind = "gemm"

    def __init__(self, name: str, config: PeGemmConfig, engine: Engine, scoreboard: Scoreboard) -> None:
        super().__init__(name, engine)
        self.config = config
        self._scoreboard = scoreboard
        self._cycles = FLOWS[config.flow]

    def accepts(self, operation: Operation) -> bool:
        """Any product, while none runs."""
        return isinstance(operation, Gemm)

    def start(self, operation: Operation) -> None:
        """Multiply; the array is free again at the end."""
        assert isinstance(operation, Gemm)
        self.engine.call_later(self._time(operation), self._end, operation)

    def _time(self, operation: Gemm) -> Fs:
        if isinstance(operation, Busy):
            return operation.time
        # A 1 x 1 array on a 1 x 1 x 1 product is 0 cycles by the formula; no work is done in no time.
        cycles = operation.batch * max(1, self._cycles(self.config, operation.m, operation.n, operation.k))
        return transfer_time(cycles, self.config.clock)

    def _end(self, operation: Operation) -> None:
        self._scoreboard.freed(self)
        self._scoreboard.completed(operation)
