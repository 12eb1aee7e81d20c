"""Over random meshes and fabrics: every pair has a shortest XY route, and nothing can deadlock."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from kernbench.policy.routing import FABRICS, At, Mesh, sip_path, xy_path
from kernbench.topology.compile import compile_topology
from kernbench.topology.deadlock import channel_graph, ends
from kernbench.topology.load import load, packaged_path

meshes = st.builds(Mesh, st.integers(1, 4), st.integers(1, 4))
kinds = st.sampled_from(["ring", "full", "switch", "mesh2d"])
few = settings(max_examples=settings().max_examples // 8)


def compiled(cubes, noc, kind, sips):
    overrides = (f"cube_mesh={cubes}", f"sip.cube.noc.mesh={noc}", f"fabric.kind={kind}")
    return compile_topology(load(packaged_path(), overrides), sips)


@few
@given(meshes, meshes)
def test_every_route_is_connected_ends_where_it_should_and_never_uses_a_link_twice(cubes, noc):
    topology = compiled(cubes, noc, "ring", 1)
    links = {link.name: link for link in topology.links(0)}
    everyone = [node for nodes in ends(topology.packages[0]).values() for node in nodes][:: max(1, cubes.size // 3)]
    for src in everyone:
        for dst in everyone:
            here = src
            hops = topology.route(0, src, 0, dst)
            assert len({hop.link for hop in hops}) == len(hops)
            for hop in hops:
                assert links[hop.link].src == here
                here = links[hop.link].dst
            assert here == dst


@few
@given(meshes, meshes)
def test_a_route_crosses_as_many_ucie_links_as_the_manhattan_distance_of_its_cubes(cubes, noc):
    topology = compiled(cubes, noc, "ring", 1)
    package = topology.packages[0]
    places = [cubes.at(number) for number in range(cubes.size)]
    for src in places:
        for dst in places:
            a, b = f"{package.cube_name(src)}.pe0.dma", f"{package.cube_name(dst)}.hbm"
            crossings = [hop.link for hop in topology.route(0, a, 0, b) if hop.link.count(".ucie.") == 2]
            turns = ["EW" if link[link.index(".ucie.") + 6] in "EW" else "NS" for link in crossings]
            assert len(crossings) == abs(src.x - dst.x) + abs(src.y - dst.y)
            assert turns == sorted(turns)


@few
@given(meshes, meshes, kinds, st.integers(1, 6))
def test_no_mesh_and_no_fabric_can_deadlock(cubes, noc, kind, sips):
    assert channel_graph(compiled(cubes, noc, kind, sips)).cycle() == []


@settings(max_examples=2 * settings().max_examples)
@given(kinds, st.data())
def test_every_sip_reaches_every_other_over_links_that_exist_in_the_fewest_steps(kind, data):
    sips = data.draw(st.integers(2, 64))
    src, dst = data.draw(st.integers(0, sips - 1)), data.draw(st.integers(0, sips - 1))
    path = sip_path(kind, src, dst, sips)
    for here, there in itertools.pairwise(path):
        assert there in FABRICS[kind].neighbours(here, sips)
    assert len(set(path)) == len(path)
    if kind == "ring":
        assert len(path) - 1 == min((src - dst) % sips, (dst - src) % sips)


@given(*[st.integers(0, 9)] * 4)
def test_an_xy_path_is_shortest_and_turns_once(ax, ay, bx, by):
    path = xy_path(At(ax, ay), At(bx, by))
    moves = ["x" if one.y == other.y else "y" for one, other in itertools.pairwise(path)]
    assert (len(path) - 1, moves) == (abs(ax - bx) + abs(ay - by), sorted(moves))


@few
@given(kinds, st.integers(2, 6), st.data())
def test_a_packet_between_sips_is_handed_on_until_it_is_there(kind, sips, data):
    topology = compiled(Mesh(2, 2), Mesh(2, 2), kind, sips)
    src, dst = data.draw(st.permutations(range(sips)))[:2]
    here, node, seen = src, "cube03.pe1.dma", []
    while here != dst:
        hop = topology.route(here, node, dst, "cube02.hbm")[-1]
        link = topology.fabric[hop.link]
        assert (link.source, link.index) == (here, hop.link)
        here, node = link.destination, link.dst
        seen.append(here)
    last = topology.route(here, node, dst, "cube02.hbm")[-1]
    assert (seen, last.link) == (sip_path(kind, src, dst, sips)[1:], "cube02.xbar->cube02.hbm")
