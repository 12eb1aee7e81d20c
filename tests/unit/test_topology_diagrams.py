"""The drawings of a topology: complete, without overlaps, the same bytes each time, and safe to open."""

import json
import re
from itertools import combinations, pairwise
from xml.etree import ElementTree as ET

import pytest

from kernbench.cli import execute
from kernbench.topology.compile import Topology
from kernbench.topology.cube_sheet import cube_sheet
from kernbench.topology.diagrams import diagrams
from kernbench.topology.load import load, packaged_path
from kernbench.topology.sheet import Sheet
from kernbench.topology.sip_sheet import sip_sheet
from kernbench.topology.system_sheet import system_sheet

SVG = "{http://www.w3.org/2000/svg}"
MACHINES = {
    "packaged": (),
    "one of everything": ("sips=1", "cube_mesh=1x1", "sip.cube.noc.mesh=1x1", "sip.cube.pes=1"),
    "64 PEs on one router": ("sips=2", "cube_mesh=2x1", "sip.cube.noc.mesh=1x1", "sip.cube.pes=64"),
    "fewer PEs than routers": ("sips=3", "cube_mesh=1x3", "sip.cube.noc.mesh=4x3", "sip.cube.pes=2"),
    "8x8 cubes of 8x8 routers": ("sips=1", "cube_mesh=8x8", "sip.cube.noc.mesh=8x8", "sip.cube.pes=64"),
    "16x16 cubes": ("sips=1", "cube_mesh=16x16", "sip.cube.pes=1"),
    "64 SIPs all joined": ("sips=64", "cube_mesh=1x1", "sip.cube.pes=1", "fabric.kind=full"),
    "64 SIPs on a ring": ("sips=64", "cube_mesh=1x1", "sip.cube.pes=1"),
    "64 SIPs on a switch": ("sips=64", "cube_mesh=1x1", "sip.cube.pes=1", "fabric.kind=switch"),
    "2 SIPs on a switch": ("sips=2", "cube_mesh=1x1", "sip.cube.pes=1", "fabric.kind=switch"),
    "15 SIPs on a mesh": ("sips=15", "cube_mesh=1x1", "sip.cube.pes=1", "fabric.kind=mesh2d"),
}


def compiled(*overrides):
    """Without the proof that nothing can deadlock: of the largest machines that takes half a minute."""
    source = load(packaged_path(), overrides)
    return Topology(source, source.system.sips)


@pytest.fixture(scope="module", params=MACHINES)
def topology(request):
    return compiled(*MACHINES[request.param])


def links_of(sheet):
    return sorted(name for line in sheet.lines for name in line.links)


def nodes_of(sheet):
    return sorted(box.name for box in sheet.boxes if not box.is_frame)


def overlap(one, other):
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def within(inner, outer):
    return outer.x <= inner.x and outer.y <= inner.y and inner.right <= outer.right and inner.bottom <= outer.bottom


def entered(sheet):
    """Boxes that a line enters; at its ends it only touches them."""
    found = []
    for line in sheet.lines:
        for (ax, ay), (bx, by) in pairwise(line.points):
            left, right, top, bottom = min(ax, bx), max(ax, bx), min(ay, by), max(ay, by)
            assert left == right or top == bottom
            found += [
                (line.links[0], box.name)
                for box in sheet.boxes
                if not box.is_frame and box.x < right and left < box.right and box.y < bottom and top < box.bottom
            ]
    return found


@pytest.mark.parametrize("draw", [system_sheet, sip_sheet, cube_sheet])
def test_no_two_boxes_overlap_unless_one_is_a_frame_around_the_other(draw, topology):
    clashes = [
        (one.name, other.name)
        for one, other in combinations(draw(topology).boxes, 2)
        if overlap(one, other) and not (one.is_frame and within(other, one))
    ]
    assert clashes == []


@pytest.mark.parametrize("draw", [sip_sheet, cube_sheet])
def test_every_line_is_level_or_upright_and_enters_no_box(draw, topology):
    assert entered(draw(topology)) == []


