"""The compiled topology: its nodes, its links with their figures, the fabric, and the trip to another process."""

import msgspec
import pytest

from kernbench.common.errors import TopologyError, UsageError
from kernbench.common.units import gbs, ns
from kernbench.topology.compile import Topology, compile_topology
from kernbench.topology.graph import FabricLink, Link
from kernbench.topology.load import load, packaged_path


def compiled(*overrides, sips=None):
    return compile_topology(load(packaged_path(), overrides), sips)


@pytest.fixture(scope="module")
def default():
    return compiled()


@pytest.fixture(scope="module")
def links(default):
    return {link.name: link for link in default.links(0)}


def test_the_default_is_a_ring_of_four_sips_of_sixteen_cubes(default):
    names = [node.name for node in default.nodes(0)]
    cubes = {name.partition(".")[0] for name in names if name.startswith("cube")}
    assert (default.sips, default.quantum, len(cubes), len(default.fabric)) == (4, 1024, 16, 8)


def test_a_sip_has_the_nodes_of_its_io_chiplet_and_of_each_cube(default):
    names = [node.name for node in default.nodes(1)]
    io = [name for name in names if not name.startswith("cube")]
    first = [name.removeprefix("cube00.") for name in names if name.startswith("cube00.") and ".pe" not in name]
    assert sorted(io) == [
        "host", "io.cpu", "io.fabric0", "io.fabric2", "io.noc", "io.pcie_ep",
        "io.ucie.r0", "io.ucie.r1", "io.ucie.r2", "io.ucie.r3",
    ]  # fmt: skip
    assert sorted(first) == ["hbm", "m_cpu", "r00", "r01", "r10", "r11", "ucie.E", "ucie.S", "ucie.W", "xbar"]


def test_a_pe_has_seven_parts_of_which_cpu_and_dma_are_on_a_router(default, links):
    parts = [node for node in default.nodes(0) if node.name.startswith("cube03.pe2.")]
    assert [(node.name.rpartition(".")[2], node.kind, node.key) for node in parts] == [
        ("cpu", "pe_cpu", "sip.cube.pe.pe_cpu"),
        ("dma", "pe_dma", "sip.cube.pe.pe_dma"),
        ("scheduler", "pe_scheduler", "sip.cube.pe.pe_scheduler"),
        ("gemm", "pe_gemm", "sip.cube.pe.pe_gemm"),
        ("math", "pe_math", "sip.cube.pe.pe_math"),
        ("tcm", "pe_tcm", "sip.cube.pe.pe_tcm"),
        ("ipcq", "ipcq", "sip.cube.pe.ipcq"),
    ]
    assert [name for name in links if "cube03.pe2" in name] == [
        "cube03.r01->cube03.pe2.cpu", "cube03.pe2.cpu->cube03.r01",
        "cube03.r01->cube03.pe2.dma", "cube03.pe2.dma->cube03.r01",
    ]  # fmt: skip


def test_pes_beyond_the_routers_wrap_around():
    names = {link.name for link in compiled("cube_mesh=1x1", "pes=6", sips=1).links(0)}
    assert "cube00.r10->cube00.pe5.dma" in names


def test_the_config_of_a_node_is_its_section_with_units_resolved(default):
    gemm = next(node for node in default.nodes(0) if node.name == "cube00.pe0.gemm")
    assert gemm.config == {"rows": 32, "columns": 32, "clock_ghz": 10**9, "flow": "output_stationary"}


def test_a_link_costs_its_wire_and_the_entrance_of_its_end(links):
    assert links["cube00.r00->cube00.r10"] == Link(
        "cube00.r00->cube00.r10", "cube00.r00", "cube00.r10",
        gbs(256), ns("0.02"), ns(1), ns(1), 8192, "sip.cube.noc",
    )  # fmt: skip


def test_a_ucie_crossing_enters_two_ports_of_eight_ns(links):
    out, across = links["cube00.r11->cube00.ucie.E"], links["cube00.ucie.E->cube01.ucie.W"]
    assert (out.overhead, across.overhead, across.wire, across.bw) == (ns(8), ns(8), ns("0.01"), gbs(256))


def test_the_link_to_memory_has_the_bandwidth_of_all_slices(links):
    both = links["cube15.xbar->cube15.hbm"], links["cube15.hbm->cube15.xbar"]
    assert [(link.bw, link.overhead, link.buffer) for link in both] == [
        (gbs(1024), ns(5), 16384), (gbs(1024), ns(2), 16384),
    ]  # fmt: skip


def test_the_host_is_behind_pcie(links):
    down, up = links["host->io.pcie_ep"], links["io.pcie_ep->host"]
    assert (down.bw, down.wire, down.overhead, up.wire, up.overhead) == (gbs(64), ns(400), ns(10), ns(400), 0)


