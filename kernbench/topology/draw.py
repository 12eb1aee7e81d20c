"""A topology as a text drawing: the fabric, one SIP, one cube."""

from kernbench.common.units import format_time
from kernbench.policy.routing import At, port_router
from kernbench.topology.compile import Topology
from kernbench.topology.graph import FabricLink, Link
from kernbench.topology.package import Package


def draw(topology: Topology) -> str:
    """The whole drawing; plain ASCII, as wide as the mesh needs."""
    parts = [_fabric(topology), _sip(topology.packages[0]), _cube(topology)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _rate(link: Link | FabricLink) -> str:
    return f"{link.bw / 10**9:g} GB/s"


def _fabric(topology: Topology) -> list[str]:
    fabric = topology.source.system.fabric
    if not topology.fabric:
        return ["1 SIP, no fabric"]
    title = f"{fabric.kind} of {topology.sips} SIPs, {len(topology.fabric)} links"
    groups: dict[str, list[str]] = {}
    for link in topology.fabric:
        what = f"{_rate(link)}, {format_time(link.latency)}, credit {format_time(link.credit_delay)}"
        groups.setdefault(what, []).append(link.name.replace("sip", ""))
    lines = [title]
    for what, names in groups.items():
        lines += [f"  {what}:", *(f"    {'  '.join(names[at : at + 12])}" for at in range(0, len(names), 12))]
    if fabric.kind == "switch":
        lines.append(f"  one uplink a SIP; from the switch {fabric.bw / 10**9:g} GB/s, {format_time(fabric.latency)}")
    return lines


def _sip(package: Package) -> list[str]:
    links = {link.name: link for link in package.links}
    pcie = links["host->io.pcie_ep"]
    into = links[f"io.ucie.r0->{package.port_name(At(0, 0), None)}"]
    width = len(package.cube_name(At(0, 0))) + 2
    rows, columns = package.mesh.rows, package.mesh.columns
    edge = "    ".join(["+" + "-" * width + "+"] * columns)
    lines = [
        f"one SIP: IO chiplet and {package.mesh} cubes",
        f"  host <-> io.pcie_ep  {_rate(pcie)}, {format_time(pcie.wire)}",
    ]
    ports = [node.name for node in package.nodes if node.name.startswith("io.fabric")]
    lines += [f"  fabric ports: {'  '.join(ports)}"] if ports else []
    lines += ["", "  +----+    " + edge]
    for row in range(rows):
        cubes = "----".join(f"| {package.cube_name(At(x, row))} |" for x in range(columns))
        lines.append(f"  | {'io' if row == rows // 2 else '  '} |----{cubes}")
        lines.append(("  |    |    " if row < rows - 1 else "  +----+    ") + edge)
        if row < rows - 1:
            lines.append("  |    |    " + (" " * 4).join([f"{'|':^{width + 2}}"] * columns).rstrip())
            lines.append("  |    |    " + edge)
    cost = format_time(2 * into.overhead + into.wire)
    lines.append(f"  ---- UCIe, each way {_rate(into)}, {cost} a crossing")
    return lines


def _cube(topology: Topology) -> list[str]:
    package, system = topology.packages[0], topology.source.system
    cube, mesh = system.sip.cube, package.noc
    first = package.cube_name(At(0, 0))
    links = {link.name: link for link in package.links}
    names = [
        [package.router_name(At(0, 0), At(x, y)).rpartition(".")[2] for x in range(mesh.columns)]
        for y in range(mesh.rows)
    ]
    lines = [f"one cube: {mesh} routers, {cube.pes} PEs, HBM of {cube.hbm_ctrl.config['slices']} slices"]
    for y, row in enumerate(names):
        lines.append("  " + " ---- ".join(row))
        if y < mesh.rows - 1:
            lines.append("  " + "      ".join(f"{'|':^{len(name)}}" for name in row).rstrip())
    for number in range(mesh.size):
        at = mesh.at(number)
        router = package.router_name(At(0, 0), at)
        on = ["m_cpu"] if number == 0 else []
        on += [f"pe{pe}" for pe in range(cube.pes) if pe % mesh.size == number]
        on += [f"ucie.{side}" for side in "NESW" if port_router(side, mesh) == at]
        lines.append(f"  {router.rpartition('.')[2]}: {'  '.join(on)}".rstrip(": "))
    noc = next(link for link in package.links if link.key == "sip.cube.noc")
    memory = links[f"{first}.xbar->{first}.hbm"]
    lines.append(f"  ---- NOC, each way {_rate(noc)}; every router -- xbar {_rate(memory)} hbm")
    return lines
