"""Reductions: one element for each line of a block.

A sum, maximum or the like of n elements is one vector operation: n element passes (each element is folded once), plus
log2(min(span, lanes)) cycles in which lanes of one line fold into each other; with indices it passes twice. `reduce`
with a function of the kernel's own runs that function on halves, log2(span) times, as vector operations of its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.triton_emu import numerics
from kernbench.triton_emu.block import Block, make, size_of
from kernbench.triton_emu.creation import as_axis, as_block
from kernbench.triton_emu.dtype import DType, bfloat16, float32, float64, int1, int32, uint32
from kernbench.triton_emu.elementwise import exp, fdiv
from kernbench.triton_emu.index import Shape
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.program import current

__all__ = ["argmax", "argmin", "max", "min", "reduce", "reduce_or", "softmax", "sum", "xor_sum"]


def halving(operate: Callable[[Array, Array], Array]) -> Callable[[Array, int], Array]:
    """Fold the upper half on the lower (an odd last one is kept) until one is left."""

    def fold(array: Array, axis: int) -> Array:
        rest = array if axis == 0 else np.moveaxis(array, axis, 0)
        while len(rest) > 1:
            half = len(rest) // 2
            folded = operate(rest[:half], rest[half : 2 * half])
            rest = np.concatenate([folded, rest[2 * half :]]) if len(rest) % 2 else folded
        out: Array = rest[0]
        return out

    return fold


def _unordered(function: np.ufunc) -> Callable[[Array, int], Any]:
    return lambda array, axis: function.reduce(array, axis=axis)


FOLDS: dict[str, Callable[[Array, int], Any]] = {
    "sum": halving(np.add),
    "max": _unordered(np.fmax),
    "min": _unordered(np.fmin),
    "xor_sum": _unordered(np.bitwise_xor),
    "reduce_or": _unordered(np.bitwise_or),
}


_OF_BITS = ("xor_sum", "reduce_or")


def fold_types(name: str, source: DType) -> tuple[DType, DType]:
    """(accumulation, result) of a fold as in Triton: sums of floats and folds of bits keep their type, the rest widens."""
    if source.is_floating():
        wide = float64 if source is float64 else float32
        return wide, source if name == "sum" else wide
    if source.itemsize >= int32.itemsize or name in _OF_BITS:
        return source, source
    wide = uint32 if name == "sum" and source.is_int_unsigned() else int32
    return wide, wide


def kept_types(source: DType) -> tuple[DType, DType]:
    """(accumulation, result) where the result has a given type: floats are accumulated in float32 all the same."""
    return (float32 if source.is_floating() and source is not float64 else source), source


def sum(input: Any, axis: int | None = None, keep_dims: bool = False, dtype: DType | None = None) -> Any:  # noqa: A001, A002
    """Sums along `axis`, or of all: halves added to halves, in float32 (integers in 32 bits or more)."""
    block = as_block("sum", input)
    if dtype is None:
        return _fold("sum", block, axis, keep_dims, fold_types("sum", block.dtype))
    return _fold("xor_sum" if dtype is int1 else "sum", block.to(dtype), axis, keep_dims, kept_types(dtype))


def max(  # noqa: A001
    input: Any,  # noqa: A002
    axis: int | None = None,
    return_indices: bool = False,
    return_indices_tie_break_left: bool = True,
    keep_dims: bool = False,
) -> Any:
    """Maxima along `axis`, or of all; with `return_indices` the places of them too. A NaN loses."""
    if return_indices:
        return _with_indices("max", input, axis, keep_dims, return_indices_tie_break_left)
    block = as_block("max", input)
    return _fold("max", block, axis, keep_dims, fold_types("max", block.dtype))


def min(  # noqa: A001
    input: Any,  # noqa: A002
    axis: int | None = None,
    return_indices: bool = False,
    return_indices_tie_break_left: bool = True,
    keep_dims: bool = False,
) -> Any:
    """Minima along `axis`, or of all; with `return_indices` the places of them too. A NaN loses."""
    if return_indices:
        return _with_indices("min", input, axis, keep_dims, return_indices_tie_break_left)
    block = as_block("min", input)
    return _fold("min", block, axis, keep_dims, fold_types("min", block.dtype))


def argmax(input: Any, axis: int | None, tie_break_left: bool = True, keep_dims: bool = False) -> Any:  # noqa: A002
    """Places of the maxima along `axis`; of equals the first. A NaN loses."""
    return _with_indices("max", input, axis, keep_dims, tie_break_left)[1]


def argmin(input: Any, axis: int | None, tie_break_left: bool = True, keep_dims: bool = False) -> Any:  # noqa: A002
    """Places of the minima along `axis`; of equals the first. A NaN loses."""
    return _with_indices("min", input, axis, keep_dims, tie_break_left)[1]


def xor_sum(input: Any, axis: int | None = None, keep_dims: bool = False) -> Any:  # noqa: A002
    """Bitwise exclusive or along `axis`, or of all."""
    return _bits("xor_sum", input, axis, keep_dims)


def reduce_or(input: Any, axis: int, keep_dims: bool = False) -> Any:  # noqa: A002
    """Bitwise or along `axis`."""
    return _bits("reduce_or", input, axis, keep_dims)


def softmax(x: Any, dim: int | None = None, keep_dims: bool = False, ieee_rounding: bool = False) -> Any:  # noqa: ARG001
    """exp(x - max) over its sum, along `dim` (0 unless said): a maximum, exp, a sum and a division."""
    along = 0 if dim is None else dim
    powers = exp(x - max(x, along, keep_dims=True))
    return fdiv(powers, sum(powers, along, keep_dims=True), ieee_rounding)


def reduce(input: Any, axis: int | None, combine_fn: Callable[..., Any], keep_dims: bool = False) -> Any:  # noqa: A002
    """Fold a block, or several together, along `axis` with `combine_fn(left..., right...)`: the upper half on the lower."""
    several = isinstance(input, tuple | list)
    blocks = together("reduce", input)
    shape = blocks[0].shape
    if axis is None:
        blocks = [block.reshaped((size_of(shape),)) for block in blocks]
    along = 0 if axis is None else as_axis("reduce", axis, len(shape))
    while (extent := blocks[0].shape[along]) > 1:
        half = extent // 2
        lower = [piece(block, along, 0, half) for block in blocks]
        upper = [piece(block, along, half, 2 * half) for block in blocks]
        folded = outcomes("reduce", combine_fn(*lower, *upper), len(blocks))
        if extent % 2:
            raise ValueError(f"tl.reduce folds powers of two, got an axis of {shape[along]} elements")
        blocks = [as_block("reduce", each).to(block.dtype) for each, block in zip(folded, blocks, strict=True)]
    out = [_shaped(_without(block, along), shape, None if axis is None else along, keep_dims) for block in blocks]
    return tuple(out) if several else out[0]


def together(name: str, input: Any) -> list[Block]:  # noqa: A002
    """The block, or the several of one shape, that a function of the kernel's own combines."""
    blocks = [as_block(name, each) for each in (input if isinstance(input, tuple | list) else (input,))]
    if any(block.shape != blocks[0].shape for block in blocks):
        raise ValueError(
            f"tl.{name}: the blocks have shapes {[list(block.shape) for block in blocks]}; make them equal"
        )
    return blocks


