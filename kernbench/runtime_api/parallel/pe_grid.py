"""The PEs of a SIP as the rectangle that they form on the package, and where tensors lie beside them."""

from collections.abc import Sequence
from math import isqrt

from kernbench.policy.placement import Interleaved, Placement
from kernbench.runtime_api.cubes import Beside


class PeGrid:
    """`rows` x `columns` PEs: the cubes' mesh times the most square arrangement of the PEs of a cube.

    A cube has `capacity` bytes of memory.
    A matrix of activations is cut by rows into a part for each cube, cubes row by row; a weight likewise, cubes column
    by column. So the PEs of a row of the package find the rows of their product near, those of a column its columns.
    """

    def __init__(self, pes: Sequence[str], cube_mesh: tuple[int, int], capacity: int) -> None:
        across, down = cube_mesh
        each = len(pes) // (across * down)
        inner = next(extent for extent in range(isqrt(each), 0, -1) if each % extent == 0)
        self.pes = tuple(pes)
        self.rows = down * inner
        self.columns = across * (each // inner)
        self.mesh = cube_mesh
        self.cubes = across * down
        self.capacity = capacity
        self._each = each

    def even(self, down: int, across: int) -> bool:
        """Whether `down` x `across` programs are one for each PE and a rectangle of them in each cube."""
        wide, high = self.mesh
        return not down % high and not across % wide and down * across == len(self.pes)

    def placed(self, down: int, across: int) -> tuple[str, ...]:
        """The PEs for `down` x `across` programs, row by row: a rectangle of them in each cube, if they come out even.

        One row of programs follows the parts of a weight, cubes column by column; otherwise the order is the PEs' own.
        """
        wide, high = self.mesh
        if down == 1:
            return tuple(pe for cube in self._cube_columns() for pe in self._of(cube))
        if not self.even(down, across):
            return self.pes
        tall, broad = down // high, across // wide
        return tuple(
            self._of(row // tall * wide + column // broad)[row % tall * broad + column % broad]
            for row in range(down)
            for column in range(across)
        )

    def _of(self, cube: int) -> tuple[str, ...]:
        return self.pes[cube * self._each : (cube + 1) * self._each]

    def _cube_columns(self) -> tuple[int, ...]:
        across, down = self.mesh
        return tuple(row * across + column for column in range(across) for row in range(down))

    def activations(self, rows: int, row_bytes: int) -> Placement:
        """Where a matrix of activations lies; one of few rows is spread over all memory."""
        return self._parts(tuple(range(self.cubes)), rows, row_bytes)

    def weights(self, rows: int, row_bytes: int) -> Placement:
        """Where a weight lies, a row for each output."""
        return self._parts(self._cube_columns(), rows, row_bytes)

    def _parts(self, cubes: tuple[int, ...], rows: int, row_bytes: int) -> Placement:
        if rows < len(cubes):
            return Interleaved()
        return Beside(cubes, -(-rows // len(cubes)) * row_bytes)
