"""Routes: XY over cubes and routers, rows to and from the IO chiplet, the shorter way round a ring, and their phases."""

import pytest

from kernbench.policy.routing import FABRICS, At, Mesh, Ring, chiplet_path, most_square, port_router, sip_path, xy_path
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load, packaged_path


def compiled(*overrides, sips=4):
    return compile_topology(load(packaged_path(), overrides), sips)


@pytest.fixture(scope="module")
def default():
    return compiled()


def nodes(topology, sip, src, dst_sip, dst):
    """The nodes that a route enters, the fabric as `=> n`."""
    hops = topology.route(sip, src, dst_sip, dst)
    return [f"=> {hop.link}" if isinstance(hop.link, int) else hop.link.partition("->")[2] for hop in hops]


def phases(topology, sip, src, dst_sip, dst):
    """The phases of a route, each run once."""
    hops = topology.route(sip, src, dst_sip, dst)
    return [hop.phase for at, hop in enumerate(hops) if at == 0 or hops[at - 1].phase != hop.phase]


def test_xy_goes_along_the_row_before_the_column():
    assert xy_path(At(2, 0), At(0, 2)) == [At(2, 0), At(1, 0), At(0, 0), At(0, 1), At(0, 2)]


def test_the_io_chiplet_is_left_and_entered_along_the_row_of_the_cube():
    assert chiplet_path(At(2, 3), None) == [At(2, 3), At(1, 3), At(0, 3), None]
    assert chiplet_path(None, At(1, 2)) == [None, At(0, 2), At(1, 2)]


def test_ports_are_on_the_middle_router_of_their_side():
    mesh = Mesh(3, 5)
    assert [port_router(side, mesh) for side in "NESW"] == [At(1, 0), At(2, 2), At(1, 4), At(0, 2)]


def test_the_most_square_grid_is_wider_than_high():
    assert [str(most_square(count)) for count in (1, 2, 5, 6, 12, 16, 64)] == [
        "1x1", "2x1", "5x1", "3x2", "4x3", "4x4", "8x8",
    ]  # fmt: skip


def test_a_ring_takes_the_shorter_way_and_ties_clockwise():
    assert [sip_path("ring", 0, dst, 6) for dst in range(1, 6)] == [
        [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 5, 4], [0, 5],
    ]  # fmt: skip


def test_a_ring_changes_to_the_second_lane_where_it_crosses_the_dateline():
    path = sip_path("ring", 4, 1, 6)
    steps = [Ring().phase(here, 1, 6) for here in path[:-1]]
    back = [Ring().phase(here, 4, 6) for here in (0, 5)]
    assert (path, steps, back) == ([4, 5, 0, 1], ["d0", "d0", "d1"], ["d0", "d1"])


def test_a_grid_of_sips_is_routed_xy():
    assert sip_path("mesh2d", 0, 5, 6) == [0, 1, 2, 5]


@pytest.mark.parametrize("kind", ["full", "switch"])
def test_full_and_switch_go_straight(kind):
    assert (sip_path(kind, 3, 6, 8), FABRICS[kind].neighbours(1, 4)) == ([3, 6], [0, 2, 3])


def test_a_local_access_goes_from_the_router_of_the_pe_straight_to_the_crossbar(default):
    assert nodes(default, 0, "cube00.pe3.dma", 0, "cube00.hbm") == ["cube00.r11", "cube00.xbar", "cube00.hbm"]
    assert phases(default, 0, "cube00.pe3.dma", 0, "cube00.hbm") == ["last"]


def test_an_access_to_a_remote_cube_crosses_ucie_and_enters_the_crossbar_at_the_port(default):
    assert nodes(default, 0, "cube00.pe0.dma", 0, "cube05.hbm") == [
        "cube00.r00", "cube00.r10", "cube00.r11", "cube00.ucie.E",
        "cube01.ucie.W", "cube01.r01", "cube01.r11", "cube01.ucie.S",
        "cube05.ucie.N", "cube05.r10", "cube05.xbar", "cube05.hbm",
    ]  # fmt: skip


