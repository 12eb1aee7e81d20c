"""Saturation: how the share of the bottleneck's bandwidth that a case uses grows with its size."""

from collections.abc import Iterable, Iterator

import msgspec

from actors.simulation import Simulation
from kernbench.probing.case import Variant
from kernbench.probing.measurement import Measurement, measure
from kernbench.probing.step import Launch, resized

SIZES = tuple(4096 << step for step in range(9))
"""4 KiB to 1 MiB, each twice the one before."""

SATURATED = 0.9


class Saturation(msgspec.Struct, frozen=True):
    """A variant at each size."""

    variant: Variant
    points: tuple[Measurement, ...]

    @property
    def saturated_at(self) -> int | None:
        """The smallest size from which on `SATURATED` of the bottleneck's bandwidth is used, or None."""
        found = None
        for point in reversed(self.points):
            if point.utilisation < SATURATED:
                break
            found = point.size
        return found


def sweep(simulation: Simulation, variants: Iterable[Variant], sizes: Iterable[int] = SIZES) -> Iterator[Saturation]:
    """Measure each variant at each size; a launch has no size and is left out. The simulation is made with `SINKS`."""
    wanted = tuple(sizes)
    for variant in variants:
        if not isinstance(variant.step, Launch):
            points = [variant._replace(step=resized(variant.step, size)) for size in wanted]
            yield Saturation(variant, measure(simulation, points))
