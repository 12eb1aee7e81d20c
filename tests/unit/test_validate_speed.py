"""What a packet costs, in bare SimPy callback events of the same run."""

from time import process_time

import pytest
import simpy

from kernbench.oracles.arrivals import parse_sizes
from kernbench.oracles.mesh import MeshConfig
from kernbench.oracles.traffic import parse_grid, parse_traffic
from kernbench.oracles.traffic_run import TrafficRun

BARE, PACKETS, ROUNDS = 200_000, 20_000, 5


def bare_events_per_second():
    """A hundred chains of events with a callback each: SimPy as lean as it gets without a process."""
    environment = simpy.Environment()
    left = BARE

    def fire(_):
        nonlocal left
        left -= 1
        if left > 0:
            event = simpy.Event(environment)
            event._ok, event._value = True, None
            event.callbacks.append(fire)
            environment.schedule(event, delay=3)

    for _ in range(100):
        fire(None)
    begun = process_time()
    environment.run()
    return BARE / (process_time() - begun)


def packets_per_second():
    """Issue 3's run: 4x4, 8 flits, load 0.3, with breakdown and counters on; set-up and warm-up included."""
    grid = parse_grid("4x4")
    config = MeshConfig(
        grid=grid, traffic=parse_traffic("uniform", grid), sizes=parse_sizes("8"), rate=0.3, buffer=64, hop_cycles=3,
        arrivals="bernoulli", seed=1,
    )  # fmt: skip
    run = TrafficRun(config, PACKETS, PACKETS // 5)
    begun = process_time()
    run.measure()
    return run.made / (process_time() - begun)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_packet_costs_at_most_27_bare_simpy_events():
    bare, packets = zip(*((bare_events_per_second(), packets_per_second()) for _ in range(ROUNDS)), strict=True)
    ratio = max(bare) / max(packets)
    print(f"{max(packets):.0f} packets/s, {max(bare):.0f} bare SimPy events/s: {ratio:.1f} events a packet")
    assert ratio <= 27
