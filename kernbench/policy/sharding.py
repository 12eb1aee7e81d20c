"""Placements over cubes: each shard of a tensor contiguous in its cube, or a whole copy in each cube."""

from collections.abc import Iterable, Iterator

import msgspec

from kernbench.common.errors import UsageError
from kernbench.policy.placement import GRANULE, Geometry, Piece


def slices_of(cube: int, geometry: Geometry) -> range:
    """The numbers of a cube's slices."""
    return range(cube * geometry.slices_per_cube, (cube + 1) * geometry.slices_per_cube)


def need(size: int, geometry: Geometry) -> int:
    """Bytes that contiguous `size` bytes take in each slice of their cube: a granule to each slice in turn."""
    return -(-size // (GRANULE * geometry.slices_per_cube)) * GRANULE


def within_cube(
    cube: int, start: int, size: int, before: int, offsets: tuple[int, ...], geometry: Geometry
) -> Iterable[Piece]:
    """The pieces of a range of contiguous bytes that begin `before` bytes into what the tensor has of each slice."""
    each = geometry.slices_per_cube
    granule, at = divmod(start, GRANULE)
    if at + size <= GRANULE:
        row, piece = divmod(granule, each)
        number = cube * each + piece
        return ((number, offsets[number] + before + row * GRANULE + at, size),)
    return _several(cube * each, each, start, size, before, offsets)


def _several(first: int, each: int, start: int, size: int, before: int, offsets: tuple[int, ...]) -> Iterator[Piece]:
    """The same for a range of several granules; `first` is the number of the first of the `each` slices of its cube."""
    end = start + size
    while start < end:
        granule, at = divmod(start, GRANULE)
        row, piece = divmod(granule, each)
        length = min(GRANULE - at, end - start)
        yield first + piece, offsets[first + piece] + before + row * GRANULE + at, length
        start += length


def _checked(cubes: tuple[int, ...], geometry: Geometry) -> None:
    if not cubes or any(not 0 <= cube < geometry.cubes for cube in cubes):
        raise UsageError(f"a tensor is placed on cubes {cubes}; there are cubes 0 to {geometry.cubes - 1}")


class Sharded(msgspec.Struct, frozen=True):
    """Each of `rows` rows of `row` bytes is cut into parts of `part` bytes, the last of them shorter or empty.

    Part i of every row lies in cube `cubes[i]`, one after the other: a shard is contiguous.
    """

    cubes: tuple[int, ...]
    rows: int
    row: int
    part: int

    def _width(self, shard: int) -> int:
        """Bytes of a row in a shard."""
        return max(min(self.part, self.row - shard * self.part), 0)

    def _before(self, shard: int, geometry: Geometry) -> int:
        """Bytes that earlier shards of the same cube take in each slice."""
        cube = self.cubes[shard]
        earlier = (number for number in range(shard) if self.cubes[number] == cube)
        return sum(need(self.rows * self._width(number), geometry) for number in earlier)

    def reserve(self, size: int, geometry: Geometry) -> dict[int, int]:
        """The same from every slice of each shard's cube."""
        _checked(self.cubes, geometry)
        if self.part * len(self.cubes) < self.row or size > self.rows * self.row:
            raise UsageError(
                f"{self.rows} rows of {len(self.cubes)} parts of {self.part} bytes do not hold {size} bytes"
            )
        needs: dict[int, int] = {}
        for shard, cube in enumerate(self.cubes):
            for number in slices_of(cube, geometry):
                needs[number] = needs.get(number, 0) + need(self.rows * self._width(shard), geometry)
        return needs

    def pieces(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterator[Piece]:
        """A piece per granule touched; shards that share a cube lie one after the other, each from a granule on."""
        end = start + size
        while start < end:
            row, at = divmod(start, self.row)
            shard, within = divmod(at, self.part)
            width = self._width(shard)
            length = min(width - within, end - start)
            before = self._before(shard, geometry)
            yield from within_cube(self.cubes[shard], row * width + within, length, before, offsets, geometry)
            start += length


class Replicated(msgspec.Struct, frozen=True):
    """Each of `cubes` holds all bytes. A PE reads the copy of its cube, else the first; a write goes to every copy."""

    cubes: tuple[int, ...]

    def reserve(self, size: int, geometry: Geometry) -> dict[int, int]:
        """The same from every slice of each cube."""
        _checked(self.cubes, geometry)
        return {number: need(size, geometry) for cube in self.cubes for number in slices_of(cube, geometry)}

    def pieces(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """The pieces of the first copy."""
        return self.copy(self.cubes[0], start, size, offsets, geometry)

    def copy(self, cube: int, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """The pieces of the copy in a cube; of the first where it has none."""
        there = cube if cube in self.cubes else self.cubes[0]
        return within_cube(there, start, size, 0, offsets, geometry)