def test_the_system_has_every_sip_and_every_fabric_link_once(topology):
    sheet = system_sheet(topology)
    switched = [f"sip{sip}.switch->io.fabric0" for sip in range(topology.sips)]
    has_switch = any(node.name == "switch" for node in topology.nodes(0))
    sips = [f"sip{sip}" for sip in range(topology.sips)]
    assert nodes_of(sheet) == sorted(sips + ["switch"] * has_switch)
    assert links_of(sheet) == sorted([link.name for link in topology.fabric] + switched * has_switch)


def test_the_sip_has_every_node_outside_the_cubes_every_ucie_port_and_every_link_between_them(topology):
    sheet = sip_sheet(topology)
    nodes = {node.name for node in topology.nodes(0) if not node.name.startswith("cube") or ".ucie." in node.name}
    inside = [link.name for link in topology.links(0) if {link.src, link.dst} <= nodes]
    if "switch" in nodes:
        fabric = [link.name for link in topology.fabric if link.source == 0]
    else:
        fabric = [link.name for link in topology.fabric if 0 in (link.source, link.destination)]
    assert nodes_of(sheet) == sorted(nodes)
    assert links_of(sheet) == sorted(inside + fabric)


def test_the_cube_has_every_node_and_every_link_of_a_cube(topology):
    sheet = cube_sheet(topology)
    cube = next(box.name for box in sheet.boxes if box.is_frame)
    nodes = {node.name for node in topology.nodes(0) if node.name.startswith(f"{cube}.")}
    assert nodes_of(sheet) == sorted(nodes)
    assert links_of(sheet) == sorted(link.name for link in topology.links(0) if {link.src, link.dst} <= nodes)


def test_every_document_is_well_formed_and_needs_nothing_from_elsewhere(topology):
    for content in diagrams(topology).values():
        root = ET.fromstring(content)
        assert root.tag == f"{SVG}svg"
        assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
            "svg", "title", "style", "rect", "g", "path", "text"
        }  # fmt: skip
        assert re.findall(rb"https?://[^\"]*|url\(|@import", content) == [b"http://www.w3.org/2000/svg"]


def test_everything_lies_on_the_paper(topology):
    for content in diagrams(topology).values():
        root = ET.fromstring(content)
        width, height = int(root.get("width")), int(root.get("height"))
        moved = next(root.iter(f"{SVG}g"))
        dx, dy = map(int, re.findall(r"-?\d+", moved.get("transform")))
        for rect in moved.iter(f"{SVG}rect"):
            x, y = int(rect.get("x")) + dx, int(rect.get("y")) + dy
            assert 0 <= x < x + int(rect.get("width")) <= width
            assert 0 <= y < y + int(rect.get("height")) <= height


def test_equal_topologies_give_equal_bytes():
    assert diagrams(compiled()) == diagrams(compiled())


def test_one_changed_link_has_a_style_and_words_of_its_own():
    sheet = system_sheet(compiled("fabric.links.0-1.latency_ns=800", "fabric.links.0->1.bw_gbs=25"))
    styles = {line.links: line.style for line in sheet.lines}
    assert (styles["sip0->sip1", "sip1->sip0"], styles["sip1->sip2", "sip2->sip1"]) == ("fabric", "other")
    assert b"25 GB/s, 800 ns" in sheet.svg()


def test_words_of_any_kind_are_text_and_nothing_else():
    sheet = Sheet('<script>"&')
    sheet.box("a", (0, 0), (10, 10), "router", ["<b>&"], "]]>")
    root = ET.fromstring(sheet.svg())
    assert [element.text for element in root.iter(f"{SVG}text")] == ['<script>"&', "<b>&"]


def test_the_command_writes_three_files_and_names_them(tmp_path, capsys):
    folder = tmp_path / "new" / "folder"
    assert execute(["topology", "draw", "--set", "sips=1", "--out", str(folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["schema"], document["files"]) == (
        "kernbench/topology-draw/1",
        [str(folder / name) for name in ("system.svg", "sip.svg", "cube.svg")],
    )
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == diagrams(compiled("sips=1"))


def test_a_folder_that_cannot_be_written_is_an_error_with_the_remedy(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert execute(["topology", "draw", "--out", str(tmp_path / "file")]) == 5
    assert "cannot be written: File exists; give --out a folder that can" in capsys.readouterr().err
