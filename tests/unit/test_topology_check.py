"""Topologies that compile but cannot work, each refused with the key to change and the figure to change it to."""

import pytest

from kernbench.common.errors import TopologyError
from kernbench.topology.check import check_deadlock, check_names, check_reachable
from kernbench.topology.compile import compile_topology
from kernbench.topology.deadlock import Channel, ChannelGraph, channel_graph, ends, local_pairs
from kernbench.topology.graph import Link
from kernbench.topology.load import load, packaged_path


def compiled(*overrides, sips=None):
    return compile_topology(load(packaged_path(), overrides), sips)


def refusal(*overrides, sips=None):
    with pytest.raises(TopologyError) as caught:
        compiled("cube_mesh=2x1", *overrides, sips=sips)
    return str(caught.value).splitlines()[0]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["fabric.latency_ns=0"], ("--set fabric.latency_ns: latency is 0 on sip0->sip1, so no lookahead is left; "
         "give it at least 1ns")),
        (["fabric.credit_ns=0"], ("--set fabric.credit_ns: credit is 0 on sip0->sip1, so no lookahead is left; "
         "give it at least 1ns")),
        (["fabric.links.1-2.latency_ns=0"], ("--set fabric.links.1-2.latency_ns: latency is 0 on sip1->sip2, "
         "so no lookahead is left; give it at least 1ns")),
        (["fabric.buffer_bytes=32KiB"], ("--set fabric.buffer_bytes: sip0->sip1 has 32KiB a lane, which throttles it: "
         "50 GB/s x (500 ns hop + 500 ns credit) needs 50000 bytes; give it at least 49KiB")),
        (["sip.pcie.buffer_bytes=4KiB"], ("--set sip.pcie.buffer_bytes: host->io.pcie_ep has 4KiB a lane, "
         "which throttles it: 64 GB/s x (410 ns hop + 400 ns credit) needs 51840 bytes; give it at least 51KiB")),
        (["sip.ucie.buffer_bytes=2KiB"], ("--set sip.ucie.buffer_bytes: io.ucie.r0->cube00.ucie.W has 2KiB a lane, "
         "which throttles it: 256 GB/s x (8.01 ns hop + 8 ns credit) needs 4099 bytes; give it at least 5KiB")),
        (["sip.cube.noc.buffer_bytes=1KiB"], ("--set sip.cube.noc.buffer_bytes: cube00.r00->cube00.r10 has 1KiB a lane, "
         "less than two quanta of 1KiB; give it at least 2KiB or lower quantum_bytes")),
        (["quantum_bytes=8KiB"], ("sip.io.noc.buffer_bytes: io.noc->io.pcie_ep has 8KiB a lane, "
         "less than two quanta of 8KiB; give it at least 16KiB or lower quantum_bytes")),
        (["hbm_ctrl.slices=16"], ("sip.cube.xbar_to_hbm_buffer_bytes: cube00.xbar->cube00.hbm has 16KiB a lane, "
         "which throttles it: 4096 GB/s x (5.02 ns hop + 1 ns credit) needs 24658 bytes; give it at least 25KiB")),
        (["sip.cube.noc.credit_ns=0"], ("--set sip.cube.noc.credit_ns: cube00.r00->cube00.r10 returns credits "
         "in no time; give it at least 1ns")),
        (["sip.cube.noc.length_mm=0", "sip.cube.noc.overhead_ns=0"], ("sip.cube.noc: cube00.r00->cube00.r10 takes "
         "no time, so cause and effect fall together; give it a length_mm")),
        (["ns_per_mm=0"], ("--set ns_per_mm: io.noc->io.fabric1 takes no time, so cause and effect fall together; "
         "a wire of any length takes none; give it more than 0")),
        (["fabric.links.0-7.bw_gbs=4"], "fabric.links.0-7: SIPs are numbered 0 to 3; raise sips or remove it"),
        (["fabric.links.1-0.bw_gbs=4"], 'fabric.links.1-0: links go by one name each; call it "0-1"'),
        (["fabric.links.01->0.bw_gbs=4"], 'fabric.links.01->0: links go by one name each; call it "1->0"'),
        (["fabric.links.0-2.bw_gbs=4"], "fabric.links.0-2: a ring of 4 has no such link; SIP 0 is linked to: 1, 3"),
        (["fabric.links.a.bw_gbs=4"], 'fabric.links.a: expected a pair of SIPs such as "0-1" (both ways) or "0->1"'),
        (["fabric.kind=switch", "fabric.links.0-1.bw_gbs=4"], ("fabric.links.0-1: links to a switch are all equal; "
         "use kind ring, full or mesh2d, or remove it")),
        (["hbm_ctrl.slices=0"], "--set sip.cube.hbm_ctrl.slices: expected a whole number from 1 to 1024, got 0"),
        (["hbm_ctrl.slices=0.5"], "--set sip.cube.hbm_ctrl.slices: expected a whole number from 1 to 1024, got 0.5"),
    ],
)  # fmt: skip
def test_a_topology_that_cannot_work_is_refused_with_the_key_and_the_remedy(overrides, message):
    assert message in refusal(*overrides)


