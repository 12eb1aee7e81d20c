"""Each collective bench sweeps as nccl-tests does: sizes, bus factors, and right values in every row."""

from fractions import Fraction

import pytest

from actors.simulation import Simulation

SMALL = ("sip.cube_mesh=2x1",)
SWEEPS = {
    "allreduce": (Fraction(4, 3), {"op": "max"}),
    "ring_default_ws": (Fraction(4, 3), {"op": "avg"}),
    "all_gather": (Fraction(2, 3), {}),
    "reduce_scatter": (Fraction(2, 3), {"op": "min"}),
    "all_to_all": (Fraction(2, 3), {}),
    "broadcast": (Fraction(1), {}),
    "sendrecv": (Fraction(1), {}),
}
"""Bus factors of three ranks, as PERFORMANCE.md of nccl-tests has them."""


@pytest.mark.parametrize("name", SWEEPS)
def test_a_sweep_of_three_ranks_has_nccl_tests_factor_and_no_wrong_element(sim, name):
    factor, arguments = SWEEPS[name]
    rows = sim(sips=3, overrides=SMALL).run(name, sizes="1200", dtype="bfloat16", iters=2, **arguments).rows
    (columns,) = [row.columns for row in rows]
    assert (columns["size_bytes"], Fraction(*columns["bus_factor"]), rows[0].wrong) == (1200, factor, 0)


def test_the_members_of_one_sip_have_the_factor_of_an_all_reduce(sim):
    (row,) = sim(sips=1, overrides=SMALL).run("ipcq_allreduce", sizes="1200", dtype="int32", op="prod", iters=2).rows
    assert (Fraction(*row.columns["bus_factor"]), row.wrong) == (1, 0)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", [*SWEEPS, "ipcq_allreduce"])
def test_a_bench_reaches_128_mib(name):
    (row,) = Simulation(sips=2, overrides=SMALL, values=False).run(name, sizes="128MiB").rows
    assert row.columns["size_bytes"] == 1 << 27
