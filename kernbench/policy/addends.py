"""A placement of what is yet to be summed: every cube, or every PE, has an addend of all bytes."""

from collections.abc import Iterable

import msgspec

from kernbench.policy.placement import Geometry, Near, Piece
from kernbench.policy.sharding import need, slices_of, within_cube

ALL = -1
"""In the place of a PE's number: all PEs of the cube share an addend."""


class Addends(msgspec.Struct, frozen=True):
    """Each of `holders`, (cube, PE in it or ALL), has `size` bytes: what a PE reads and writes is its own addend.

    A PE that holds none works on the first one. Addends of one cube lie one after the other.
    """

    holders: tuple[Near, ...]
    size: int

    def reserve(self, size: int, geometry: Geometry) -> dict[int, int]:
        """The same from every slice of each holder's cube."""
        needs: dict[int, int] = {}
        for cube, _ in self.holders:
            for number in slices_of(cube, geometry):
                needs[number] = needs.get(number, 0) + need(size, geometry)
        return needs

    def pieces(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """The pieces of the first addend."""
        return self._addend(0, start, size, offsets, geometry)

    def near(self, place: Near, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """The pieces of the addend of a PE at `place`."""
        cube, _ = place
        holder = next((each for each in (place, (cube, ALL)) if each in self.holders), self.holders[0])
        return self._addend(self.holders.index(holder), start, size, offsets, geometry)

    def _addend(
        self, number: int, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry
    ) -> Iterable[Piece]:
        cube = self.holders[number][0]
        earlier = sum(each == cube for each, _ in self.holders[:number])
        return within_cube(cube, start, size, earlier * need(self.size, geometry), offsets, geometry)
