"""Where weights lie on a SIP: a part of the rows in each cube, or a copy in each; and which PEs then make what."""

from collections.abc import Callable
from fractions import Fraction
from typing import Protocol

from kernbench.policy.placement import Placement
from kernbench.policy.sharding import Replicated
from kernbench.runtime_api.parallel.pe_grid import PeGrid

NEAR, CROSSING = 3, 5
"""Links from the memory of a PE's own cube to the PE, and those that each cube boundary on the way adds."""


class WeightLayout(Protocol):
    """Where weights lie, and what follows from it for a product of activations and a weight."""

    def describe(self) -> str:
        """Where they lie, in a few words."""

    def placement(self, rows: int, row_bytes: int) -> Placement:
        """Where a weight of `rows` outputs lies."""

    def placed(self, down: int, across: int) -> tuple[str, ...]:
        """The PEs for `down` x `across` programs, row by row."""

    def links(self, down: int, across: int) -> tuple[Fraction, Fraction]:
        """Links that a byte of the activations and one of the weight pass on the mean, for so many programs."""


class Divided:
    """A part of its rows in each cube, cubes column by column: programs of a column of the package find theirs near."""

    def __init__(self, grid: PeGrid) -> None:
        self._grid = grid

    def describe(self) -> str:
        """Where they lie, in a few words."""
        return f"a part of the rows in each of {self._grid.cubes} cubes"

    def placement(self, rows: int, row_bytes: int) -> Placement:
        """Parts of its rows, cubes column by column."""
        return self._grid.weights(rows, row_bytes)

    def placed(self, down: int, across: int) -> tuple[str, ...]:
        """A rectangle of programs in each cube, if they come out even."""
        return self._grid.placed(down, across)

    def links(self, down: int, across: int) -> tuple[Fraction, Fraction]:
        """Both operands come along one side of the package if the programs form a rectangle on it."""
        wide, high = self._grid.mesh
        if down == 1:
            return _links(wide, high), _links()
        if self._grid.even(down, across):
            return _links(wide), _links(high)
        return _links(wide, high), _links(wide, high)


class Copied:
    """A copy in each cube: no weight crosses a cube's boundary, nor do activations if each cube makes its own rows."""

    def __init__(self, grid: PeGrid) -> None:
        self._grid = grid

    def describe(self) -> str:
        """Where they lie, in a few words."""
        return f"a copy in each of {self._grid.cubes} cubes"

    def placement(self, rows: int, row_bytes: int) -> Placement:  # noqa: ARG002
        """A whole copy in every cube."""
        return Replicated(tuple(range(self._grid.cubes)))

    def placed(self, down: int, across: int) -> tuple[str, ...]:
        """The rows of programs that a cube has the activations of go to that cube."""
        return self._grid.pes if self._own_rows(down, across) else self._grid.placed(down, across)

    def links(self, down: int, across: int) -> tuple[Fraction, Fraction]:
        """Weights are near."""
        wide, high = self._grid.mesh
        if self._own_rows(down, across):
            return _links(), _links()
        return _links(wide) if self._grid.even(down, across) else _links(wide, high), _links()

    def _own_rows(self, down: int, across: int) -> bool:
        return down % self._grid.cubes == 0 and down * across == len(self._grid.pes)


def _links(*extents: int) -> Fraction:
    """Links from memory anywhere along these sides of the mesh: two of n places are (n^2 - 1) / 3n apart on the mean."""
    return NEAR + CROSSING * sum((Fraction(extent**2 - 1, 3 * extent) for extent in extents), Fraction(0))


LAYOUTS: dict[str, Callable[[PeGrid], WeightLayout]] = {"divided": Divided, "copied": Copied}


def copied_if_half_full(size: int) -> Callable[[PeGrid], WeightLayout]:
    """The layout of `size` bytes of weights: copies, unless they would fill more than half of a cube's memory."""
    return lambda grid: Copied(grid) if 2 * size <= grid.capacity else Divided(grid)
