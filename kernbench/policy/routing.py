"""Which way packets go: pure functions on coordinates and SIP numbers."""

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

IO_COLUMN: Final = -1
"""The IO chiplet lies west of column 0 and touches every row of cubes."""


class At(NamedTuple):
    """A position in a mesh: x counts columns to the east, y rows to the south."""

    x: int
    y: int


class Mesh(NamedTuple):
    """The size of a mesh, written `columns x rows`."""

    columns: int
    rows: int

    @property
    def size(self) -> int:
        """Number of positions."""
        return self.columns * self.rows

    def at(self, index: int) -> At:
        """The position of element `index` in row-major order."""
        return At(index % self.columns, index // self.columns)

    def number(self, at: At) -> int:
        """The row-major number of a position."""
        return at.y * self.columns + at.x

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"


def xy_path(src: At, dst: At) -> list[At]:
    """All positions from `src` to `dst`, both included: along the row first, then along the column."""
    step_x, step_y = (1 if dst.x > src.x else -1), (1 if dst.y > src.y else -1)
    row = [At(x, src.y) for x in range(src.x, dst.x, step_x)]
    column = [At(dst.x, y) for y in range(src.y, dst.y, step_y)]
    return [*row, *column, dst]


def chiplet_path(src: At | None, dst: At | None) -> list[At | None]:
    """The chiplets from `src` to `dst`; None is the IO chiplet, entered and left along the cube's own row."""
    if src is None and dst is None:
        return [None]
    if src is None:
        assert dst is not None
        return [None, *xy_path(At(0, dst.y), dst)]
    if dst is None:
        return [*xy_path(src, At(0, src.y)), None]
    return [*xy_path(src, dst)]


def side_towards(here: At, neighbour: At | None) -> str:
    """The side (N, E, S, W) of a cube that faces a neighbouring chiplet."""
    if neighbour is None or neighbour.x < here.x:
        return "W"
    if neighbour.x > here.x:
        return "E"
    return "N" if neighbour.y < here.y else "S"


def port_router(side: str, mesh: Mesh) -> At:
    """The router that the UCIe port of a side is attached to: the middle one (the later of two) of that side.

    The later of two matters: traffic along the column must not share it with the way out west, see `source_phase`.
    """
    middle = At(mesh.columns // 2, mesh.rows // 2)
    return {
        "W": At(0, middle.y),
        "E": At(mesh.columns - 1, middle.y),
        "N": At(middle.x, 0),
        "S": At(middle.x, mesh.rows - 1),
    }[side]


def source_phase(mesh: Mesh) -> str:
    """The phase of a packet inside the cube that it leaves.

    In a one-column mesh packets that head for E and W share the column with N-S transit traffic: in one lane that lets
    a column wait for a row, the turn that XY forbids. There the way to the first port is a phase of its own.
    """
    return "first" if mesh.columns == 1 and mesh.rows > 1 else "transit"


class Fabric(Protocol):
    """How SIPs are joined: each rule sees SIP numbers only."""

    def neighbours(self, sip: int, sips: int) -> list[int]:
        """The SIPs that `sip` has a link to, in order of number."""
        ...

    def toward(self, sip: int, destination: int, sips: int) -> int:
        """The neighbour to hand a packet to."""
        ...

    def phase(self, sip: int, destination: int, sips: int) -> str:
        """The phase on the link that leaves `sip`."""
        ...


class Ring:
    """A cycle of SIPs; the shorter way, ties clockwise (+1)."""

    def neighbours(self, sip: int, sips: int) -> list[int]:
        """Both sides; a ring of two has one link each way."""
        return sorted({(sip + 1) % sips, (sip - 1) % sips} - {sip})

    def toward(self, sip: int, destination: int, sips: int) -> int:
        """One step along the shorter way."""
        clockwise = (destination - sip) % sips
        return (sip + (1 if 2 * clockwise <= sips else -1)) % sips

    def phase(self, sip: int, destination: int, sips: int) -> str:
        """The dateline lies between the last SIP and SIP 0: d0 while it is still ahead, d1 once it is not.

        It depends on what is left of the way only, so a SIP needs no memory of where a packet came from. d1 never
        crosses the dateline and d0 never follows d1: neither closes the ring.
        """
        clockwise = self.toward(sip, destination, sips) == (sip + 1) % sips
        ahead = sip > destination if clockwise else sip < destination
        return "d0" if ahead else "d1"


class Full:
    """A link from each SIP to each other one."""

    def neighbours(self, sip: int, sips: int) -> list[int]:
        """All others."""
        return [other for other in range(sips) if other != sip]

    def toward(self, _sip: int, destination: int, _sips: int) -> int:
        """Straight there."""
        return destination

    def phase(self, _sip: int, _destination: int, _sips: int) -> str:
        """One link a route: nothing can be cyclic."""
        return "d0"


class Mesh2d:
    """SIPs on a grid with the most square factors, XY."""

    def neighbours(self, sip: int, sips: int) -> list[int]:
        """Up to four."""
        grid = most_square(sips)
        here = grid.at(sip)
        around = [At(here.x, here.y - 1), At(here.x - 1, here.y), At(here.x + 1, here.y), At(here.x, here.y + 1)]
        return [grid.number(at) for at in around if 0 <= at.x < grid.columns and 0 <= at.y < grid.rows]

    def toward(self, sip: int, destination: int, sips: int) -> int:
        """Along the row first."""
        grid = most_square(sips)
        return grid.number(xy_path(grid.at(sip), grid.at(destination))[1])

    def phase(self, _sip: int, _destination: int, _sips: int) -> str:
        """XY on a mesh is acyclic in one phase."""
        return "d0"


class Switch(Full):
    """Every SIP on one switch: as Full, over one shared uplink a SIP."""


FABRICS: Final[Mapping[str, Fabric]] = {"ring": Ring(), "full": Full(), "switch": Switch(), "mesh2d": Mesh2d()}


def most_square(count: int) -> Mesh:
    """The grid of `count` positions whose sides differ least, wider than high."""
    rows = max(rows for rows in range(1, int(count**0.5) + 1) if count % rows == 0)
    return Mesh(count // rows, rows)


def sip_path(kind: str, src: int, dst: int, sips: int) -> list[int]:
    """The SIPs from `src` to `dst`, both included."""
    path = [src]
    while path[-1] != dst:
        path.append(FABRICS[kind].toward(path[-1], dst, sips))
    return path
