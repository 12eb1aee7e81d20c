"""What a packet of the oracle's mesh costs, breakdown and counters on, in bare SimPy callback events of the same run."""

import statistics
import time

import simpy

from kernbench.oracles.arrivals import parse_sizes
from kernbench.oracles.mesh import MeshConfig
from kernbench.oracles.traffic import parse_grid, parse_traffic
from kernbench.oracles.traffic_run import TrafficRun

EVENTS, PACKETS, ROUNDS = 200_000, 20_000, 5


def events_per_second() -> float:
    """A hundred chains of events with a callback each: SimPy as lean as it gets without a process."""
    environment, left = simpy.Environment(), [EVENTS]

    def fire(_event: simpy.Event | None) -> None:
        left[0] -= 1
        if left[0] > 0:
            simpy.Timeout(environment, 3).callbacks.append(fire)

    for _ in range(100):
        fire(None)
    begin = time.process_time()
    environment.run()
    return EVENTS / (time.process_time() - begin)


def packets_per_second() -> float:
    """4x4, 8 flits, load 0.3; set-up and warm-up included."""
    grid = parse_grid("4x4")
    config = MeshConfig(
        grid=grid,
        traffic=parse_traffic("uniform", grid),
        sizes=parse_sizes("8"),
        rate=0.3,
        buffer=64,
        hop_cycles=3,
        arrivals="bernoulli",
        seed=1,
    )
    run = TrafficRun(config, PACKETS, PACKETS // 5)
    begin = time.process_time()
    run.measure()
    return run.made / (time.process_time() - begin)


def main() -> None:
    """Alternate the two and print medians and their ratio."""
    pairs = [(events_per_second(), packets_per_second()) for _ in range(ROUNDS)]
    events, packets = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"mesh packets/s: {packets:,.0f}; bare SimPy callback events/s: {events:,.0f}")
    print(f"a packet costs {ratio:.1f} bare events (median of {ROUNDS} pairs; at most 27)")
