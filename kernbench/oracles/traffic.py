"""Where packets go: the traffic patterns of a mesh, as chances of each destination for each source."""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random
from typing import NamedTuple, TypeAlias

from kernbench.common.errors import UsageError
from kernbench.common.units import exact
from kernbench.runtime_api.workload.content import content_of

MOST_WEIGHT = 10**9
"""The sum of all weights is a float, too."""
BYTES_A_WEIGHT = 64
"""Of a matrix: more is no matrix of this mesh."""


class Grid(NamedTuple):
    """A mesh of columns x rows nodes, numbered row by row."""

    columns: int
    rows: int

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return self.columns * self.rows

    def at(self, node: int) -> tuple[int, int]:
        """Column and row of a node."""
        return node % self.columns, node // self.columns

    def node(self, column: int, row: int) -> int:
        """The node at a place."""
        return row * self.columns + column


def parse_grid(text: str) -> Grid:
    """The mesh of `4x4` or `6x1`."""
    columns, _, rows = text.partition("x")
    if not (columns.isdecimal() and rows.isdecimal() and 1 <= int(columns) * int(rows) <= 4096):
        raise UsageError(f"--mesh {text}: expected columns x rows such as 4x4 or 6x1, at most 4096 nodes")
    return Grid(int(columns), int(rows))


Draw: TypeAlias = Callable[[Random], int]
"""Draws the destination of a source's next packet."""

Traffic: TypeAlias = Sequence[Draw | None]
"""For each source its destinations; None for one that sends nothing."""


def fixed(destination: int) -> Draw:
    """Send everything to one node."""
    return lambda _: destination


def weighted(weights: Sequence[float]) -> Draw | None:
    """Send to each node in proportion to its weight."""
    bounds = [*accumulate(weights)]
    total = bounds[-1]
    if total == 0:
        return None
    if min(weights) == max(weights):
        count = len(weights)
        return lambda random: int(random.random() * count)
    return lambda random: bisect_right(bounds, random.random() * total)


def parse_traffic(text: str, grid: Grid) -> Traffic:
    """The traffic of a pattern's name, `hotspot:10=3` (other nodes weigh 1) or `matrix:FILE`."""
    name, _, argument = text.partition(":")
    if name in _PARSED:
        return _PARSED[name](argument, grid)
    if name not in _PERMUTATIONS or argument:
        raise UsageError(f"--traffic {text}: expected {', '.join(PATTERNS)}")
    destination = _PERMUTATIONS[name]
    return [fixed(destination(grid, node)) for node in range(grid.nodes)]


def _uniform(argument: str, grid: Grid) -> Traffic:
    if argument:
        raise UsageError(f"--traffic uniform:{argument}: uniform takes nothing after it")
    return [weighted([1] * grid.nodes)] * grid.nodes


def _hotspot(argument: str, grid: Grid) -> Traffic:
    weights = [1.0] * grid.nodes
    for part in argument.split(","):
        node, _, weight = part.partition("=")
        try:
            hot, value = int(node), _weight(weight)
        except ValueError as error:
            raise UsageError(f"--traffic hotspot:{argument}: {error}; expected node=weight such as 10=3") from error
        if not 0 <= hot < grid.nodes:
            raise UsageError(f"--traffic hotspot:{argument}: expected a node of 0..{grid.nodes - 1}")
        weights[hot] = value
    return [weighted(weights)] * grid.nodes


def _matrix(argument: str, grid: Grid) -> Traffic:
    try:
        text = content_of(argument, BYTES_A_WEIGHT * grid.nodes**2).decode("utf-8")
    except UsageError as error:
        raise UsageError(f"--traffic matrix:{error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--traffic matrix:{argument}: the file cannot be read: it is no text") from error
    lines = [line.replace(",", " ").split() for line in text.splitlines()]
    try:
        rows = [[_weight(cell) for cell in line] for line in lines if line]
    except ValueError as error:
        raise UsageError(f"--traffic matrix:{argument}: {error}") from error
    count = grid.nodes
    if len(rows) != count or any(len(row) != count for row in rows):
        raise UsageError(
            f"--traffic matrix:{argument}: expected {count} rows (sources) of {count} weights >= 0, one a destination"
        )
    return [weighted(row) for row in rows]


def _weight(text: str) -> float:
    value = exact(text)
    if not 0 <= value <= MOST_WEIGHT:
        raise ValueError(f"expected a weight from 0 to {MOST_WEIGHT}, got {text!r}")
    return float(value)


def _transpose(grid: Grid, node: int) -> int:
    if grid.columns != grid.rows:
        raise UsageError(f"--traffic transpose: expected a square mesh, got {grid.columns}x{grid.rows}")
    column, row = grid.at(node)
    return grid.node(row, column)


def _neighbour(grid: Grid, node: int) -> int:
    """One further in each dimension, around the edge, as BookSim has it."""
    column, row = grid.at(node)
    return grid.node((column + 1) % grid.columns, (row + 1) % grid.rows)


def _tornado(grid: Grid, node: int) -> int:
    """Just short of half way round each dimension, as BookSim has it."""
    column, row = grid.at(node)
    columns, rows = grid.columns, grid.rows
    return grid.node((column + (columns + 1) // 2 - 1) % columns, (row + (rows + 1) // 2 - 1) % rows)


def _bitcomp(grid: Grid, node: int) -> int:
    _bits(grid, "bitcomp")
    return grid.nodes - 1 - node


def _shuffle(grid: Grid, node: int) -> int:
    bits = _bits(grid, "shuffle")
    return (node << 1 | node >> (bits - 1)) & (grid.nodes - 1) if bits else 0


def _bits(grid: Grid, name: str) -> int:
    if grid.nodes & (grid.nodes - 1):
        raise UsageError(f"--traffic {name}: expected a power of two of nodes, got {grid.nodes}")
    return grid.nodes.bit_length() - 1


_PERMUTATIONS: dict[str, Callable[[Grid, int], int]] = {
    "transpose": _transpose,
    "neighbour": _neighbour,
    "bitcomp": _bitcomp,
    "shuffle": _shuffle,
    "tornado": _tornado,
}
_PARSED: dict[str, Callable[[str, Grid], Traffic]] = {"uniform": _uniform, "hotspot": _hotspot, "matrix": _matrix}
PATTERNS = ("uniform", *_PERMUTATIONS, "hotspot:NODE=WEIGHT", "matrix:FILE")