@pytest.mark.parametrize("kind", ["ring", "full", "switch", "mesh2d"])
@pytest.mark.parametrize("sips", [1, 2, 4, 6])
def test_every_fabric_is_free_of_deadlock(kind, sips):
    topology = compiled("cube_mesh=2x2", f"fabric.kind={kind}", sips=sips)
    assert channel_graph(topology).cycle() == []


@pytest.mark.parametrize("noc", ["1x1", "1x2", "1x3", "1x5", "2x1", "4x1", "2x3", "3x2", "3x3"])
def test_every_shape_of_cube_is_free_of_deadlock(noc):
    topology = compiled("cube_mesh=3x3", f"sip.cube.noc.mesh={noc}", sips=2)
    assert channel_graph(topology).cycle() == []


def one_lane(_hop):
    return "only"


@pytest.mark.parametrize("mesh", ["2x2", "4x4"])
def test_one_lane_without_phases_deadlocks_from_two_by_two_cubes_up(mesh):
    topology = compiled(f"cube_mesh={mesh}", sips=1)
    cycle = channel_graph(topology, one_lane).cycle()
    edges = channel_graph(topology, one_lane).edges()
    assert cycle
    assert all(pair in edges for pair in zip(cycle, [*cycle[1:], cycle[0]], strict=True))


def test_a_ring_without_a_dateline_deadlocks():
    topology = compiled("cube_mesh=1x1", sips=6)

    def no_dateline(hop):
        return {"d0": "d", "d1": "d"}.get(hop.phase, hop.phase)

    cycle = channel_graph(topology, no_dateline).cycle()
    assert {channel.sip for channel in cycle} >= {-1}


def test_passing_the_io_chiplet_in_the_lane_of_local_traffic_is_what_the_own_phase_prevents():
    topology = compiled("cube_mesh=1x1", sips=6)

    def no_pass(hop):
        return "transit" if isinstance(hop.link, str) and hop.phase in {"d0", "d1"} else hop.phase

    assert channel_graph(topology, no_pass).cycle() != []


def test_a_deadlock_names_the_circle_and_the_key():
    graph = ChannelGraph()
    a, b, c = (Channel("request", 0, name, "transit") for name in ("p->q", "q->r", "r->p"))
    for one, other in ((a, b), (b, c), (c, a)):
        graph.add(one, other)
    with pytest.raises(TopologyError) as caught:
        check_deadlock(load(packaged_path()), graph.cycle())
    assert (
        "sip.cube.noc.mesh: packets can wait for each other for ever: sip0.p->q[request.transit] waits for "
        "sip0.q->r[request.transit] waits for sip0.r->p[request.transit] waits for sip0.p->q[request.transit]; "
        "routes that close a circle need another phase on one of these links"
    ) in str(caught.value)


def test_a_request_waits_for_the_response_of_its_controller():
    edges = channel_graph(compiled("cube_mesh=1x1", sips=1)).edges()
    into = Channel("request", 0, "cube00.xbar->cube00.hbm", "last")
    assert {other.link for one, other in edges if one == into} == {"cube00.hbm->cube00.xbar"}


def test_a_chain_beside_a_circle_is_no_part_of_it():
    graph = ChannelGraph()
    names = [Channel("request", 0, name, "x") for name in "abcd"]
    for one, other in ((0, 1), (1, 2), (2, 1), (2, 3)):
        graph.add(names[one], names[other])
    assert set(graph.cycle()) == {names[1], names[2]}


@pytest.mark.parametrize("overrides", [["cube_mesh=3x3"], ["cube_mesh=5x2", "sip.cube.noc.mesh=1x3", "pes=3"]])
def test_the_pairs_that_are_looked_at_have_every_dependency_of_all_pairs(overrides):
    topology = compiled(*overrides, sips=1)
    everyone = [node for nodes in ends(topology.packages[0]).values() for node in nodes]

    def dependencies(pairs):
        found = set()
        for src, dst in pairs:
            hops = topology.route(0, src, 0, dst)
            found |= {(hops[at - 1], hops[at]) for at in range(1, len(hops))}
        return found

    every = dependencies((src, dst) for src in everyone for dst in everyone if src != dst)
    assert dependencies(local_pairs(topology.packages[0])) == every


def link(src, dst):
    return Link(f"{src}->{dst}", src, dst, 1, 1, 1, 1, 1, "sip.ucie")


def test_a_node_that_cannot_be_reached_is_named():
    links = [link("host", "a"), link("a", "host"), link("b", "a")]
    with pytest.raises(TopologyError, match="b cannot be reached from host; join it with a link"):
        check_reachable(load(packaged_path()), ["a"], links)


def test_a_node_without_a_way_back_is_named():
    links = [link("host", "a"), link("a", "host"), link("a", "b")]
    with pytest.raises(TopologyError, match="b cannot be left for host; join it with a link"):
        check_reachable(load(packaged_path()), ["a"], links)


def test_two_parts_of_one_name_are_refused():
    topology = compiled("cube_mesh=1x1", sips=1)
    topology.packages[0].nodes.append(topology.nodes(0)[3])
    with pytest.raises(TopologyError, match=r"two parts are called io\.noc; rename one of them"):
        check_names(topology)
