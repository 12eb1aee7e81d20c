"""The drawing of a SIP: host, IO chiplet, the mesh of cubes and the UCIe links between them."""

from collections.abc import Sequence
from typing import Final

from kernbench.policy.routing import At
from kernbench.topology.compile import Topology
from kernbench.topology.drawing import Drawing, rate
from kernbench.topology.package import Package
from kernbench.topology.sheet import Box, Point, Sheet

CUBE: Final = (104, 76)
GAP: Final = 36
"""Between chiplets: the length of a UCIe link on paper."""
PORT: Final = (24, 18)
IO_PORT: Final = (40, 30)
PART: Final = (88, 30)
PART_STEP: Final = 42
NOC_WIDTH: Final = 64
HOST: Final = (80, 30)
WIRE: Final = 32
"""From the NOC of the IO chiplet to what is on it."""
REACH: Final = 72
"""From the IO chiplet to what is outside the package."""
PAD: Final = 12
HEAD: Final = 28


def sip_sheet(topology: Topology) -> Sheet:
    """SIP 0; the others differ from it in their fabric ports alone."""
    package = topology.packages[0]
    cubes = package.mesh.size
    pes = topology.source.system.sip.cube.pes
    title = f"SIP 0 of {topology.sips}: an IO chiplet, {package.mesh} cubes, {cubes * pes} PEs"
    drawing = Drawing(title, package.nodes, package.links)
    fabric = [node.name for node in package.nodes if node.name.startswith("io.fabric")]
    parts = ["io.pcie_ep", "io.cpu", *fabric]
    mesh_height = package.mesh.rows * (CUBE[1] + GAP) - GAP
    parts_height = len(parts) * PART_STEP - (PART_STEP - PART[1])
    height = max(mesh_height, parts_height)
    ports = _io(drawing, package, parts, height, (height - parts_height) // 2, (height - mesh_height) // 2)
    _host(drawing, ports["io.pcie_ep"])
    _outside(drawing, topology, fabric, ports)
    _cubes(drawing, package, (height - mesh_height) // 2, ports)
    switched = "switch" in (node.name for node in package.nodes)
    if topology.fabric and not switched:
        bandwidths = dict.fromkeys(rate(link) for link in topology.fabric if link.source == 0)
        drawing.sheet.legend("fabric", f"fabric, each way: {', '.join(bandwidths)}; the system's sheet has the rest")
    drawing.legend()
    return drawing.sheet


def _io(
    drawing: Drawing, package: Package, parts: Sequence[str], height: int, parts_top: int, cubes_top: int
) -> dict[str, Box]:
    """The IO chiplet, west of the cubes (whose left side is at x = 0): parts, NOC, a UCIe port per row."""
    port_x = -GAP - IO_PORT[0]
    noc_x = port_x - WIRE - NOC_WIDTH
    part_x = noc_x - WIRE - PART[0]
    left = part_x - PAD
    drawing.sheet.frame("io", (left, -HEAD), (-GAP - left, height + HEAD + PAD))
    drawing.sheet.note("IO chiplet", (left + PAD, -HEAD + 18))
    drawing.node("io.noc", (noc_x, 0), (NOC_WIDTH, height), "router", "noc")
    boxes = {}
    for number, name in enumerate(parts):
        style = "port" if name.startswith("io.fabric") else "control"
        at = (part_x, parts_top + number * PART_STEP)
        boxes[name] = box = drawing.node(name, at, PART, style)
        drawing.join("io.noc", name, (noc_x, box.middle[1]), (box.right, box.middle[1]))
    for row in range(package.mesh.rows):
        name = package.port_name(None, At(0, row))
        y = cubes_top + row * (CUBE[1] + GAP) + CUBE[1] // 2
        boxes[name] = drawing.node(name, (port_x, y - IO_PORT[1] // 2), IO_PORT, "port", f"r{row}")
        drawing.join("io.noc", name, (noc_x + NOC_WIDTH, y), (port_x, y))
    return boxes


def _host(drawing: Drawing, endpoint: Box) -> None:
    right = endpoint.x - PAD - REACH
    y = endpoint.middle[1]
    drawing.node("host", (right - HOST[0], endpoint.y), HOST, "engine")
    drawing.join("host", "io.pcie_ep", (right, y), (endpoint.x, y))


def _outside(drawing: Drawing, topology: Topology, fabric: Sequence[str], boxes: dict[str, Box]) -> None:
    """What is at the other end of the fabric ports."""
    links = [link for link in topology.fabric if 0 in (link.source, link.destination)]
    for port in fabric:
        box = boxes[port]
        x, y = box.x - PAD - REACH, box.middle[1]
        names = [link.name for link in links if port in ((link.src,) if link.source == 0 else (link.dst,))]
        if any(node.name == "switch" for node in topology.nodes(0)):
            drawing.node("switch", (x - HOST[0], box.y), HOST, "router")
            names = [link.name for link in links if link.source == 0] + ["switch->io.fabric0"]
        else:
            drawing.sheet.note(f"to sip{port.removeprefix('io.fabric')}", (x - 6, y + 4), "end")
        drawing.sheet.line(names, ((x, y), (box.x, y)), "fabric", ", ".join(names))


def _cubes(drawing: Drawing, package: Package, top: int, ports: dict[str, Box]) -> None:
    mesh = package.mesh
    for index in range(mesh.size):
        at = mesh.at(index)
        corner = (at.x * (CUBE[0] + GAP), top + at.y * (CUBE[1] + GAP))
        drawing.sheet.frame(package.cube_name(at), corner, CUBE)
        drawing.sheet.note(package.cube_name(at), (corner[0] + CUBE[0] // 2, corner[1] + CUBE[1] // 2 + 4), "middle")
        for side, there in _around(package, at):
            name = package.port_name(at, there)
            ports[name] = drawing.node(name, _port_corner(corner, side), PORT, "port")
    for row in range(mesh.rows):
        _cross(drawing, package, ports, None, At(0, row))
    for index in range(mesh.size):
        at = mesh.at(index)
        for side, there in _around(package, at):
            if side in "ES":
                _cross(drawing, package, ports, at, there)


def _around(package: Package, at: At) -> list[tuple[str, At | None]]:
    """The chiplets beside a cube."""
    mesh = package.mesh
    places = {"N": At(at.x, at.y - 1), "E": At(at.x + 1, at.y), "S": At(at.x, at.y + 1), "W": At(at.x - 1, at.y)}
    found: list[tuple[str, At | None]] = [
        (side, there) for side, there in places.items() if 0 <= there.x < mesh.columns and 0 <= there.y < mesh.rows
    ]
    return [*found, ("W", None)] if at.x == 0 else found


def _port_corner(cube: Point, side: str) -> Point:
    (x, y), (width, height) = cube, CUBE
    across, down = (width - PORT[0]) // 2, (height - PORT[1]) // 2
    return {
        "N": (x + across, y),
        "S": (x + across, y + height - PORT[1]),
        "W": (x, y + down),
        "E": (x + width - PORT[0], y + down),
    }[side]


def _cross(drawing: Drawing, package: Package, ports: dict[str, Box], here: At | None, there: At | None) -> None:
    assert there is not None, "links are drawn towards east and south"
    one, other = package.port_name(here, there), package.port_name(there, here)
    start, end = ports[one], ports[other]
    if start.right <= end.x:
        drawing.join(one, other, (start.right, end.middle[1]), (end.x, end.middle[1]))
    else:
        drawing.join(one, other, (start.middle[0], start.bottom), (start.middle[0], end.y))