def outcomes(name: str, made: Any, count: int) -> list[Any]:
    """What a function of the kernel's own makes of two times `count` blocks: one for each of them."""
    found = list(made) if isinstance(made, tuple | list) else [made]
    if len(found) != count:
        raise ValueError(f"tl.{name}: combine_fn returned {len(found)} blocks of {count}; return one for each input")
    return found


def piece(block: Block, axis: int, low: int, high: int) -> Block:
    """The elements from `low` up to `high` of an axis, as a view."""
    at = (slice(None),) * axis + (slice(low, high),)
    shape = (*block.shape[:axis], high - low, *block.shape[axis + 1 :])
    return block.seen(lambda array: array[at], shape)


def _without(block: Block, axis: int) -> Block:
    return block.reshaped((*block.shape[:axis], *block.shape[axis + 1 :]))


def _bits(name: str, input: Any, axis: int | None, keep_dims: bool) -> Any:  # noqa: A002
    block = as_block(name, input)
    if block.dtype.is_floating():
        raise TypeError(f"tl.{name} takes integers, got {block.dtype}")
    return _fold(name, block, axis, keep_dims, fold_types(name, block.dtype))


def _fold(name: str, x: Block, axis: int | None, keep_dims: bool, types: tuple[DType, DType]) -> Block:
    work, dtype = types
    function, inner, outer = FOLDS[name], work.numpy, numerics.rounding(dtype)
    along = None if axis is None else as_axis(name, axis, len(x.shape))
    convert = numerics.cast(x.dtype, work)
    source, view = x.stored(), x.lens

    def fold(array: Any) -> Any:
        seen = array if view is None else view(array)
        if seen.dtype != inner:
            seen = convert(seen)
        with np.errstate(all="ignore"):
            out = function(seen.reshape(-1), 0) if along is None else function(seen, along)
            return outer(np.asarray(out))

    shape = x.shape
    less: Shape = () if along is None else (*shape[:along], *shape[along + 1 :])
    size = size_of(shape)
    program = x.program
    value = make(program, fold, (source,), less, dtype, "simple", (), size, size if along is None else shape[along])
    return _shaped(Block(program, dtype, less, value), shape, along, keep_dims)


