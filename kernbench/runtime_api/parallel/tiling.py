"""How a product of matrices is cut over PEs and their scratchpads, chosen by a closed form of its time and bytes."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import lru_cache

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.units import format_size

GRAIN = 32
"""Extents are cut into powers of two from here up: the side of the default systolic array."""
STEP = 8
"""A program's share of an extent is a multiple of it: 16 B of the narrowest usual type."""
MOST_DEPTH = 512
ACCUMULATOR = 4
"""Bytes of an element of an accumulator: float32."""
WAVES = 4
"""No more programs a PE are tried: more cost launches and gain no balance."""
NEAR = 8
"""Tilings within 1/8 of the least time are equal: then the network decides, by bytes times the links that they pass."""


class Array(msgspec.Struct, frozen=True):
    """What a PE offers to a product: the array's `rows` and `columns`, its clock (Hz), TCM for blocks, bytes/s of loads."""

    rows: int
    columns: int
    clock: int
    room: int
    load_bw: int


class Shape(msgspec.Struct, frozen=True):
    """A product [m, k] x [k, n] of elements of `itemsize` bytes."""

    m: int
    n: int
    k: int
    itemsize: int

    @property
    def flops(self) -> int:
        """2 m n k."""
        return 2 * self.m * self.n * self.k


class Tiling(msgspec.Struct, frozen=True):
    """A program makes `tall` x `wide` of the product in blocks of up to `rows` x `columns`, `depth` of k at a time."""

    tall: int
    wide: int
    rows: int
    columns: int
    depth: int

    def __str__(self) -> str:
        return f"{self.tall} x {self.wide}, blocks of {self.rows} x {self.columns} x {self.depth}"

    def programs(self, shape: Shape) -> tuple[int, int]:
        """Programs down and across."""
        return -(-shape.m // self.tall), -(-shape.n // self.wide)

    def blocks(self, shape: Shape) -> Iterator[tuple[int, int]]:
        """(rows, columns) inside the product of every block of every program."""
        for top in range(0, shape.m, self.tall):
            for left in range(0, shape.n, self.wide):
                bottom, right = min(top + self.tall, shape.m), min(left + self.wide, shape.n)
                for row in range(top, bottom, self.rows):
                    for column in range(left, right, self.columns):
                        yield min(self.rows, bottom - row), min(self.columns, right - column)

    def load_bytes(self, shape: Shape) -> int:
        """Bytes of both operands that all programs read: each block reads its rows and its columns once."""
        return sum(rows + columns for rows, columns in self.blocks(shape)) * shape.k * shape.itemsize

    def store_bytes(self, shape: Shape) -> int:
        """Bytes of the product."""
        return shape.m * shape.n * shape.itemsize

    def flops(self, shape: Shape) -> int:
        """What the arrays do: 2 m n k of every piece, the padding of a ragged edge to a power of two included."""
        depth = _padded(shape.k, self.depth)
        return sum(
            2 * _padded(rows, self.rows) * _padded(columns, self.columns) * depth
            for rows, columns in self.blocks(shape)
        )


def cut(begin: int, end: int, most: int) -> Iterator[tuple[int, int]]:
    """(start, size) of pieces that cover a range, sizes powers of two up to `most`; the last may reach beyond the end."""
    while begin < end:
        rest = -(-(end - begin) // GRAIN) * GRAIN if end - begin > GRAIN else end - begin
        size = 1 << (rest - 1).bit_length() if rest <= GRAIN else 1 << (rest.bit_length() - 1)
        size = min(size, most)
        yield begin, size
        begin += size


@lru_cache(maxsize=4096)
def _padded(extent: int, most: int) -> int:
    return sum(size for _, size in cut(0, extent, most))


Links = Callable[[int, int], tuple[Fraction, Fraction]]
"""Links that a byte of either operand passes, for so many programs down and across."""


def tiling(shape: Shape, pes: int, grid: tuple[int, int], array: Array, links: Links) -> Tiling:
    """The tiling whose bytes pass the fewest links among those of about the least time.

    It is for `pes` PEs in a `grid` of rows and columns. Time is waves of programs x the longer of loads and arithmetic
    of a whole program.
    """
    found: list[tuple[int, Fraction, int, Tiling]] = []
    for tall in _extents(shape.m, pes, grid[0]):
        for wide in _extents(shape.n, pes, grid[1]):
            count = -(-shape.m // tall) * -(-shape.n // wide)
            if count > WAVES * pes and found:
                continue
            for candidate in _candidates(tall, wide, shape, array):
                lefts, rights, cycles = _program(candidate, shape, array)
                time = -(-count // pes) * max((lefts + rights) * array.clock // array.load_bw, cycles)
                left, right = links(*candidate.programs(shape))
                found.append((time, count * (lefts * left + rights * right), count, candidate))
    if not found:
        raise UsageError(
            f"a product of {shape.m} x {shape.k} x {shape.n} does not fit the {format_size(array.room)} that a scratchpad "
            "has for blocks; raise sip.cube.pe.pe_tcm.capacity_bytes"
        )
    least = min(time for time, *_ in found)
    near = [each for each in found if each[0] * NEAR <= least * (NEAR + 1)]
    return min(near, key=lambda each: (each[1], each[0], each[2]))[3]


def _extents(extent: int, pes: int, side: int) -> list[int]:
    """What a program may have of an extent: shares of the grid's side, of all PEs and of powers of two of them."""
    shares = {side, pes, *(1 << power for power in range(12) if 1 << power <= WAVES * pes)}
    parts = {-(-extent // share) for share in shares}
    return sorted({min(extent, -(-part // STEP) * STEP) for part in parts}, reverse=True)


def _candidates(tall: int, wide: int, shape: Shape, array: Array) -> Iterator[Tiling]:
    for rows in _limits(tall):
        for columns in _limits(wide):
            high, across = _padded(min(rows, tall), rows), _padded(min(columns, wide), columns)
            room = array.room - high * across * ACCUMULATOR
            depth = room // ((high + across) * shape.itemsize)
            if depth >= 1 and (depth >= GRAIN or rows == columns == GRAIN):
                depth = min(1 << (depth.bit_length() - 1), MOST_DEPTH, 1 << (shape.k - 1).bit_length())
                yield Tiling(tall, wide, rows, columns, depth)


def _limits(extent: int) -> list[int]:
    """Sizes of blocks: the whole extent, and powers of two below."""
    whole = -(-extent // GRAIN) * GRAIN
    return [size for size in (whole, 512, 256, 128, 64, GRAIN) if size == whole or size < whole]


def _program(tile: Tiling, shape: Shape, array: Array) -> tuple[int, int, int]:
    """Bytes of either operand that a whole program loads, and cycles (output stationary: SCALE-Sim's form)."""
    lefts = rights = cycles = 0
    depth = shape.k + -(-shape.k // tile.depth) * (array.rows + array.columns - 2)
    for rows, down in _equal(tile.tall, tile.rows):
        for columns, across in _equal(tile.wide, tile.columns):
            lefts += down * across * rows * shape.k * shape.itemsize
            rights += down * across * columns * shape.k * shape.itemsize
            cycles += down * across * -(-rows // array.rows) * -(-columns // array.columns) * depth
    return lefts, rights, cycles


def _equal(extent: int, size: int) -> list[tuple[int, int]]:
    """(size, how many) of the pieces of an extent."""
    whole, rest = divmod(extent, size)
    return [pair for pair in ((size, whole), (rest, 1)) if all(pair)]
