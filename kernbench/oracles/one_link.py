"""One link that sources share, fed at random: the queue that M/D/1 and Geo/D/1 describe."""

from collections.abc import Sequence
from fractions import Fraction
from random import Random

import msgspec
import numpy as np

from kernbench.common.errors import UsageError
from kernbench.oracles.arrivals import ARRIVALS, CYCLE, Sizes
from kernbench.oracles.mesh import CREDIT_CYCLES, EJECTION_CYCLES, FLITS_PER_S, NEVER_FULL, MeshConfig, Route
from kernbench.oracles.traffic import Grid, fixed
from kernbench.oracles.traffic_run import TrafficRun
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, Endpoint
from kernbench.sim_engine.link import Channel, Link


class OneLink:
    """A link of one flit a cycle to a drain; every node's injector offers to it."""

    def __init__(self, engine: Engine, _config: MeshConfig, endpoints: Sequence[Endpoint]) -> None:
        link = Link(engine, "link", 0, FLITS_PER_S, EJECTION_CYCLES * CYCLE, 0, CREDIT_CYCLES * CYCLE)
        channel = Channel(link, 0, NEVER_FULL)
        Drain(engine, link, endpoints[0], channel.give_back).end(channel)
        self._route = Route((channel,), link.hop)

    def route(self, _source: int, _destination: int) -> Route:
        """The link, whoever asks."""
        return self._route


class LinkResult(msgspec.Struct, frozen=True):
    """Waiting at a link in cycles: measured, its 95 % half width, and the closed form it should meet."""

    mean_wait_cycles: float
    ci95: float | None
    expected_wait_cycles: float
    p50: float
    p99: float
    service_cycles: int
    accepted_rate: float
    packets: int
    unfinished: int


def poisson_wait(load: Fraction, flits: int) -> Fraction:
    """M/D/1: W = rho S / (2 (1 - rho))."""
    return load * flits / (2 * (1 - load))


def bernoulli_wait(load: Fraction, flits: int) -> Fraction:
    """Geo/D/1: W = rho (L - 1) / (2 (1 - rho)), for at most one packet a cycle."""
    return load * (flits - 1) / (2 * (1 - load))


WAITS = {"poisson": poisson_wait, "bernoulli": bernoulli_wait}


def measure_link(
    arrivals: str, load: Fraction, flits: int, sources: int, packets: int, warmup: int, seed: int
) -> LinkResult:
    """Measure the waiting of packets from `sources` queues that share a link at this load."""
    if not 0 < load < 1:
        raise UsageError(f"--load {float(load)}: expected above 0 and below 1: at 1 the queue grows without end")
    if arrivals == "bernoulli" and sources != 1:
        raise UsageError(f"--sources {sources}: Geo/D/1 describes one source; leave it out, or take --arrivals poisson")
    result = TrafficRun(_config(arrivals, load, flits, sources, seed), packets, warmup, OneLink).measure()
    unloaded = EJECTION_CYCLES + flits
    return LinkResult(
        mean_wait_cycles=result.mean_latency_cycles - unloaded,
        ci95=result.ci95,
        expected_wait_cycles=float(WAITS[arrivals](load, flits)),
        p50=result.p50 - unloaded,
        p99=result.p99 - unloaded,
        service_cycles=flits,
        accepted_rate=sum(result.per_source_accepted),
        packets=result.packets,
        unfinished=result.unfinished,
    )


def _config(arrivals: str, load: Fraction, flits: int, sources: int, seed: int) -> MeshConfig:
    return MeshConfig(
        grid=Grid(sources, 1),
        traffic=[fixed(0)] * sources,
        sizes=Sizes([(flits, Fraction(1))]),
        rate=float(load / sources),
        buffer=flits,
        hop_cycles=EJECTION_CYCLES,
        arrivals=arrivals,
        seed=seed,
    )


def lindley(arrivals: str, load: Fraction, flits: int, packets: int, seed: int) -> float:
    """The mean wait in cycles that Lindley's recursion gives for the very packets that `measure_link` makes."""
    random = Random(f"{seed}/0")  # noqa: S311  # the stream of the run's only source
    gap = ARRIVALS[arrivals](float(load / flits))
    service = flits * CYCLE
    gap(random)
    wait = total = 0
    for _ in range(packets):
        total += wait
        wait = max(0, wait + service - gap(random))
    return total / packets / CYCLE


def long_run(arrivals: str, load: Fraction, flits: int, packets: int, seed: int) -> float:
    """The mean wait in cycles that Lindley's recursion gives for millions of packets."""
    random = np.random.default_rng(seed)
    if arrivals == "poisson":
        gaps = random.exponential(float(flits / load), packets)
    else:
        gaps = random.geometric(float(load / flits), packets).astype(np.float64)
    path = np.cumsum(flits - gaps)
    return float(np.mean(path - np.minimum.accumulate(np.minimum(path, 0.0))))


def two_level_wait(arrivals: str, load: Fraction, flits: int, packets: int, long: int, seed: int) -> float:
    """The link model's mean wait, estimated in two levels (multilevel Monte Carlo).

    Queues correlate over thousands of packets, so the mean of an affordable run is uncertain by more than 2 %. The
    recursion is cheap enough for millions; the model adds what it differs from the recursion on the same packets.
    """
    model = measure_link(arrivals, load, flits, 1, packets, 0, seed).mean_wait_cycles
    return long_run(arrivals, load, flits, long, seed) + model - lindley(arrivals, load, flits, packets, seed)
