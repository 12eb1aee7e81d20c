"""Prefix scans along an axis.

cumsum and cumprod are one vector operation of ceil(log2(span)) passes over the elements, as lanes scan in steps of 1,
2, 4, ...; their order of accumulation is left to right in float32 (integers in 32 bits or more). `associative_scan`
runs the kernel's own function in those steps, as vector operations of its own.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.triton_emu import numerics
from kernbench.triton_emu.block import Block, combined, make, size_of
from kernbench.triton_emu.creation import as_axis, as_block
from kernbench.triton_emu.dtype import DType, bfloat16, float32, int1
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.reduction import fold_types, kept_types, outcomes, piece, together
from kernbench.triton_emu.shaping import flip

__all__ = ["associative_scan", "cumprod", "cumsum"]


def cumsum(input: Any, axis: int = 0, reverse: bool = False, dtype: DType | None = None) -> Any:  # noqa: A002
    """Sums of the elements up to each place along `axis`, or from each place to the end."""
    block = as_block("cumsum", input)
    if dtype is not None:
        return _accumulated("cumsum", np.add, block.to(dtype), axis, reverse, kept_types(dtype))
    return _accumulated("cumsum", np.add, block, axis, reverse, _widened(fold_types("sum", block.dtype)))


def cumprod(input: Any, axis: int = 0, reverse: bool = False) -> Any:  # noqa: A002
    """Products of the elements up to each place along `axis`, or from each place to the end."""
    block = as_block("cumprod", input)
    return _accumulated("cumprod", np.multiply, block, axis, reverse, _widened(kept_types(block.dtype)))


def associative_scan(input: Any, axis: int, combine_fn: Callable[..., Any], reverse: bool = False) -> Any:  # noqa: A002
    """What `combine_fn(left..., right...)` makes of all elements up to each place along `axis`."""
    several = isinstance(input, tuple | list)
    blocks = together("associative_scan", input)
    along = as_axis("associative_scan", axis, len(blocks[0].shape))
    if reverse:
        blocks = [flip(block, along) for block in blocks]
    extent, step = blocks[0].shape[along], 1
    while step < extent:
        left = [piece(block, along, 0, extent - step) for block in blocks]
        right = [piece(block, along, step, extent) for block in blocks]
        later = outcomes("associative_scan", combine_fn(*left, *right), len(blocks))
        blocks = [
            _behind(piece(block, along, 0, step), new.to(block.dtype), along, block.shape)
            for block, new in zip(blocks, later, strict=True)
        ]
        step *= 2
    if reverse:
        blocks = [flip(block, along) for block in blocks]
    return tuple(blocks) if several else blocks[0]


def _behind(first: Block, rest: Block, axis: int, shape: tuple[int, ...]) -> Block:
    def together(a: Array, b: Array) -> Any:
        return np.concatenate((a, b), axis=axis)

    whole: Block = combined(together, (first, rest), first.dtype, shape, first.dtype, "simple")
    return whole


def _widened(types: tuple[DType, DType]) -> tuple[DType, DType]:
    """(accumulation, result) of a scan: as of a fold, but bfloat16 becomes float32."""
    work, dtype = types
    return work, float32 if dtype is bfloat16 else dtype


def _accumulated(name: str, function: Any, x: Block, axis: int, reverse: bool, types: tuple[DType, DType]) -> Block:
    along = as_axis(name, axis, len(x.shape))
    work, dtype = types
    if work is int1:
        function = numerics.IN_ONE_BIT.get(function, function)
    inner, outer = numerics.cast(x.dtype, work), numerics.cast(work, dtype)
    source, view = x.stored(), x.lens

    def accumulate(array: Any) -> Any:
        with np.errstate(all="ignore"):
            seen = inner(array if view is None else view(array))
            if reverse:
                seen = np.flip(seen, along)
            out = function.accumulate(seen, axis=along, dtype=work.numpy)
            return outer(np.flip(out, along) if reverse else out)

    passes = max(1, (x.shape[along] - 1).bit_length())
    value = make(x.program, accumulate, (source,), x.shape, dtype, "simple", (), passes * size_of(x.shape))
    return Block(x.program, dtype, x.shape, value)
