"""The most bus bandwidth of a collective, by hand."""

import pytest

from actors.simulation import Simulation
from kernbench.runtime_api.collectives.bound import bus_bound
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.rank import Fabric


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [2, 3, 8])
def test_where_all_links_are_alike_it_is_a_sip_s_bandwidth(kind, n):
    assert bus_bound(kind, [Fabric(100, 100)] * n) == 100


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("broadcast", 100),  # whose root may be the one that hears slowly
        ("all_gather", 5),
        ("reduce_scatter", 10),  # its own block of three must reach the slow one: a third of the message at 5
        ("all_reduce", 6),  # 4/3 of the message at 5
    ],
)
def test_a_sip_that_hears_slowly_bounds_what_it_needs(kind, most):
    assert bus_bound(kind, [Fabric(100, 100), Fabric(100, 100), Fabric(100, 5)]) == most


@pytest.mark.parametrize("bench", ["broadcast", "all_gather", "allreduce"])
def test_no_run_is_above_its_bound_on_a_fabric_of_unlike_links(bench):
    overrides = ("sip.cube_mesh=1x1", "fabric.links.1->0.bw_gbs=5")
    for row in Simulation(sips=2, overrides=overrides).run(bench, sizes="64KiB").rows:
        top, bottom = row.columns["bus_factor"]
        reached = row.columns["size_bytes"] * 10**15 * top / (bottom * row.time)
        assert reached <= row.columns["bound_bw"]
