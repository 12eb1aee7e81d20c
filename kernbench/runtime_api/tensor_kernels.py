"""The kernels behind tensor operators, in the kernel language."""

from collections.abc import Callable
from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.triton_emu.dtype import float32, int1
from kernbench.triton_emu.jit import jit

BLOCK = 2048
"""Elements that a program handles at once: 8 KiB of fp32, half of a memory granule's two neighbours."""


def _tanh(x: Any) -> Any:
    return 2 * tl.sigmoid(2 * x) - 1


def total(a: Any, b: Any) -> Any:
    """The sum as torch has it: of bool the disjunction, where a kernel's own sum wraps in one bit."""
    return a | b if all(getattr(each, "dtype", None) is int1 for each in (a, b)) else a + b


UNARY: dict[str, Callable[..., Any]] = {
    "copy": lambda x: x,
    "neg": lambda x: 0 - x,
    "abs": tl.abs,
    "exp": tl.exp,
    "log": tl.log,
    "sqrt": tl.sqrt,
    "rsqrt": lambda x: 1.0 / tl.sqrt(x),
    "sigmoid": tl.sigmoid,
    "tanh": _tanh,
    "relu": lambda x: tl.maximum(x, 0),
    "silu": lambda x: x * tl.sigmoid(x),
    "square": lambda x: x * x,
    "reciprocal": lambda x: 1.0 / x,
}
BINARY: dict[str, Callable[..., Any]] = {
    "add": total,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": tl.maximum,
    "minimum": tl.minimum,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def place(offsets: Any, view: Any) -> Any:
    """Where the elements with these numbers lie in a view; None stands for side by side."""
    if view is None:
        return offsets
    shape, strides = view
    at = None
    for axis in reversed(range(len(shape))):
        inner = 1
        for extent in shape[axis + 1 :]:
            inner *= extent
        if not strides[axis] or shape[axis] == 1:
            continue
        number = offsets if inner == 1 else offsets // inner
        if axis:
            number = number % shape[axis]
        at = number * strides[axis] if at is None else at + number * strides[axis]
    return offsets * 0 if at is None else at


@jit
def fill(out_ptr: Any, VALUE: tl.constexpr, COUNT: tl.constexpr, VIEW: tl.constexpr, SIZE: tl.constexpr) -> None:
    """Put one number everywhere."""
    offsets = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    value = tl.full((SIZE,), VALUE, out_ptr.dtype.element_ty)
    tl.store(out_ptr + place(offsets, VIEW), value, mask=offsets < COUNT)


@jit
def unary(
    out_ptr: Any,
    a_ptr: Any,
    COUNT: tl.constexpr,
    OP: tl.constexpr,
    TYPE: tl.constexpr,
    OUT: tl.constexpr,
    A: tl.constexpr,
    SIZE: tl.constexpr,
) -> None:
    """One operand, element by element, computed as TYPE."""
    offsets = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    mask = offsets < COUNT
    a = tl.load(a_ptr + place(offsets, A), mask=mask).to(TYPE)
    tl.store(out_ptr + place(offsets, OUT), UNARY[OP](a), mask=mask)


@jit
def binary(
    out_ptr: Any,
    a_ptr: Any,
    b_ptr: Any,
    COUNT: tl.constexpr,
    OP: tl.constexpr,
    TYPE: tl.constexpr,
    OUT: tl.constexpr,
    A: tl.constexpr,
    B: tl.constexpr,
    SIZE: tl.constexpr,
) -> None:
    """Two operands, element by element, computed as TYPE."""
    offsets = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    mask = offsets < COUNT
    a = tl.load(a_ptr + place(offsets, A), mask=mask).to(TYPE)
    b = tl.load(b_ptr + place(offsets, B), mask=mask).to(TYPE)
    tl.store(out_ptr + place(offsets, OUT), BINARY[OP](a, b), mask=mask)


@jit
def scaled(
    out_ptr: Any,
    a_ptr: Any,
    SCALAR: tl.constexpr,
    COUNT: tl.constexpr,
    OP: tl.constexpr,
    TYPE: tl.constexpr,
    OUT: tl.constexpr,
    A: tl.constexpr,
    SWAPPED: tl.constexpr,
    SIZE: tl.constexpr,
) -> None:
    """An operand and a number, element by element, computed as TYPE."""
    offsets = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    mask = offsets < COUNT
    a = tl.load(a_ptr + place(offsets, A), mask=mask).to(TYPE)
    made = BINARY[OP](SCALAR, a) if SWAPPED else BINARY[OP](a, SCALAR)
    tl.store(out_ptr + place(offsets, OUT), made, mask=mask)


@jit
def select(
    out_ptr: Any,
    c_ptr: Any,
    a_ptr: Any,
    b_ptr: Any,
    COUNT: tl.constexpr,
    C: tl.constexpr,
    A: tl.constexpr,
    B: tl.constexpr,
    SIZE: tl.constexpr,
) -> None:
    """Elements of a where c holds, else of b."""
    offsets = tl.program_id(0) * SIZE + tl.arange(0, SIZE)
    mask = offsets < COUNT
    kind = out_ptr.dtype.element_ty
    a = tl.load(a_ptr + place(offsets, A), mask=mask).to(kind)
    b = tl.load(b_ptr + place(offsets, B), mask=mask).to(kind)
    c = tl.load(c_ptr + place(offsets, C), mask=mask)
    tl.store(out_ptr + offsets, tl.where(c, a, b), mask=mask)


@jit
def reduce_rows(
    out_ptr: Any,
    a_ptr: Any,
    ROWS: tl.constexpr,
    COLUMNS: tl.constexpr,
    OP: tl.constexpr,
    TYPE: tl.constexpr,
    SIZE: tl.constexpr,
) -> None:
    """One program a row: sums, maxima or minima of its blocks, in order of address, then of the block."""
    row = tl.program_id(0)
    columns = tl.arange(0, SIZE)
    total: Any = None
    for start in range(0, COLUMNS, SIZE):
        mask = start + columns < COLUMNS
        block = tl.load(a_ptr + (row * COLUMNS + start + columns), mask=mask).to(TYPE)
        if OP != "sum" and start + SIZE > COLUMNS:
            # What is beyond the row must not win: the row's first element stands in.
            first = tl.load(a_ptr + (row * COLUMNS + columns * 0)).to(TYPE)
            block = tl.where(mask, block, first)
        total = block if total is None else (total + block if OP == "sum" else BINARY[OP](total, block))
    made = tl.sum(total, 0) if OP == "sum" else (tl.max(total, 0) if OP == "maximum" else tl.min(total, 0))
    tl.store(out_ptr + row, made)


@jit
def softmax_rows(out_ptr: Any, a_ptr: Any, COLUMNS: tl.constexpr, LOG: tl.constexpr, SIZE: tl.constexpr) -> None:
    """exp(x - max) / sum, one program a row, in float32."""
    row = tl.program_id(0)
    columns = tl.arange(0, SIZE)
    mask = columns < COLUMNS
    x = tl.load(a_ptr + (row * COLUMNS + columns), mask=mask, other=float("-inf")).to(float32)
    shifted = x - tl.max(x, 0)
    total = tl.sum(tl.exp(shifted), 0)
    made = shifted - tl.log(total) if LOG else tl.exp(shifted) / total
    tl.store(out_ptr + (row * COLUMNS + columns), made, mask=mask)


@jit
def matmul(
    c_ptr: Any,
    a_ptr: Any,
    b_ptr: Any,
    M: tl.constexpr,
    N: tl.constexpr,
    K: tl.constexpr,
    A: tl.constexpr,
    B: tl.constexpr,
    TILE: tl.constexpr,
) -> None:
    """One tile of a product of matrices (batch, row and column strides in A and B), accumulated in 32 bits."""
    number = tl.program_id(0)
    across = tl.cdiv(N, TILE)
    batch = tl.program_id(1)
    rows = number // across * TILE + tl.arange(0, TILE)
    columns = number % across * TILE + tl.arange(0, TILE)
    total: Any = None
    for start in range(0, K, TILE):
        inner = start + tl.arange(0, TILE)
        a = tl.load(
            a_ptr + (batch * A[0] + rows[:, None] * A[1] + inner[None, :] * A[2]),
            mask=(rows[:, None] < M) & (inner[None, :] < K),
        )
        b = tl.load(
            b_ptr + (batch * B[0] + inner[:, None] * B[1] + columns[None, :] * B[2]),
            mask=(inner[:, None] < K) & (columns[None, :] < N),
        )
        total = tl.dot(a, b) if total is None else tl.dot(a, b, total)
    where = batch * (M * N) + rows[:, None] * N + columns[None, :]
    tl.store(c_ptr + where, total.to(c_ptr.dtype.element_ty), mask=(rows[:, None] < M) & (columns[None, :] < N))


@jit
def add_own(total_ptr: Any, own_ptr: Any, COUNT: tl.constexpr, SHARES: tl.constexpr, SIZE: tl.constexpr) -> None:
    """Add blocks of the addend of this program's PE; SHARES has (which of its holder's PEs it is, how many they are)."""
    first, step = SHARES[int(tl.program_id(0))]
    for start in range(int(first) * SIZE, COUNT, int(step) * SIZE):
        at = start + tl.arange(0, SIZE)
        inside = at < COUNT
        tl.atomic_add(total_ptr + at, tl.load(own_ptr + at, mask=inside), mask=inside, sem="relaxed")
