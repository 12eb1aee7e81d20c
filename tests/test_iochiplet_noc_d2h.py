"""Reads from device to host: every byte passes the cube's port, the IO chiplet's router and PCIe, and nothing else."""

import pytest

from actors.simulation import Simulation
from kernbench.common.units import gbs, ns, transfer_time
from kernbench.probing.case import Variant
from kernbench.probing.facts import Facts
from kernbench.probing.measurement import SINKS, measure
from kernbench.probing.step import Access

COLUMNS, ROWS = 3, 2
PCIE, NOC, UCIE, CUBE = ns(400), ns("1.02"), ns("8.01"), ns("1.02")
"""Head latencies: PCIe without the part entered, a link of the IO router, a UCIe crossing, a link of the cube's mesh."""

ENDPOINT, XBAR, HBM = ns(10), ns("2.02"), ns("5.02")


@pytest.fixture(scope="module")
def simulation():
    return Simulation(
        overrides=["sips=1", f"sip.cube_mesh={COLUMNS}x{ROWS}", "sip.cube.pes=1"], values=False, sinks=SINKS
    )


def reads(simulation, sizes=(4096,), cubes=range(COLUMNS * ROWS)):
    steps = [Variant("d2h", "", Access("host", cube, 0, size, write=False)) for cube in cubes for size in sizes]
    return measure(simulation, steps)


def test_a_read_of_one_byte_from_the_first_cube_takes_the_sum_of_its_hops(simulation):
    [read] = reads(simulation, sizes=(1,), cubes=[0])
    there = PCIE + ENDPOINT + NOC + (NOC + ns(7)) + UCIE + CUBE + XBAR + HBM
    back = XBAR + CUBE + (CUBE + ns(7)) + UCIE + NOC + (NOC + ns(9)) + PCIE
    request, service = transfer_time(32, gbs(64)), transfer_time(1, gbs("204.8"))
    assert read.latency == there + request + service + back + transfer_time(1, gbs(64))


def test_a_read_enters_and_leaves_over_the_port_of_its_row(simulation):
    ports = []
    for read in reads(simulation):
        names = [hop.link for leg in read.legs for hop in leg.passages]
        ports.append([name.split("->")[0].removeprefix("sip0.") for name in names if ".ucie.r" in name.split("->")[0]])
    assert ports == [[f"io.ucie.r{cube // COLUMNS}"] * 2 for cube in range(COLUMNS * ROWS)]


def test_a_read_never_passes_a_fabric_port_or_the_io_cpu(simulation):
    names = {hop.link for read in reads(simulation) for leg in read.legs for hop in leg.passages}
    assert [name for name in names if "fabric" in name or "io.cpu" in name] == []


def test_each_column_farther_costs_a_crossing_there_and_back(simulation):
    times = [read.latency for read in reads(simulation, cubes=range(COLUMNS))]
    assert times[2] - times[1] == times[1] - times[0] > 2 * 2 * ns(8)


def test_rows_are_equally_far_from_the_host(simulation):
    """The IO chiplet has a port for each row; inside a cube the port's router is the same."""
    times = [read.latency for read in reads(simulation)]
    assert times[:COLUMNS] == times[COLUMNS:]


def test_the_response_is_limited_by_pcie(simulation):
    small, large = reads(simulation, sizes=(64 * 1024, 128 * 1024), cubes=[0])
    assert large.latency - small.latency == transfer_time(64 * 1024, gbs(64))
    assert {each.bottleneck.name for each in (small, large)} == {"sip0.io.pcie_ep->host"}


def test_a_read_is_a_request_a_service_and_a_response(simulation):
    [read] = reads(simulation, cubes=[4])
    assert [(each.leg.src, each.leg.dst, each.leg.size) for each in read.legs] == [
        ("sip0.host", "sip0.cube04.hbm", 32),
        ("sip0.cube04.hbm", "sip0.cube04.hbm", 0),
        ("sip0.cube04.hbm", "sip0.host", 1024),
    ]


def test_a_read_and_a_write_of_one_packet_take_the_same(simulation):
    """What a write carries there and acknowledges, a read asks for and carries back, over the same links."""
    [read] = reads(simulation, sizes=(1024,), cubes=[5])
    [write] = measure(simulation, [Variant("h2d", "", Access("host", 5, 0, 1024, write=True))])
    assert read.latency == write.latency


def test_the_way_back_has_as_many_links_as_the_way_there(simulation):
    facts = Facts(simulation.topology)
    for cube in facts.cubes:
        there, back = facts.way("sip0.host", f"sip0.{cube}.hbm"), facts.way(f"sip0.{cube}.hbm", "sip0.host")
        assert len(there.links) == len(back.links)
