"""An engine that stops for a meter at the edges of its buckets and for who looks now and then; its events stay the same."""

from collections.abc import Callable
from sys import maxsize

from kernbench.common.units import Fs
from kernbench.sim_engine.engine import Engine
from kernbench.telemetry.meter import Meter

TICK = 2048
"""Events from one tick to the next: some milliseconds, so that ten looks a second come when they are due."""


class SampledEngine(Engine):
    """Has its meter read whenever simulated time passes an edge, and calls `tick` every so many events, at the end of one.

    An advance that is split runs the same events and ends with the same one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meter: Meter | None = None
        self.tick: Callable[[], None] = _nobody
        self._tick_at = TICK

    def advance(self, bound: Fs, most: int = maxsize) -> None:
        """Run what an Engine would, with a reading at each edge on the way."""
        meter = self.meter
        assert meter is not None, "a sampled engine needs its meter before it runs"
        last = self.events + most
        while True:
            stop = min(last, self._tick_at)
            edge = meter.edge
            super().advance(min(bound, edge), stop - self.events)
            if self.events >= stop:
                if self.events >= self._tick_at:
                    self._tick_at = self.events + TICK
                    self.tick()
                if self.events >= last:
                    return
            elif bound <= edge:
                return
            first = self.next_time
            if first is None or first >= bound:
                return
            if first >= edge:
                meter.reach(first, self.events)


def _nobody() -> None:
    """Nobody looks."""
