"""Random machines, benches, sizes, workers and windows: however a run is spread and cut, its digest is one."""

from random import Random

import pytest

from actors.simulation import Simulation
from kernbench.common.errors import SimulationError
from kernbench.common.messages.island import Tamper

BENCHES = ("allreduce", "all_gather", "reduce_scatter", "all_to_all", "broadcast", "sendrecv")
MESHES = ("1x1", "2x1", "1x2", "2x2")
CASES, GROUP = 200, 10


def draw(seed):
    """(what makes the machine, the bench and its arguments) of a case."""
    random = Random(seed)
    sips = random.randint(2, 5)
    machine = {
        "sips": sips,
        "seed": random.randrange(100),
        "values": random.random() < 0.8,
        "overrides": (
            f"fabric.kind={random.choice(('ring', 'full', 'switch', 'mesh2d'))}",
            f"fabric.latency_ns={random.choice((50, 137, 500))}",
            f"sip.cube_mesh={random.choice(MESHES)}",
            f"sip.cube.noc.mesh={random.choice(MESHES)}",
            f"sip.cube.pes={random.randint(1, 2)}",
        ),
    }
    size = random.choice((4, 1000, 4096, 20_000, 65_536))
    bench = {"bench": random.choice(BENCHES), "sizes": f"{size // 4 * 4}", "iters": random.randint(1, 2)}
    spread = [(1, (random.randrange(1, 2**31), random.choice((2, 3, 7))))]
    spread += [(random.randint(2, sips), random.choice((None, (random.randrange(1, 2**31), random.choice((2, 5))))))]
    return machine, bench, spread


def outcome(machine, bench, **spread):
    """What a run gives; of a machine that cannot hold the bench its error, which is one too."""
    try:
        result = Simulation(**machine, **spread).run(**bench)
    except SimulationError as error:
        return type(error), error.message, error.where, error.sim_time_fs
    return result.digest, result.rows, result.links


def check(seed):
    machine, bench, spread = draw(seed)
    plain = outcome(machine, bench)
    for workers, windows in spread:
        found = outcome(machine, bench, workers=workers, tamper=Tamper(windows=windows))
        assert found == plain, (seed, workers, windows)
    return isinstance(plain[0], str)


@pytest.mark.parametrize("seed", range(3))
def test_a_random_run_has_one_digest_however_it_is_spread_and_cut(seed):
    assert check(1001 + seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("group", range(CASES // GROUP))
def test_two_hundred_random_runs_have_one_digest_each(group):
    ran = [check(seed) for seed in range(group * GROUP, (group + 1) * GROUP)]
    assert sum(ran) > GROUP // 2
