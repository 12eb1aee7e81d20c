"""Products of matrices."""

from functools import cache
from typing import Any

import numpy as np

from kernbench.common.ops import Gemm, Value
from kernbench.triton_emu.block import Block, size_of
from kernbench.triton_emu.dtype import DType, bfloat16, float16, float32, float64, int1, int8, int32, uint8
from kernbench.triton_emu.numerics import Array, Function, rounding
from kernbench.triton_emu.program import current, site

__all__ = ["dot"]

_NARROW = (int8, uint8)
_WHOLE = (float32, bfloat16)
_RANKS = (2, 3)


def accumulator(left: DType) -> DType:
    """What a product of blocks accumulates in: float32 for floats (float64 for float64), int32 for integers."""
    return left if left is float64 else float32 if left.is_floating() else int32


def dot(
    input: Any,  # noqa: A002
    other: Any,
    acc: Any = None,
    input_precision: str | None = None,  # noqa: ARG001  # products are always whole float32 here
    allow_tf32: bool | None = None,  # noqa: ARG001
    max_num_imprecise_acc: int | None = None,  # noqa: ARG001
    out_dtype: DType | None = None,
    *,
    trans_a: bool = False,
    trans_b: bool = False,
) -> Block:
    """Multiply: input @ other (+ acc), accumulated in float32 (int32 for integers), as `out_dtype`.

    As in Triton `out_dtype` counts for float16 and fp8 only: integers give int32, float32 and bfloat16 float32.

    `trans_a` and `trans_b`, of Triton before 2.1, multiply by the transpose.

    On `pe_gemm`: M x N x K, once for each matrix of a batch. The order of accumulation is that of numpy's matmul over
    whole operands, the accumulator last.
    """
    for name, block in (("input", input), ("other", other), *((("acc", acc),) if acc is not None else ())):
        if not isinstance(block, Block) or len(block.shape) not in _RANKS:
            raise TypeError(f"tl.dot: {name} is a block of two axes, or three with a batch, got {block!r}")
    if trans_a:
        input = input.T  # noqa: A001  # Triton's name
    if trans_b:
        other = other.T
    _check(input, other)
    inner = accumulator(input.dtype)
    if out_dtype is bfloat16 and not input.dtype.is_int():
        raise TypeError("tl.dot: out_dtype=tl.bfloat16 does not exist; use .to(tl.bfloat16) on the product")
    if inner is not float32 or input.dtype in _WHOLE:
        outer = inner
    else:
        outer = out_dtype or (float16 if acc is not None and acc.dtype is float16 else inner)
    shape = (*input.shape[:-1], other.shape[-1])
    if acc is not None and (acc.shape != shape or acc.dtype is not outer):
        raise TypeError(f"tl.dot: acc is {acc!r}, the product {outer} {list(shape)}")
    program = current()
    operands = (input, other) if acc is None else (input, other, acc)
    inputs = tuple([block.stored() for block in operands])
    x_view, y_view, acc_view = input.lens, other.lens, None if acc is None else acc.lens
    reuse = (inputs[2],) if acc is not None and acc_view is None else ()
    multiply = multiplication(inner, outer)
    if x_view is y_view is acc_view is None:
        compute = multiply
    else:

        def compute(*arrays: Any) -> Any:
            left, right, *added = arrays
            return multiply(
                left if x_view is None else x_view(left),
                right if y_view is None else y_view(right),
                *[a if acc_view is None else acc_view(a) for a in added],
            )

    value = Value(size_of(shape) * outer.itemsize)
    batch = shape[0] if len(shape) == max(_RANKS) else 1
    program.submit(Gemm(site(), inputs, value, compute, reuse, (*shape[-2:], input.shape[-1]), batch))
    return Block(program, outer, shape, value)


def _check(x: Block, y: Block) -> None:
    same = x.dtype is y.dtype or (x.dtype.is_fp8() and y.dtype.is_fp8())
    if not same or len(x.shape) != len(y.shape) or x.shape[:-2] != y.shape[:-2] or x.shape[-1] != y.shape[-2]:
        raise TypeError(f"tl.dot: {x!r} and {y!r} do not multiply; same type, inner extents equal")
    if x.dtype is int1 or (x.dtype.is_int() and x.dtype not in _NARROW):
        raise TypeError(f"tl.dot: {x!r} does not multiply; integers have 8 bits, or use .to(tl.float32)")


@cache
def multiplication(inner: DType, outer: DType) -> Function:
    """Multiply: x @ y, plus an accumulator if there is one, in `inner`, as `outer`."""
    # numpy multiplies integers without BLAS; float64 holds their sums exactly.
    work = inner.numpy if inner.is_floating() else np.dtype(np.float64)
    exact, rounded = inner.numpy, rounding(outer)

    def apply(x: Array, y: Array, acc: Array | None = None) -> Any:
        with np.errstate(all="ignore"):
            product = np.matmul(x.astype(work, copy=False), y.astype(work, copy=False))
            if exact is not work:
                product = product.astype(np.int64).astype(exact)
            if acc is not None:
                product += acc.astype(exact, copy=False)
            return rounded(product)

    return apply
