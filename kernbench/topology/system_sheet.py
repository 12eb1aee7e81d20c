"""The drawing of a system: its SIPs and the links between them."""

from math import cos, pi, sin

from kernbench.common.units import format_size, format_time
from kernbench.policy.routing import most_square
from kernbench.topology.compile import Topology
from kernbench.topology.drawing import rate
from kernbench.topology.graph import FabricLink
from kernbench.topology.sheet import Box, Point, Sheet

SIP = (104, 52)
APART, APART_WITH_WORDS = 128, 240
"""Between the middles of neighbours; a circle's neighbours cannot touch as long as a SIP's diagonal is shorter."""
MOST_WORDS = 8
"""Lines that have their figures beside them; more are told by the legend alone."""
HOLLOW = 250
"""Radius at least of a circle with a switch in its middle."""


def system_sheet(topology: Topology) -> Sheet:
    """SIPs on a grid (mesh2d) or a circle, a switch in its middle; all links between two SIPs are one line."""
    kind = topology.source.system.fabric.kind
    sips = topology.sips
    sheet = Sheet(f"System: {sips} SIPs, fabric {kind}" if sips > 1 else "System: 1 SIP, no fabric")
    switched = kind == "switch" and sips > 1
    lines = _to_switch(topology) if switched else _between(topology)
    apart = APART_WITH_WORDS if len(lines) <= MOST_WORDS else APART
    places = _grid(sips, apart) if kind == "mesh2d" else _circle(sips, apart, hollow=switched)
    sip = topology.source.system.sip
    words = f"{sip.cube_mesh} cubes, {sip.cube_mesh.size * sip.cube.pes} PEs"
    boxes = {f"sip{number}": _sip(sheet, number, at, words) for number, at in enumerate(places)}
    if switched:
        overhead = topology.source.system.fabric.switch.overhead
        corner = (-SIP[0] // 2, -SIP[1] // 2)
        boxes["switch"] = sheet.box("switch", corner, SIP, "router", ["switch", f"+{format_time(overhead)}"])
    styles: dict[str, str] = {}
    for (one, other), (names, links) in lines.items():
        said = _by_figures(links)
        style = styles.setdefault("; or ".join(said), "fabric" if not styles else "other")
        ends = (boxes[one].middle, boxes[other].middle)
        sheet.line(names, ends, style, "\n".join(f"{', '.join(who)}: {what}" for what, who in said.items()))
        if apart == APART_WITH_WORDS:
            _words(sheet, ends, links)
    for what, style in styles.items():
        sheet.legend(style, f"fabric link, each way: {what}")
    if switched:
        fabric = topology.source.system.fabric
        sheet.legend(
            "", f"from the switch to a SIP: {fabric.bw / 10**9:g} GB/s, {format_time(fabric.latency)}; "
            f"up to the switch its {format_time(overhead)} are part of the latency"
        )  # fmt: skip
    return sheet


def _sip(sheet: Sheet, number: int, at: Point, words: str) -> Box:
    corner = (at[0] - SIP[0] // 2, at[1] - SIP[1] // 2)
    return sheet.box(f"sip{number}", corner, SIP, "engine", [f"sip{number}", words])


def _words(sheet: Sheet, ends: tuple[Point, Point], links: list[FabricLink]) -> None:
    (x, y), (to_x, to_y) = ends
    middle_x, middle_y = (x + to_x) // 2, (y + to_y) // 2
    sheet.note(rate(links[0]), (middle_x, middle_y - 4), "middle", on_line=True)
    sheet.note(format_time(links[0].latency), (middle_x, middle_y + 11), "middle", on_line=True)


def _by_figures(links: list[FabricLink]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for link in links:
        found.setdefault(_figures(link), []).append(link.name)
    return found


def _figures(link: FabricLink) -> str:
    return (
        f"{rate(link)}, {format_time(link.latency)}, credit back {format_time(link.credit_delay)}, "
        f"buffer {format_size(link.buffer)} a lane"
    )


_Lines = dict[tuple[str, str], tuple[list[str], list[FabricLink]]]
"""The names of all links between two places, and those of them that the fabric's figures are of."""


def _between(topology: Topology) -> _Lines:
    found: _Lines = {}
    for link in topology.fabric:
        low, high = sorted((link.source, link.destination))
        names, links = found.setdefault((f"sip{low}", f"sip{high}"), ([], []))
        names.append(link.name)
        links.append(link)
    return found


def _to_switch(topology: Topology) -> _Lines:
    found: _Lines = {}
    for link in topology.fabric:
        down = f"sip{link.source}.switch->{link.src}"
        names, links = found.setdefault((f"sip{link.source}", "switch"), ([down], []))
        names.append(link.name)
        links.append(link)
    return found


def _grid(sips: int, apart: int) -> list[Point]:
    mesh = most_square(sips)
    return [(mesh.at(sip).x * apart, mesh.at(sip).y * (apart - SIP[1])) for sip in range(sips)]


def _circle(sips: int, apart: int, *, hollow: bool) -> list[Point]:
    """The first SIP at the upper left, the others clockwise."""
    if sips == 1:
        return [(0, 0)]
    radius = apart / (2 * sin(pi / sips))
    if hollow:
        radius = max(radius, HOLLOW)
    turn = -pi / 2 - pi / sips
    angles = [turn + 2 * pi * sip / sips for sip in range(sips)]
    return [(round(radius * cos(angle)), round(radius * sin(angle))) for angle in angles]