def test_equal_inputs_compile_to_equal_results_in_equal_order(default):
    again = compiled()
    assert [again.nodes(s) for s in range(4)] == [default.nodes(s) for s in range(4)]
    assert [again.links(s) for s in range(4)] == [default.links(s) for s in range(4)]
    assert again.fabric == default.fabric


def test_names_are_unique_and_every_end_of_a_link_is_a_node(default):
    nodes = [node.name for node in default.nodes(2)]
    names = [link.name for link in default.links(2)]
    ends = {end for link in default.links(2) for end in (link.src, link.dst)}
    assert (len(set(nodes)), len(set(names)), ends - set(nodes)) == (len(nodes), len(names), set())


def test_names_stay_sorted_and_unambiguous_in_large_meshes():
    names = {node.name for node in compiled("cube_mesh=11x10", "sip.cube.noc.mesh=11x2", sips=1).nodes(0)}
    assert {"cube000.r0000", "cube109.r1001"} <= names


def test_a_fabric_link_joins_the_ports_that_are_named_after_the_other_side(default):
    assert default.fabric[1] == FabricLink(
        1, "sip0->sip3", "sip0->sip3", 0, 3, "io.fabric3", "io.fabric0", gbs(50), ns(500), ns(500), 262144
    )


@pytest.mark.parametrize(
    ("kind", "sips", "count"),
    [
        ("ring", 1, 0), ("ring", 2, 2), ("ring", 3, 6), ("ring", 8, 16),
        ("full", 1, 0), ("full", 4, 12), ("switch", 4, 12), ("mesh2d", 6, 14), ("mesh2d", 4, 8), ("mesh2d", 5, 8),
    ],
)  # fmt: skip
def test_each_kind_of_fabric_has_its_number_of_links(kind, sips, count):
    fabric = compiled("cube_mesh=1x1", f"fabric.kind={kind}", sips=sips).fabric
    assert ([link.index for link in fabric], len(fabric)) == (list(range(count)), count)


def test_links_to_a_switch_share_the_uplink_of_their_source_and_end_in_the_destination():
    topology = compiled("cube_mesh=1x1", "fabric.kind=switch", sips=3)
    links = [link for link in topology.fabric if link.source == 1]
    assert [(link.wire_name, link.src, link.dst, link.latency) for link in links] == [
        ("sip1->switch", "io.fabric0", "switch", ns(600))
    ] * 2
    down = [link for link in topology.links(0) if "switch" in link.name]
    assert [(link.name, link.bw, link.wire) for link in down] == [("switch->io.fabric0", gbs(50), ns(500))]


def test_one_link_of_the_fabric_can_differ_both_ways_or_one_way():
    override = ("fabric.links.0-1.bw_gbs=25", "fabric.links.1->0.latency_ns=700")
    links = {link.name: (link.bw, link.latency) for link in compiled("cube_mesh=1x1", *override).fabric}
    assert [links["sip0->sip1"], links["sip1->sip0"], links["sip1->sip2"]] == [
        (gbs(25), ns(500)), (gbs(25), ns(700)), (gbs(50), ns(500)),
    ]  # fmt: skip


def test_a_compiled_topology_travels_as_json_with_its_number_of_sips():
    topology = compiled("sip.cube.noc.mesh=3x2", "pe_gemm.rows=16", "fabric.kind=mesh2d", sips=2)
    copy = Topology.from_effective(msgspec.json.decode(msgspec.json.encode(topology.effective())))
    assert (copy.sips, copy.fabric, copy.effective_sha256) == (2, topology.fabric, topology.effective_sha256)
    assert (copy.nodes(1), copy.links(1)) == (topology.nodes(1), topology.links(1))


@pytest.mark.parametrize("sips", [0, -1, 65])
def test_a_number_of_sips_out_of_range_is_refused(sips):
    with pytest.raises(UsageError, match=f"^--sips {sips}: expected 1 to 64$"):
        compiled(sips=sips)


def test_a_key_that_nothing_reads_is_known(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("fabric: {switch: {overhead_ns: 7}, links: {'2-3': {bw_gbs: 20}, '0-1': {bw_gbs: 20}}}")
    source = load(path)
    compile_topology(source, 2)
    assert source.unread_keys() == ["fabric.switch.overhead_ns", "fabric.links.2-3.bw_gbs"]


def test_slices_are_needed_to_size_the_link_to_memory():
    with pytest.raises(TopologyError, match=r"sip\.cube\.hbm_ctrl\.slices: is missing"):
        compiled("hbm_ctrl.kind=my_lab.memory:Dram")