def test_the_last_phase_begins_with_the_ucie_link_that_enters_the_destination_cube(default):
    hops = default.route(0, "cube00.pe0.dma", 0, "cube05.hbm")
    first_last = next(hop for hop in hops if hop.phase == "last")
    assert (first_last.link, phases(default, 0, "cube00.pe0.dma", 0, "cube05.hbm")) == (
        "cube01.ucie.S->cube05.ucie.N", ["transit", "last"],
    )  # fmt: skip


def test_a_response_leaves_the_crossbar_at_the_router_of_the_port_out(default):
    assert nodes(default, 0, "cube05.hbm", 0, "cube00.pe0.dma")[:4] == [
        "cube05.xbar", "cube05.r01", "cube05.ucie.W", "cube04.ucie.E",
    ]  # fmt: skip


def test_a_host_write_goes_through_pcie_and_the_io_noc_into_the_row_of_the_cube(default):
    assert nodes(default, 0, "host", 0, "cube08.hbm") == [
        "io.pcie_ep", "io.noc", "io.ucie.r2", "cube08.ucie.W", "cube08.r01", "cube08.xbar", "cube08.hbm",
    ]  # fmt: skip


def test_a_completion_goes_back_to_the_host_in_the_last_phase_of_the_io_chiplet(default):
    assert nodes(default, 0, "cube08.hbm", 0, "host")[-5:] == [
        "cube08.ucie.W", "io.ucie.r2", "io.noc", "io.pcie_ep", "host",
    ]  # fmt: skip
    assert phases(default, 0, "cube08.hbm", 0, "host") == ["transit", "last"]


def test_control_stays_in_the_io_chiplet_when_it_is_for_the_io_cpu(default):
    assert nodes(default, 3, "host", 3, "io.cpu") == ["io.pcie_ep", "io.noc", "io.cpu"]
    assert nodes(default, 3, "io.pcie_ep", 3, "host") == ["host"]


def test_a_packet_to_another_sip_ends_its_first_part_on_the_fabric_link(default):
    assert nodes(default, 0, "cube00.pe2.dma", 1, "cube09.pe0.dma") == [
        "cube00.r01", "cube00.ucie.W", "io.ucie.r0", "io.noc", "io.fabric1", "=> 0",
    ]  # fmt: skip
    assert phases(default, 0, "cube00.pe2.dma", 1, "cube09.pe0.dma") == ["transit", "d1"]


def test_a_packet_that_arrived_continues_from_its_fabric_port(default):
    assert nodes(default, 1, "io.fabric0", 1, "cube04.pe2.dma") == [
        "io.noc", "io.ucie.r1", "cube04.ucie.W", "cube04.r01", "cube04.pe2.dma",
    ]  # fmt: skip


def test_a_packet_that_passes_an_io_chiplet_keeps_to_lanes_of_its_own(default):
    assert nodes(default, 3, "io.fabric2", 0, "host") == ["io.noc", "io.fabric0", "=> 6"]
    assert phases(default, 3, "io.fabric2", 0, "host") == ["d0"]


def test_a_packet_from_a_switch_enters_through_the_one_port():
    topology = compiled("fabric.kind=switch", "cube_mesh=2x2")
    assert nodes(topology, 2, "switch", 2, "cube01.hbm")[:4] == ["io.fabric0", "io.noc", "io.ucie.r0", "cube00.ucie.W"]


def test_a_route_from_a_node_to_itself_is_empty(default):
    assert default.route(0, "cube00.pe0.dma", 0, "cube00.pe0.dma") == ()


def test_routes_are_remembered(default):
    one = default.route(0, "cube00.pe0.dma", 0, "cube15.hbm")
    assert default.route(0, "cube00.pe0.dma", 0, "cube15.hbm") is one


def test_a_one_column_cube_has_a_phase_for_the_way_to_its_first_port():
    topology = compiled("sip.cube.noc.mesh=1x3", "cube_mesh=2x2")
    assert phases(topology, 0, "cube00.pe0.dma", 0, "cube03.hbm") == ["first", "transit", "last"]
