"""Order and counts.

A sort of 2^k elements along the last axis is a bitonic network: k (k + 1) / 2 passes over the elements. A histogram
passes once over its input, one element a lane, and once over its bins. NaN sorts as greater than all numbers.
"""

from typing import Any

import numpy as np

from kernbench.triton_emu.block import Block, combined, make, size_of
from kernbench.triton_emu.creation import as_block
from kernbench.triton_emu.dtype import int32
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.reduction import piece

__all__ = ["bitonic_merge", "histogram", "sort", "topk"]


def sort(x: Any, dim: int | None = None, descending: bool = False) -> Any:
    """The elements along the last axis in ascending order, or descending."""
    block, steps = _along_last("sort", x, dim)

    def in_order(array: Array) -> Array:
        wide = array.astype(np.float32) if block.dtype.is_floating() and array.dtype.itemsize < 4 else array
        ordered = np.sort(wide, axis=-1).astype(array.dtype, copy=False)
        return ordered[..., ::-1] if descending else ordered

    elements = max(1, steps * (steps + 1) // 2) * size_of(block.shape)
    return combined(in_order, (block,), block.dtype, block.shape, block.dtype, "simple", elements)


def bitonic_merge(x: Any, dim: int | None = None, descending: bool = False) -> Any:
    """Elements that rise and then fall along the last axis, in order: the last k passes of a sort of 2^k elements."""
    block, steps = _along_last("bitonic_merge", x, dim)

    def merged(array: Array) -> Array:
        for step in reversed(range(steps)):
            pairs = array.reshape(*array.shape[:-1], -1, 2, 1 << step)
            left, right = pairs[..., 0, :], pairs[..., 1, :]
            swapped = (left > right) != bool(descending)
            array = np.stack((np.where(swapped, right, left), np.where(swapped, left, right)), -2).reshape(block.shape)
        return array

    elements = max(1, steps) * size_of(block.shape)
    return combined(merged, (block,), block.dtype, block.shape, block.dtype, "simple", elements)


def _along_last(name: str, x: Any, dim: int | None) -> tuple[Block, int]:
    """The block, and how many times the extent of its last axis halves to one."""
    block = as_block(name, x)
    rank = len(block.shape)
    if not rank or dim not in (None, -1, rank - 1):
        raise ValueError(f"tl.{name} sorts along the last axis, got dim {dim} of shape {list(block.shape)}")
    extent = block.shape[-1]
    if extent & (extent - 1):
        raise ValueError(f"tl.{name} takes a power of two of elements, got {extent}; pad them with infinity")
    return block, extent.bit_length() - 1


def topk(x: Any, k: int, dim: int | None = None) -> Any:
    """The `k` greatest elements along the last axis, in descending order."""
    ordered = sort(x, dim, descending=True)
    if not 0 < k <= ordered.shape[-1]:
        raise ValueError(f"tl.topk: k is {k}, the axis has {ordered.shape[-1]} elements")
    return piece(ordered, len(ordered.shape) - 1, 0, int(k))


def histogram(input: Any, num_bins: int, mask: Any = None) -> Any:  # noqa: A002
    """How many elements have each value from 0 up to `num_bins`, as int32; others, and masked ones, do not count."""
    block = as_block("histogram", input)
    bins = int(num_bins)
    if block.dtype.is_floating() or len(block.shape) != 1:
        raise TypeError(f"tl.histogram counts integers along one axis, got {block!r}")
    sources = [block] if mask is None else [block, as_block("histogram", mask).broadcast(block.shape)]
    inputs = tuple(each.stored() for each in sources)
    views = [each.lens for each in sources]

    def count(*arrays: Array) -> Array:
        seen = [array if view is None else view(array) for array, view in zip(arrays, views, strict=True)]
        values = seen[0].astype(np.int64)
        kept = (values >= 0) & (values < bins)
        if len(seen) > 1:
            kept &= seen[1].astype(np.bool_)
        return np.bincount(values[kept], minlength=bins).astype(np.int32)

    elements = size_of(block.shape) + bins
    value = make(block.program, count, inputs, (bins,), int32, "simple", (), elements)
    return Block(block.program, int32, (bins,), value)
