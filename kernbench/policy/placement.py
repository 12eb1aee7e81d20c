"""Placements: which slices of a SIP's memory hold which bytes of a tensor."""

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeAlias

import msgspec

from kernbench.common.errors import UsageError

GRANULE = 4096
"""Bytes that stay together when a tensor is interleaved: the size of a DRAM page pair, and of a usual OS page."""


Piece: TypeAlias = tuple[int, int, int]
"""A contiguous part of a range: the number of its slice, its offset there, its length."""


Near: TypeAlias = tuple[int, int]
"""Where an access comes from: a cube, and the number of a PE in it."""


class Geometry(msgspec.Struct, frozen=True):
    """The memory of one SIP: cubes, slices in each, bytes in each slice."""

    cubes: int
    slices_per_cube: int
    slice_bytes: int

    @property
    def slices(self) -> int:
        """Slices of the whole SIP."""
        return self.cubes * self.slices_per_cube


class Placement(Protocol):
    """Maps offsets in a tensor to slices."""

    def reserve(self, size: int, geometry: Geometry) -> dict[int, int]:
        """Bytes that a tensor of `size` takes in each slice number it uses."""

    def pieces(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """The pieces of a range of the tensor, in order of address."""


class Local(msgspec.Struct, frozen=True):
    """All bytes in one slice of one cube."""

    cube: int = 0
    slice: int = 0

    def reserve(self, size: int, geometry: Geometry) -> dict[int, int]:
        """Take all from the one slice."""
        if not (0 <= self.cube < geometry.cubes and 0 <= self.slice < geometry.slices_per_cube):
            raise UsageError(
                f"Local(cube={self.cube}, slice={self.slice}): there are cubes 0 to {geometry.cubes - 1} "
                f"with slices 0 to {geometry.slices_per_cube - 1}"
            )
        return {self.cube * geometry.slices_per_cube + self.slice: -(-size // GRANULE) * GRANULE}

    def pieces(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """The one piece."""
        number = self.cube * geometry.slices_per_cube + self.slice
        return ((number, offsets[number] + start, size),)


class Interleaved(msgspec.Struct, frozen=True):
    """Granule i in slice i mod n, counting the slices of the SIP in cube-major order."""

    granule: int = GRANULE

    def reserve(self, size: int, geometry: Geometry) -> dict[int, int]:
        """Take the same from every slice, so that offsets stay aligned."""
        rows = -(-size // (self.granule * geometry.slices))
        return dict.fromkeys(range(geometry.slices), rows * self.granule)

    def pieces(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """A piece per granule touched."""
        granule, slices = self.granule, geometry.slices
        unit, within = divmod(start, granule)
        if within + size <= granule:
            row, number = divmod(unit, slices)
            return ((number, offsets[number] + row * granule + within, size),)
        return self._several(start, size, offsets, slices)

    def _several(self, start: int, size: int, offsets: tuple[int, ...], slices: int) -> Iterator[Piece]:
        granule, end = self.granule, start + size
        while start < end:
            unit, within = divmod(start, granule)
            row, number = divmod(unit, slices)
            length = min(granule - within, end - start)
            yield number, offsets[number] + row * granule + within, length
            start += length
