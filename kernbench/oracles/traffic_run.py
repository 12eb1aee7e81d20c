"""A measured run of traffic on a mesh: warm-up, a window of packets, latencies and accepted rates."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Protocol, TypeAlias

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.units import Fs
from kernbench.oracles.arrivals import ARRIVALS, CYCLE, Gaps
from kernbench.oracles.estimate import half_width_95, mean, percentile
from kernbench.oracles.mesh import Mesh, MeshConfig, Route
from kernbench.oracles.traffic import Draw
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Endpoint
from kernbench.sim_engine.injector import Injector, Transfer
from kernbench.sim_engine.packet import MessageClass, Packet, Reason

_LINK_BUSY, _NO_CREDIT = Reason.LINK_BUSY.value, Reason.NO_CREDIT.value
_HEAD_OF_LINE, _OWN_STREAM = Reason.HEAD_OF_LINE.value, Reason.OWN_STREAM.value
_CLASS = MessageClass.REQUEST
STEP, STEP_NODES = 1000 * CYCLE, 64
"""Between looks at whether all have arrived; of more nodes so many packets come that it is looked sooner."""
DRAIN_SHARE = 10
"""Measured packets under way at the end of the window get a tenth of its length to arrive, and DRAIN_LEAST."""
DRAIN_LEAST = 2000 * CYCLE


class Network(Protocol):
    """What finds the way from node to node."""

    def route(self, source: int, destination: int) -> Route:
        """The channels from node to node."""


Build: TypeAlias = Callable[[Engine, MeshConfig, Sequence[Endpoint]], Network]
"""Builds a network on an engine, with an endpoint for each node."""


class TrafficResult(msgspec.Struct, frozen=True):
    """What a run measured. Latency is from the packet's creation, source queue included, to its tail's arrival.

    `breakdown_cycles` sums to the mean. Rates are in flits per node (source) and cycle, over the window in which the
    measured packets were made. `unfinished` measured packets never arrived in time: the mesh is overloaded.
    """

    mean_latency_cycles: float
    ci95: float | None
    p50: float
    p99: float
    accepted_rate: float
    per_source_accepted: list[float]
    packets: int
    unfinished: int
    window_cycles: float
    breakdown_cycles: dict[str, float]


class Source:
    """A node that makes packets and queues them at its injector."""

    __slots__ = ("_draw", "_gaps", "_injector", "_random", "_routes", "_run", "node")

    def __init__(self, run: "TrafficRun", node: int, draw: Draw, gaps: Gaps) -> None:
        self.node = node
        self._run = run
        self._draw = draw
        self._gaps = gaps
        self._random = Random(f"{run.config.seed}/{node}")  # noqa: S311  # a stream of its own for each node
        self._injector = Injector(run.engine, node, 0, run.config.sizes.largest)
        self._routes: dict[int, Route] = {}

    def begin(self) -> None:
        """Make the first packet after a gap."""
        self._run.engine.call_later(self._gaps(self._random), self._make)

    def _make(self, _: object) -> None:
        run, random = self._run, self._random
        engine = run.engine
        now = engine._now  # noqa: SLF001  # the hot path reads the clock directly
        destination = self._draw(random)
        route = self._routes.get(destination)
        if route is None:
            route = self._routes[destination] = run.network.route(self.node, destination)
        run.made = made = run.made + 1
        size = run.draw_size(random)
        self._injector.push(
            Transfer(route.channels, destination, _CLASS, size, route.latency, now, made, None, None), 0
        )
        engine.call_at(now + self._gaps(random), self._make)
        if made == run.first:
            run.window_start = now
        elif made == run.last:
            run.window_end = now


class TrafficRun:
    """Runs a mesh until the packets made after a warm-up have arrived; sources never pause."""

    def __init__(self, config: MeshConfig, packets: int, warmup: int, network: Build = Mesh) -> None:
        config.check()
        self.config = config
        self.engine = Engine()
        self.network = network(self.engine, config, [self] * config.grid.nodes)
        self.draw_size = config.sizes.draw
        self.made = 0
        self.first = warmup + 1
        self.last = warmup + packets
        self.window_start: Fs = 0
        self.window_end: Fs = 0
        self._latencies: list[Fs] = []
        self._accepted = [0] * config.grid.nodes
        self._wire: Fs = 0
        self._serialisation: Fs = 0
        self._link_busy: Fs = 0
        self._no_credit: Fs = 0
        self._head_of_line: Fs = 0

    def deliver(self, packet: Packet) -> None:
        """Count a packet whose tail has arrived; its parts must sum to its latency."""
        if self.window_start and not self.window_end:
            self._accepted[packet.src] += packet.size
        if self.first <= packet.transfer <= self.last:
            tail, waits, wire = packet.tail, packet.waits, packet.payload
            latency = tail - packet.created
            serialisation = tail - packet.head + waits[_OWN_STREAM]
            busy, credit, head = waits[_LINK_BUSY], waits[_NO_CREDIT], waits[_HEAD_OF_LINE]
            assert wire + serialisation + busy + credit + head == latency, f"parts of packet {packet.transfer}"
            self._wire += wire
            self._serialisation += serialisation
            self._link_busy += busy
            self._no_credit += credit
            self._head_of_line += head
            self._latencies.append(latency)

    def measure(self) -> TrafficResult:
        """Run, and say what was measured."""
        config, engine = self.config, self.engine
        chance = config.rate / float(config.sizes.mean)
        gaps = ARRIVALS[config.arrivals](chance)
        sources = [Source(self, node, draw, gaps) for node, draw in enumerate(config.traffic) if draw is not None]
        if not sources:
            raise UsageError("--traffic: no node sends anything; give one a weight above 0")
        for source in sources:
            source.begin()
        step = STEP * STEP_NODES // max(STEP_NODES, config.grid.nodes)
        bound = 0
        while self.made < self.last:
            # At a tiny rate the next packet may be far away.
            bound = max(bound + step, (engine.next_time or 0) + 1)
            engine.advance(bound)
        limit = self.window_end + DRAIN_LEAST + (self.window_end - self.window_start) // DRAIN_SHARE
        expected = self.last - self.first + 1
        while len(self._latencies) < expected and bound < limit:
            bound += step
            engine.advance(bound)
        return self._result(len(sources), expected)

    def _result(self, sources: int, expected: int) -> TrafficResult:
        window = self.window_end - self.window_start
        latencies = self._latencies
        count = len(latencies)
        if not count or not window:
            raise UsageError(f"--packets {expected}: none arrived in the window; measure more packets")
        ordered = sorted(latencies)
        half_width = half_width_95(latencies)
        parts = {
            "wire": self._wire,
            "serialisation": self._serialisation,
            "link_busy": self._link_busy,
            "no_credit": self._no_credit,
            "head_of_line": self._head_of_line,
        }
        rates = [flits * CYCLE / window for flits in self._accepted]
        return TrafficResult(
            mean_latency_cycles=mean(latencies) / CYCLE,
            ci95=None if half_width is None else half_width / CYCLE,
            p50=percentile(ordered, 0.5) / CYCLE,
            p99=percentile(ordered, 0.99) / CYCLE,
            accepted_rate=sum(self._accepted) * CYCLE / window / sources,
            per_source_accepted=rates,
            packets=count,
            unfinished=expected - count,
            window_cycles=window / CYCLE,
            breakdown_cycles={part: time / count / CYCLE for part, time in parts.items()},
        )