def _shaped(out: Block, shape: Shape, along: int | None, keep_dims: bool) -> Block:
    if not keep_dims:
        return out
    return out.expand(along) if along is not None else out.broadcast((1,) * len(shape))


def _with_indices(
    name: str, source: Any, axis: int | None, keep_dims: bool, tie_break_left: bool
) -> tuple[Block, Block]:
    """One operation finds places, a second takes the elements there."""
    del tie_break_left  # the first of equals is one of those that the other mode may choose
    x = as_block(f"arg{name}", source)
    if x.dtype is bfloat16:
        x = x.to(float32)
    block = x.reshaped((size_of(x.shape),)) if axis is None else x
    along = 0 if axis is None else as_axis(f"arg{name}", axis, len(x.shape))
    less = (*block.shape[:along], *block.shape[along + 1 :])
    worst: Any = None
    if x.dtype.is_floating():
        worst = np.asarray(-np.inf if name == "max" else np.inf, np.float64 if x.dtype is float64 else np.float32)
    search = np.argmax if name == "max" else np.argmin
    storage, view = block.stored(), block.lens
    convert = numerics.cast(x.dtype, float32) if x.dtype in numerics.FOREIGN else None

    def find(array: Any) -> Any:
        seen = array if view is None else view(array)
        if worst is not None:
            seen = seen if convert is None else convert(seen)
            lost = np.isnan(seen)
            if lost.any():
                # A NaN is below even -inf: the places of numbers come first.
                best = search(np.where(lost, worst, seen), axis=along)
                first = np.argmin(lost, axis=along)
                taken = np.take_along_axis(lost, np.expand_dims(best, along), along).squeeze(along)
                return np.asarray(np.where(taken, first, best)).astype(np.int32)
        return np.asarray(search(seen, axis=along)).astype(np.int32)

    size, span = size_of(block.shape), block.shape[along]
    program = current()
    places = Block(program, int32, less, make(program, find, (storage,), less, int32, "simple", (), 2 * size, span))
    inputs = (storage, places.stored())

    def take(array: Any, at: Any) -> Any:
        seen = array if view is None else view(array)
        return np.take_along_axis(seen, np.expand_dims(at, along).astype(np.int64), along).squeeze(along)

    best = Block(program, x.dtype, less, make(program, take, inputs, less, x.dtype, "simple"))
    original = None if axis is None else along
    return _shaped(best, x.shape, original, keep_dims), _shaped(places, x.shape, original, keep_dims)
