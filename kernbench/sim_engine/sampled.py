"""An engine that stops for a meter at the edges of its buckets; which events run, and in what order, stays the same."""

from sys import maxsize

from kernbench.common.units import Fs
from kernbench.sim_engine.engine import Engine
from kernbench.telemetry.meter import Meter


class SampledEngine(Engine):
    """Has its meter read whenever simulated time passes an edge. An advance that is split runs the same events."""

    def __init__(self) -> None:
        super().__init__()
        self.meter: Meter | None = None

    def advance(self, bound: Fs, most: int = maxsize) -> None:
        """Run every event strictly before `bound`, or about `most` of them, with a reading at each edge on the way."""
        meter = self.meter
        assert meter is not None, "a sampled engine needs its meter before it runs"
        last = self.events + most
        while self.events < last:
            first = self.next_time
            if first is None or first >= bound:
                return
            if first >= meter.edge:
                meter.reach(first, self.events)
            super().advance(min(bound, meter.edge), last - self.events)
