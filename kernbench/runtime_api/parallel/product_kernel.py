"""The kernel of a product of matrices, cut as a Tiling says."""

from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.runtime_api.parallel.tiling import cut
from kernbench.triton_emu.dtype import float32
from kernbench.triton_emu.jit import jit


def within(offsets: Any, last: int, extent: int) -> Any:
    """The mask of offsets below `extent`, None where the whole piece, up to `last`, is."""
    return None if last <= extent else offsets < extent


def both(rows: Any, columns: Any) -> Any:
    """The mask of a block from those of its rows and columns, either of which may be None."""
    if rows is None:
        return None if columns is None else columns[None, :]
    return rows[:, None] if columns is None else rows[:, None] & columns[None, :]


@jit
def product(
    c_ptr: Any,
    a_ptr: Any,
    b_ptr: Any,
    M: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    A: tl.constexpr,
    B: tl.constexpr,
    C: tl.constexpr,
    TILE: tl.constexpr,
) -> None:
    """C = A B, accumulated in float32; A, B and C are (row, column) strides in elements."""
    number, across = int(tl.program_id(0)), -(-N // TILE.wide)
    top, left = number // across * TILE.tall, number % across * TILE.wide
    bottom, right = min(top + TILE.tall, M), min(left + TILE.wide, N)
    for row in range(top, bottom, TILE.rows):
        highs = list(cut(row, min(row + TILE.rows, bottom), TILE.rows))
        for column in range(left, right, TILE.columns):
            wides = list(cut(column, min(column + TILE.columns, right), TILE.columns))
            totals: dict[tuple[int, int], Any] = {}
            for start, depth in cut(0, K, TILE.depth):
                inner = start + tl.arange(0, depth)
                deep = within(inner, start + depth, K)
                lefts = []
                for first, size in highs:
                    rows = first + tl.arange(0, size)
                    mask = both(within(rows, first + size, bottom), deep)
                    lefts.append(tl.load(a_ptr + (rows[:, None] * A[0] + inner[None, :] * A[1]), mask=mask))
                for j, (first, size) in enumerate(wides):
                    columns = first + tl.arange(0, size)
                    mask = both(deep, within(columns, first + size, right))
                    b = tl.load(b_ptr + (inner[:, None] * B[0] + columns[None, :] * B[1]), mask=mask)
                    for i, a in enumerate(lefts):
                        totals[i, j] = tl.dot(a, b, totals.pop((i, j), None), out_dtype=float32)
                    del a, b
                del lefts
            for j, (first, size) in enumerate(wides):
                columns = first + tl.arange(0, size)
                narrow = within(columns, first + size, right)
                for i, (upper, height) in enumerate(highs):
                    rows = upper + tl.arange(0, height)
                    total = totals.pop((i, j))
                    place = c_ptr + (rows[:, None] * C[0] + columns[None, :] * C[1])
                    mask = both(within(rows, upper + height, bottom), narrow)
                    tl.store(place, total.to(c_ptr.dtype.element_ty), mask=mask)
                    del total
