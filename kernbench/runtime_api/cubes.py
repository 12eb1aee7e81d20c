"""Where the members of a team sit on a SIP, and the memory beside each of them."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from kernbench.common.errors import UsageError
from kernbench.policy.placement import GRANULE, Geometry, Piece


def places(pes: Sequence[str], mesh: tuple[int, int], members: int, channels: int) -> list[tuple[str, ...]]:
    """The PEs of each of a SIP's `members`, one a channel.

    One member sits in the first cube; up to a SIP's cubes sit in one each, neighbours in number in neighbouring cubes (a
    member for each cube closes the cycle, if the mesh has one); more share cubes.
    """
    by_cube: dict[str, list[str]] = {}
    for pe in pes:
        by_cube.setdefault(pe.rpartition(".")[0], []).append(pe)
    if not 1 <= members * channels <= len(pes):
        raise UsageError(f"{members} members of {channels} channels need as many PEs; a SIP has {len(pes)}")
    if members == 1:
        return [tuple(pes[:channels])]
    cubes = list(by_cube.values())
    route = [cubes[number] for number in cycle(*mesh)]
    if members <= len(cubes) and channels <= len(cubes[0]):
        return [tuple(cube[:channels]) for cube in route[:members]]
    flat = [pe for cube in route for pe in cube]
    return [tuple(flat[member * channels : (member + 1) * channels]) for member in range(members)]


def cycle(columns: int, rows: int) -> list[int]:
    """Cubes, row by row numbered, so that each is a neighbour of the next; the last of the first where that exists."""
    if rows % 2 and columns % 2 == 0:
        return [x * columns + y for y, x in (divmod(number, rows) for number in cycle(rows, columns))]
    if rows % 2 or columns == 1:
        return [
            row * columns + (column if row % 2 == 0 else columns - 1 - column)
            for row in range(rows)
            for column in range(columns)
        ]
    way = list(range(columns))
    for row in range(1, rows):
        across = range(columns - 1, 0, -1) if row % 2 else range(1, columns)
        way += [row * columns + column for column in across]
    return way + [row * columns for row in range(rows - 1, 0, -1)]


def cube_of(pe: str) -> int:
    """The number of a PE's cube: `cube05.pe1` is in 5."""
    return int(pe.partition(".")[0].removeprefix("cube"))


class Beside(msgspec.Struct, frozen=True):
    """A placement: part i of a tensor, `part` bytes, lies in cube `cubes[i]`, a granule to each slice in turn."""

    cubes: tuple[int, ...]
    part: int

    def _need(self, geometry: Geometry) -> int:
        """Bytes that a part takes in each slice of its cube."""
        return -(-self.part // (GRANULE * geometry.slices_per_cube)) * GRANULE

    def reserve(self, size: int, geometry: Geometry) -> dict[int, int]:
        """The same from every slice of each part's cube."""
        if size > self.part * len(self.cubes) or any(not 0 <= cube < geometry.cubes for cube in self.cubes):
            raise UsageError(f"{size} bytes in parts of {self.part} do not fit cubes {self.cubes}")
        needs: dict[int, int] = {}
        for cube in self.cubes:
            for piece in range(geometry.slices_per_cube):
                number = cube * geometry.slices_per_cube + piece
                needs[number] = needs.get(number, 0) + self._need(geometry)
        return needs

    def pieces(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterable[Piece]:
        """A piece per granule touched."""
        part, within = divmod(start, self.part)
        granule, at = divmod(within, GRANULE)
        if at + size <= GRANULE and within + size <= self.part:
            row, piece = divmod(granule, geometry.slices_per_cube)
            number = self.cubes[part] * geometry.slices_per_cube + piece
            return ((number, offsets[number] + self._before(part, geometry) + row * GRANULE + at, size),)
        return self._several(start, size, offsets, geometry)

    def _before(self, part: int, geometry: Geometry) -> int:
        """Bytes that earlier parts of the same cube take in each slice."""
        earlier = self.cubes[:part].count(self.cubes[part])
        return earlier and earlier * self._need(geometry)

    def _several(self, start: int, size: int, offsets: tuple[int, ...], geometry: Geometry) -> Iterator[Piece]:
        end = start + size
        while start < end:
            part, within = divmod(start, self.part)
            granule, at = divmod(within, GRANULE)
            row, piece = divmod(granule, geometry.slices_per_cube)
            number = self.cubes[part] * geometry.slices_per_cube + piece
            length = min(GRANULE - at, self.part - within, end - start)
            yield number, offsets[number] + self._before(part, geometry) + row * GRANULE + at, length
            start += length
