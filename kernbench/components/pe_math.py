"""Vector engine: element-wise operations and reductions, `lanes` elements a cycle."""

import msgspec

from kernbench.common.ops import Math, Operation, Scoreboard
from kernbench.common.units import transfer_time
from kernbench.components.component import Component, Config
from kernbench.sim_engine.engine import Engine


class PeMathConfig(Config, frozen=True):
    """`sip.cube.pe.pe_math`: lanes, clock in Hz, and passes of the dearer cost classes.

    Division and special functions (exp, log, sqrt) run at a quarter of the rate, as on GPUs with 1:4 special units.
    """

    lanes: int = 64
    clock: int = msgspec.field(name="clock_ghz", default=10**9)
    divide_passes: int = 4
    special_passes: int = 4


class PeMath(Component):
    """Runs one vector operation after another: passes x ceil(elements / lanes) cycles each.

    A reduction of spans of n elements takes ceil(log2(min(n, lanes))) more, in which lanes fold into each other.
    """

    kind = "math"

    def __init__(self, name: str, config: PeMathConfig, engine: Engine, scoreboard: Scoreboard) -> None:
        super().__init__(name, engine)
        self.config = config
        self._scoreboard = scoreboard
        self._passes = {"simple": 1, "divide": config.divide_passes, "special": config.special_passes}

    def accepts(self, operation: Operation) -> bool:
        """Any vector operation, while none runs."""
        return isinstance(operation, Math)

    def start(self, operation: Operation) -> None:
        """Compute; the lanes are free again at the end."""
        assert isinstance(operation, Math)
        lanes = self.config.lanes
        cycles = self._passes[operation.cost] * max(1, -(-operation.elements // lanes))
        if operation.span > 1:
            cycles += (min(operation.span, lanes) - 1).bit_length()
        self.engine.call_later(transfer_time(cycles, self.config.clock), self._end, operation)

    def _end(self, operation: Operation) -> None:
        self._scoreboard.freed(self)
        self._scoreboard.completed(operation)
