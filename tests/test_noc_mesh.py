"""The meshes: packets go along x first, then along y, and time grows with the Manhattan distance."""

from itertools import permutations, product

import pytest

from actors.simulation import Simulation
from kernbench.common.units import ns
from kernbench.probing.case import Variant
from kernbench.probing.facts import Facts
from kernbench.probing.measurement import SINKS, measure
from kernbench.probing.step import Access

COLUMNS, ROWS = 3, 3


@pytest.fixture(scope="module")
def simulation():
    overrides = ["sips=1", f"sip.cube_mesh={COLUMNS}x{ROWS}", "sip.cube.pes=16", "sip.cube.noc.mesh=4x4"]
    return Simulation(overrides=overrides, values=False, sinks=SINKS)


@pytest.fixture(scope="module")
def facts(simulation):
    return Facts(simulation.topology)


def cubes_on(way):
    """The cubes that a way passes, in order, as (column, row)."""
    numbers = [
        int(part.split(".")[0][4:]) for link in way.links for part in link.name[5:].split("->") if part[:4] == "cube"
    ]
    return [divmod(number, COLUMNS)[::-1] for number in dict.fromkeys(numbers)]


def routers_on(way):
    """The routers that a way passes, in order, as (x, y)."""
    names = [part.split(".")[1] for link in way.links for part in link.name[5:].split("->")]
    return list(dict.fromkeys((int(name[1]), int(name[2])) for name in names if name[0] == "r"))


@pytest.mark.parametrize(("src", "dst"), [*product(range(COLUMNS * ROWS), repeat=2)])
def test_cubes_are_passed_along_x_first(src, dst, facts):
    (x, y), (to_x, to_y) = divmod(src, COLUMNS)[::-1], divmod(dst, COLUMNS)[::-1]
    along_x = [(each, y) for each in range(x, to_x, 1 if to_x > x else -1)]
    along_y = [(to_x, each) for each in range(y, to_y, 1 if to_y > y else -1)]
    way = facts.way(f"sip0.cube0{src}.pe0.dma", f"sip0.cube0{dst}.pe15.dma")
    assert cubes_on(way) == [*along_x, *along_y, (to_x, to_y)]


@pytest.mark.parametrize(("src", "dst"), [(0, 15), (15, 0), (3, 12), (5, 6), (9, 2)])
def test_routers_are_passed_along_x_first(src, dst, facts):
    (x, y), (to_x, to_y) = divmod(src, 4)[::-1], divmod(dst, 4)[::-1]
    along_x = [(each, y) for each in range(x, to_x, 1 if to_x > x else -1)]
    along_y = [(to_x, each) for each in range(y, to_y, 1 if to_y > y else -1)]
    way = facts.way(f"sip0.cube00.pe{src}.dma", f"sip0.cube00.pe{dst}.dma")
    assert routers_on(way) == [*along_x, *along_y, (to_x, to_y)]


@pytest.mark.parametrize(("src", "dst"), [*permutations((0, 5, 10, 15), 2)])
def test_head_latency_inside_a_cube_is_the_manhattan_distance_in_hops(src, dst, facts):
    distance = abs(src % 4 - dst % 4) + abs(src // 4 - dst // 4)
    way = facts.way(f"sip0.cube00.pe{src}.dma", f"sip0.cube00.pe{dst}.dma")
    assert way.latency == ns("1.02") + distance * ns("1.02") + ns("0.02")


def test_a_way_there_and_back_is_equally_long_though_it_turns_at_another_corner(facts):
    there, back = (
        facts.way("sip0.cube00.pe0.dma", "sip0.cube08.pe0.dma"),
        facts.way("sip0.cube08.pe0.dma", "sip0.cube00.pe0.dma"),
    )
    assert (cubes_on(there)[2], cubes_on(back)[2]) == ((2, 0), (0, 2))
    assert len(cubes_on(there)) == len(cubes_on(back))


def test_a_read_takes_the_longer_the_more_crossings_there_are(simulation):
    """Cubes in a row: each column more is a crossing and the mesh of a cube, there and back."""
    plan = [Variant("", "", Access("cube00.pe0", cube, 0, 1024, write=False)) for cube in range(COLUMNS)]
    times = [each.latency for each in measure(simulation, plan)]
    across = ns("8.01") + 3 * ns("1.02") + ns("8.02")  # the crossing, three hops of the mesh, entering the port
    assert times[2] - times[1] == 2 * (across + ns("1.02"))
    assert times[0] < times[1] < times[2]


def test_routes_of_a_run_are_those_of_the_topology(simulation, facts):
    [read] = measure(simulation, [Variant("", "", Access("cube00.pe3", 8, 0, 4096, write=False))])
    way = facts.way("sip0.cube08.hbm", "sip0.cube00.pe3.dma")
    assert [hop.link for hop in read.legs[-1].passages] == [link.name for link in way.links]
    assert read.legs[-1].leg.parts["wire"] + read.legs[-1].leg.parts["overhead"] == way.latency
