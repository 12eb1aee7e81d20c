"""Products of microscaled matrices: narrow floats whose every 32 along the inner axis share a power of two."""

from typing import Any, NamedTuple

import numpy as np

from kernbench.common.ops import Gemm, Value
from kernbench.triton_emu.block import Block, size_of
from kernbench.triton_emu.dtype import DType, bfloat16, float8e4nv, float8e5, float16, float32, uint8
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.product import multiplication
from kernbench.triton_emu.program import current, site

__all__ = ["dot_scaled"]

_GROUP = 32
_BIAS = 127
_NO_NUMBER = 255
_FOUR_BITS = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6], np.float32)
_FORMATS: dict[str, tuple[DType, ...]] = {
    "e2m1": (uint8,), "e4m3": (float8e4nv, uint8), "e5m2": (float8e5, uint8), "bf16": (bfloat16,), "fp16": (float16,),
}  # fmt: skip
_BYTES = {"e4m3": float8e4nv.numpy, "e5m2": float8e5.numpy}


class _Operand(NamedTuple):
    """One side of the product: which axis is the inner one, and whether two elements share a byte along it."""

    block: Block
    scale: Block | None
    format: str
    inner: int
    packed: bool


def dot_scaled(
    lhs: Any,
    lhs_scale: Any,
    lhs_format: str,
    rhs: Any,
    rhs_scale: Any,
    rhs_format: str,
    acc: Any = None,
    fast_math: bool = False,  # noqa: ARG001  # products are always whole float32 here
    lhs_k_pack: bool = True,
    rhs_k_pack: bool = True,
    out_dtype: DType = float32,
) -> Block:
    """Multiply microscaled blocks: lhs (M x K) by rhs (K x N), scales (M x K/32, N x K/32) as exponents of uint8.

    Two e2m1 elements share a byte along K. On `pe_gemm` it costs what `dot` of its extents does.
    """
    left = _operand("lhs", lhs, lhs_scale, lhs_format, 1, k_pack=lhs_k_pack)
    right = _operand("rhs", rhs, rhs_scale, rhs_format, 0, k_pack=rhs_k_pack)
    rows, depth = _extents(left)
    columns, other = _extents(right)
    if depth != other:
        raise TypeError(f"tl.dot_scaled: {lhs!r} and {rhs!r} do not multiply; inner extents {depth} and {other}")
    if acc is not None and (not isinstance(acc, Block) or acc.shape != (rows, columns)):
        raise TypeError(f"tl.dot_scaled: acc is {acc!r}, the product has shape {[rows, columns]}")
    parts = [each for side in (left, right) for each in (side.block, side.scale) if each is not None]
    operands = [*parts, *([] if acc is None else [acc])]
    views = [each.lens for each in operands]
    multiply = multiplication(float32, out_dtype)

    def compute(*arrays: Array) -> Any:
        seen = iter([array if view is None else view(array) for array, view in zip(arrays, views, strict=True)])
        sides = [_decoded(side, next(seen), None if side.scale is None else next(seen)) for side in (left, right)]
        return multiply(*sides, *seen)

    value = Value(size_of((rows, columns)) * out_dtype.itemsize)
    inputs = tuple(each.stored() for each in operands)
    reuse = () if acc is None or acc.lens is not None else (inputs[-1],)
    program = current()
    program.submit(Gemm(site(), inputs, value, compute, reuse, (rows, columns, depth)))
    return Block(program, out_dtype, (rows, columns), value)


def _operand(name: str, block: Any, scale: Any, kind: str, inner: int, *, k_pack: bool) -> _Operand:
    if kind not in _FORMATS:
        raise ValueError(f"tl.dot_scaled: the format of {name} is one of {', '.join(_FORMATS)}, got {kind!r}")
    if not isinstance(block, Block) or len(block.shape) != 2 or block.dtype not in _FORMATS[kind]:
        raise TypeError(f"tl.dot_scaled: {name} is a block of two axes of {_FORMATS[kind][0]}, got {block!r}")
    if kind == "e2m1" and not k_pack:
        raise ValueError(f"tl.dot_scaled: {name} has two elements a byte along K; {name}_k_pack=False is unsupported")
    made = _Operand(block, scale, kind, inner, kind == "e2m1")
    outer, depth = _extents(made)
    if scale is not None and (not isinstance(scale, Block) or scale.shape != (outer, depth // _GROUP)):
        raise TypeError(f"tl.dot_scaled: the scale of {name} is a block {[outer, depth // _GROUP]}, got {scale!r}")
    return made


def _extents(side: _Operand) -> tuple[int, int]:
    """(outer, inner) in elements."""
    return side.block.shape[1 - side.inner], side.block.shape[side.inner] * (2 if side.packed else 1)


def _decoded(side: _Operand, array: Array, scale: Array | None) -> Array:
    """The operand in float32."""
    if side.packed:
        pairs = np.stack((array & 0xF, array >> 4), axis=side.inner + 1)
        shape = [array.shape[0], array.shape[1]]
        shape[side.inner] *= 2
        values = _FOUR_BITS[pairs].reshape(shape)
    else:
        raw = _BYTES.get(side.format)
        values = (array.view(raw) if raw is not None and array.dtype == np.uint8 else array).astype(np.float32)
    if scale is None:
        return values
    exponents = scale.view(np.uint8).astype(np.int32)
    factors = np.where(exponents == _NO_NUMBER, np.float32(np.nan), np.ldexp(np.float32(1), exponents - _BIAS))
    spread = np.repeat(factors, _GROUP, axis=1).astype(np.float32)
    scaled: Array = values * (spread if side.inner == 1 else spread.T)
    return scaled
