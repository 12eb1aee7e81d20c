"""Chakra traces that others made: each takes what the bench of its collective takes, for any number of workers."""

from pathlib import Path

import pytest

from actors.simulation import Simulation

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "chakra"
SMALL = ("sip.cube_mesh=1x1",)


def rows(result):
    return {(row.columns["task"], row.columns["size_bytes"]): row for row in result.rows}


def real(name, ranks, workers=1):
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    prefix = str(DATA / f"{name}_{ranks}npus_1MB" / name)
    return Simulation(sips=ranks, workers=workers, overrides=SMALL, values=False).run("chakra", prefix=prefix)


def test_astra_sims_all_reduce_of_four_takes_what_its_bench_takes():
    replayed = rows(real("all_reduce", 4))["all_reduce", 2**20]
    (plain,) = Simulation(sips=4, overrides=SMALL, values=False).run("allreduce", sizes="1MiB").rows
    assert replayed.time == plain.time


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("name", "ranks", "size"), [("all_reduce", 8, 1), ("all_gather", 4, 4), ("all_gather", 8, 8)])
def test_astra_sims_other_traces_take_what_their_benches_take(name, ranks, size):
    """One rank puts in 1 MiB, so an all-gather ends with as many times that as there are ranks."""
    replayed = rows(real(name, ranks))[name, size * 2**20]
    bench = name.replace("all_reduce", "allreduce")
    (plain,) = Simulation(sips=ranks, overrides=SMALL, values=False).run(bench, sizes=size * 2**20).rows
    assert replayed.time == plain.time


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("ranks", [4, 8])
@pytest.mark.parametrize("name", ["all_reduce", "all_gather"])
def test_astra_sims_traces_have_one_digest_for_any_number_of_workers(name, ranks):
    assert real(name, ranks, 1).digest == real(name, ranks, 2).digest
