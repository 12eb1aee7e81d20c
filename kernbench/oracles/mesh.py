"""A synthetic mesh of routers straight on the link model, with seeded traffic: what network oracles measure.

The mapping to BookSim2: a flit is a byte, a cycle 1 ns, a link carries one flit a cycle. The head needs `hop_cycles`
from the source queue to its first link and from link to link, one cycle from the last link to the node: over h links
T = hop_cycles (h + 1) + 1 + flits, with 3 cycles BookSim's 5 + 3h + (flits - 1). A credit returns in 3 cycles.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.units import FS_PER_S, Fs
from kernbench.oracles.arrivals import CYCLE, Sizes
from kernbench.oracles.traffic import Grid, Traffic
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, Endpoint, Fifo
from kernbench.sim_engine.link import Channel, Link

FLITS_PER_S = FS_PER_S // CYCLE
CREDIT_CYCLES = 3
EJECTION_CYCLES = 1
NEVER_FULL = 1 << 62
"""Buffer at the nodes: BookSim's destinations take a flit a cycle whatever comes."""


class Route(NamedTuple):
    """The channels from a node to a node, and the head's time over them."""

    channels: tuple[Channel, ...]
    latency: Fs


class MeshConfig(msgspec.Struct, frozen=True):
    """A mesh to measure: what `kernbench validate mesh` takes. Rates are in flits per node and cycle."""

    grid: Grid
    traffic: Traffic
    sizes: Sizes
    rate: float
    buffer: int
    hop_cycles: int
    arrivals: str
    seed: int

    def check(self) -> None:
        """Refuse what the link model does not stand for."""
        if not 0 < self.rate <= 1:
            raise UsageError(f"--rate {self.rate}: expected flits per node and cycle above 0, at most 1")
        if self.buffer < self.sizes.largest:
            raise UsageError(
                f"--buffer {self.buffer}: a packet of {self.sizes.largest} flits does not fit; "
                "the link model has no buffers smaller than a packet"
            )
        if self.hop_cycles < 1:
            raise UsageError(f"--hop-cycles {self.hop_cycles}: expected at least 1")


class Mesh:
    """Routers with an input FIFO and round-robin per port, XY routing; link names are `n3.E`, `n3.in`, `n3.out`."""

    def __init__(self, engine: Engine, config: MeshConfig, endpoints: Sequence[Endpoint]) -> None:
        self.engine = engine
        self.grid = grid = config.grid
        self.links: list[Link] = []
        self._config = config
        self.inject = [self._channel(f"n{node}.in", config.hop_cycles) for node in range(grid.nodes)]
        self.eject = [self._channel(f"n{node}.out", EJECTION_CYCLES, NEVER_FULL) for node in range(grid.nodes)]
        self._towards: dict[tuple[int, int], Channel] = {}
        ports = [0] * grid.nodes
        for node in range(grid.nodes):
            self._input(self.inject[node], ports, node)
            drain = Drain(self.engine, self.eject[node].link, endpoints[node], self.eject[node].give_back)
            drain.end(self.eject[node])
        for node in range(grid.nodes):
            column, row = grid.at(node)
            for side, x, y in (
                ("E", column + 1, row),
                ("W", column - 1, row),
                ("S", column, row + 1),
                ("N", column, row - 1),
            ):
                if 0 <= x < grid.columns and 0 <= y < grid.rows:
                    other = grid.node(x, y)
                    channel = self._channel(f"n{node}.{side}", config.hop_cycles)
                    self._towards[node, other] = channel
                    self._input(channel, ports, other)

    def _channel(self, name: str, cycles: int, buffer: int | None = None) -> Channel:
        link = Link(self.engine, name, len(self.links), FLITS_PER_S, cycles * CYCLE, 0, CREDIT_CYCLES * CYCLE)
        self.links.append(link)
        return Channel(link, 0, buffer or self._config.buffer)

    def _input(self, channel: Channel, ports: list[int], node: int) -> None:
        Fifo(self.engine, channel.link, ports[node], channel.give_back).end(channel)
        ports[node] += 1

    def route(self, source: int, destination: int) -> Route:
        """The way along the row, then along the column."""
        channels = [self.inject[source]]
        at = source
        while at != destination:
            (x, y), (to_x, to_y) = self.grid.at(at), self.grid.at(destination)
            x, y = (x + _step(x, to_x), y) if x != to_x else (x, y + _step(y, to_y))
            following = self.grid.node(x, y)
            channels.append(self._towards[at, following])
            at = following
        channels.append(self.eject[destination])
        return Route((*channels,), sum(channel.link.hop for channel in channels))


def _step(here: int, there: int) -> int:
    return 1 if there > here else -1
