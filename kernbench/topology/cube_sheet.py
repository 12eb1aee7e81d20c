"""The drawing of a cube: routers, crossbar, memory, m_cpu, UCIe ports and the PEs with their parts."""

from typing import Final, NamedTuple

from kernbench.common.units import format_size
from kernbench.policy.routing import At, Mesh, port_router
from kernbench.topology.compile import Topology
from kernbench.topology.drawing import Drawing
from kernbench.topology.package import Package
from kernbench.topology.sheet import Box, Point, Sheet

ROUTER_HEIGHT: Final = 40
LEAST_ROUTER: Final = 88
STEP: Final = 6
"""Between lines that run beside each other."""
PART: Final = (76, 22)
PE_HEAD: Final = 22
PE_GAP: Final = 12
PORT: Final = (64, 34)
BAND: Final = 36
"""From the mesh to the ports around it."""
BAR: Final = 40
PAD: Final = 16
COLUMN_GAP: Final = 28


class Grid(NamedTuple):
    """Where the routers of the mesh stand; `gutter` is the x beside each column where lines to the crossbar run."""

    mesh: Mesh
    x: tuple[int, ...]
    y: tuple[int, ...]
    gutter: tuple[int, ...]
    width: tuple[int, ...]
    right: int
    bottom: int


class Pe(NamedTuple):
    """A PE's parts: those on the NOC, and the others."""

    name: str
    on_noc: tuple[str, ...]
    inside: tuple[str, ...]

    @property
    def rows(self) -> int:
        """Rows of parts: the first column is for those on the NOC."""
        return max(len(self.on_noc), -(-len(self.inside) // 2))

    @property
    def size(self) -> Point:
        """Of its frame."""
        return 3 * (PART[0] + STEP) + STEP, PE_HEAD + self.rows * (PART[1] + STEP)


def cube_sheet(topology: Topology) -> Sheet:
    """The first cube with most UCIe ports; the others have fewer neighbours and are the same otherwise."""
    package = topology.packages[0]
    cube = _cube(package)
    nodes = [node for node in package.nodes if node.name.startswith(f"{cube}.")]
    links = [link for link in package.links if all(end.startswith(f"{cube}.") for end in (link.src, link.dst))]
    given = topology.source.system.sip.cube
    drawing = Drawing(f"{cube} of a SIP: {package.noc} routers, {given.pes} PEs", nodes, links)
    at_router = _pes(package, cube)
    grid = _grid(package.noc, at_router)
    slices = f"hbm: {given.hbm_ctrl.config['slices']} slices, {_capacity(topology)}"
    _frame(drawing, cube, grid)
    routers = _routers(drawing, package, cube, grid)
    _memory(drawing, cube, grid, routers, slices)
    _control(drawing, cube, routers[At(0, 0)])
    _ports(drawing, cube, grid, routers, {node.name for node in nodes})
    for at, pes in at_router.items():
        _draw_pes(drawing, routers[at], grid.y[at.y], pes)
    drawing.legend()
    drawing.sheet.legend("", "The parts of a PE that have no line are reached inside the PE, without a link.")
    return drawing.sheet


def _cube(package: Package) -> str:
    counts: dict[str, int] = {}
    for node in package.nodes:
        cube, _, rest = node.name.partition(".")
        if cube.startswith("cube"):
            counts[cube] = counts.get(cube, 0) + rest.startswith("ucie.")
    return max(counts, key=lambda cube: counts[cube])


def _capacity(topology: Topology) -> str:
    size = topology.source.system.sip.cube.hbm_ctrl.config.get("capacity_bytes")
    return format_size(size) if isinstance(size, int) else "its own capacity"


def _pes(package: Package, cube: str) -> dict[At, list[Pe]]:
    """The PEs on each router, in order."""
    parts: dict[str, list[str]] = {}
    for node in package.nodes:
        pe, _, _ = node.name.rpartition(".")
        if pe.startswith(f"{cube}.pe"):
            parts.setdefault(pe, []).append(node.name)
    found: dict[At, list[Pe]] = {}
    for pe, names in parts.items():
        router = package.spots[names[0]].router
        assert router is not None, "every PE is on a router"
        on_noc = [name for name in names if name in package.attached]
        inside = [name for name in names if name not in package.attached]
        found.setdefault(router, []).append(Pe(pe, tuple(on_noc), tuple(inside)))
    return found


def _grid(mesh: Mesh, at_router: dict[At, list[Pe]]) -> Grid:
    x, y, gutter, width = [0], [0], [], []
    for column in range(mesh.columns):
        stacks = [at_router.get(At(column, row), []) for row in range(mesh.rows)]
        lines = max(sum(len(pe.on_noc) for pe in stack) for stack in stacks)
        width.append(max(LEAST_ROUTER, 36 + STEP * lines))
        beside = max((PE_GAP + pe.size[0] for stack in stacks for pe in stack), default=0)
        gutter.append(x[-1] + width[-1] + beside + PE_GAP)
        x.append(gutter[-1] + STEP * mesh.rows + COLUMN_GAP)
    for row in range(mesh.rows):
        stacks = [at_router.get(At(column, row), []) for column in range(mesh.columns)]
        below = max(sum(pe.size[1] + PE_GAP for pe in stack) for stack in stacks)
        y.append(y[-1] + ROUTER_HEIGHT + PE_GAP + below + BAND)
    return Grid(mesh, tuple(x[:-1]), tuple(y[:-1]), tuple(gutter), tuple(width), x[-1] - COLUMN_GAP, y[-1] - BAND)


def _bars(grid: Grid) -> tuple[int, int]:
    """The y of the crossbar and of the memory below it."""
    xbar = grid.bottom + PE_GAP + PORT[1] + BAND
    return xbar, xbar + BAR + BAND


def _frame(drawing: Drawing, cube: str, grid: Grid) -> None:
    left, top = -BAND - PORT[0] - PAD, -BAND - PORT[1] - PAD
    right, bottom = grid.right + BAND + PORT[0] + PAD, _bars(grid)[1] + BAR + PAD
    drawing.sheet.frame(cube, (left, top), (right - left, bottom - top))


def _routers(drawing: Drawing, package: Package, cube: str, grid: Grid) -> dict[At, Box]:
    boxes: dict[At, Box] = {}
    for at in map(grid.mesh.at, range(grid.mesh.size)):
        name = f"{cube}.{package.router_name(At(0, 0), at).rpartition('.')[2]}"
        size = (grid.width[at.x], ROUTER_HEIGHT)
        boxes[at] = box = drawing.node(name, (grid.x[at.x], grid.y[at.y]), size, "router")
        west, north = boxes.get(At(at.x - 1, at.y)), boxes.get(At(at.x, at.y - 1))
        if west is not None:
            drawing.join(west.name, name, (west.right, box.middle[1]), (box.x, box.middle[1]))
        if north is not None:
            drawing.join(north.name, name, (box.x + 16, north.bottom), (box.x + 16, box.y))
    return boxes


def _memory(drawing: Drawing, cube: str, grid: Grid, routers: dict[At, Box], words: str) -> None:
    """A line from each router beside its column down to the crossbar; upper rows on the outside, so that none cross."""
    xbar_y, hbm_y = _bars(grid)
    xbar = drawing.node(f"{cube}.xbar", (0, xbar_y), (grid.right, BAR), "router")
    drawing.node(f"{cube}.hbm", (0, hbm_y), (grid.right, BAR), "memory", words)
    for at, box in routers.items():
        x = grid.gutter[at.x] + STEP * (grid.mesh.rows - 1 - at.y)
        y = box.bottom - STEP
        drawing.join(box.name, xbar.name, (box.right, y), (x, y), (x, xbar_y))
    middle = xbar.middle[0]
    drawing.join(xbar.name, f"{cube}.hbm", (middle, xbar.bottom), (middle, hbm_y))


def _control(drawing: Drawing, cube: str, router: Box) -> None:
    x, y = router.x - BAND - PORT[0], router.y - BAND - PORT[1]
    box = drawing.node(f"{cube}.m_cpu", (x, y), PORT, "control")
    turn = router.x + 8
    drawing.join(router.name, box.name, (turn, router.y), (turn, box.middle[1]), (box.right, box.middle[1]))


def _ports(drawing: Drawing, cube: str, grid: Grid, routers: dict[At, Box], there: set[str]) -> None:
    for side in "NESW":
        name = f"{cube}.ucie.{side}"
        if name not in there:
            continue
        router = routers[port_router(side, grid.mesh)]
        corner = {
            "N": (router.x + 20, router.y - BAND - PORT[1]),
            "S": (router.x - 16, grid.bottom + PE_GAP),
            "W": (router.x - BAND - PORT[0], router.y + 3),
            "E": (grid.right + BAND, router.y + 3),
        }[side]
        box = drawing.node(name, corner, PORT, "port", f"ucie.{side}")
        drawing.join(router.name, name, *_straight(router, box))


def _straight(router: Box, port: Box) -> tuple[Point, Point]:
    """The shortest line between a router and a port above, below or beside it."""
    x, y = port.middle
    if port.bottom <= router.y:
        return (x, router.y), (x, port.bottom)
    if router.bottom <= port.y:
        return (x, router.bottom), (x, port.y)
    return ((router.x, y), (port.right, y)) if port.right <= router.x else ((router.right, y), (port.x, y))


def _draw_pes(drawing: Drawing, router: Box, top: int, pes: list[Pe]) -> None:
    """Below each other beside the lines from the router; the highest takes the rightmost lines, so that none cross."""
    y = top + ROUTER_HEIGHT + PE_GAP
    turn = router.right - PE_GAP
    for pe in pes:
        x = router.right + PE_GAP
        drawing.sheet.frame(pe.name, (x, y), pe.size)
        drawing.sheet.note(pe.name.rpartition(".")[2], (x + STEP + STEP, y + 15))
        for number, name in enumerate(pe.on_noc):
            box = drawing.node(name, _part(x, y, 0, number), PART, "engine")
            drawing.join(router.name, name, (turn, router.bottom), (turn, box.middle[1]), (box.x, box.middle[1]))
            turn -= STEP
        for number, name in enumerate(pe.inside):
            drawing.node(name, _part(x, y, 1 + number % 2, number // 2), PART, "engine")
        y += pe.size[1] + PE_GAP


def _part(x: int, y: int, column: int, row: int) -> Point:
    return x + STEP + column * (PART[0] + STEP), y + PE_HEAD + row * (PART[1] + STEP)
