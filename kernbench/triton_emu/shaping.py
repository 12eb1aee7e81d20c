"""The same elements in another shape or order.

What is only another view of a block costs no operation. What brings elements together from several places (join, cat,
interleave, flip, gather) is one vector operation, 1 pass over the outcome's elements.
"""

from typing import Any

import numpy as np

from kernbench.triton_emu.arithmetic import common_type
from kernbench.triton_emu.block import Block, combined, index_axes, size_of
from kernbench.triton_emu.control import to_tensor
from kernbench.triton_emu.creation import as_axis, as_block, as_shape
from kernbench.triton_emu.elementwise import minimum
from kernbench.triton_emu.index import Index, Shape, joint
from kernbench.triton_emu.scalar import Scalar

__all__ = [
    "broadcast", "broadcast_to", "cat", "expand_dims", "flip", "gather", "interleave", "join", "permute", "ravel",
    "reshape", "split", "squeeze", "swizzle2d", "trans", "unsqueeze", "view",
]  # fmt: skip


def broadcast(input: Any, other: Any) -> Any:  # noqa: A002
    """Two blocks stretched to the shape that both broadcast to."""
    shape = joint(input.shape, other.shape)
    return tuple(as_block("broadcast", side).broadcast(shape) for side in (input, other))


def broadcast_to(input: Any, *shape: Any) -> Any:  # noqa: A002
    """The same elements along new or single axes."""
    extents = _extents(shape)
    return _several("broadcast_to", input).broadcast(extents)


def expand_dims(input: Any, axis: Any) -> Any:  # noqa: A002
    """A new axis of one element before `axis`, or before each of several."""
    block = _several("expand_dims", input)
    axes = axis if isinstance(axis, list | tuple) else (axis,)
    rank = len(block.shape) + len(axes)
    for each in sorted(as_axis("expand_dims", each, rank) for each in axes):
        block = block.expand(each)
    return block


def _several(name: str, input: Any) -> Any:  # noqa: A002
    """Something with elements: a number as a 0-d block, blocks and pointers as they are."""
    return as_block(name, to_tensor(input)) if isinstance(input, int | float) else input


def _indexed(number: Any, key: Any) -> Any:
    """`n[None]` of a 0-d tensor."""
    return index_axes(as_block("index", number), key)


setattr(Scalar, "__getitem__", _indexed)  # noqa: B010  # which needs what is built on scalars


def unsqueeze(x: Any, dim: int) -> Any:
    """A new axis of one element before `dim`."""
    return expand_dims(x, dim)


def squeeze(x: Any, dim: int) -> Any:
    """The block without an axis of one element."""
    axis = as_axis("squeeze", dim, len(x.shape))
    if x.shape[axis] != 1:
        raise ValueError(f"tl.squeeze: axis {dim} of shape {list(x.shape)} has more than one element")
    return x.reshaped((*x.shape[:axis], *x.shape[axis + 1 :]))


def permute(input: Any, *dims: Any) -> Any:  # noqa: A002
    """Axes in another order."""
    order = tuple(int(dim) for dim in (dims[0] if len(dims) == 1 and isinstance(dims[0], list | tuple) else dims))
    if sorted(order) != list(range(len(input.shape))):
        raise ValueError(f"tl.permute: {list(order)} does not name each axis of shape {list(input.shape)} once")
    return input.permuted(order)


def trans(input: Any, *dims: Any) -> Any:  # noqa: A002
    """Axes in another order; the last two are exchanged unless said."""
    rank = len(input.shape)
    if not dims and rank < 2:
        raise ValueError(f"tl.trans exchanges two axes; the block has shape {list(input.shape)}")
    return permute(input, *(dims or (*range(rank - 2), rank - 1, rank - 2)))


def reshape(input: Any, *shape: Any, can_reorder: bool = False) -> Any:  # noqa: A002, ARG001  # order is always kept here
    """The same elements in row-major order as another shape."""
    extents = _extents(shape)
    block = input if hasattr(input, "reshaped") else as_block("reshape", input)
    if size_of(extents) != size_of(block.shape):
        raise ValueError(
            f"tl.reshape: shape {list(block.shape)} and {list(extents)} differ in their number of elements"
        )
    return block.reshaped(extents)


def view(input: Any, *shape: Any) -> Any:  # noqa: A002
    """The same as `reshape`."""
    return reshape(input, *shape)


def ravel(x: Any, can_reorder: bool = False) -> Any:  # noqa: ARG001  # order is always kept here
    """All elements along one axis."""
    return reshape(x, size_of(x.shape))


def join(a: Any, b: Any) -> Any:
    """Two blocks side by side along a new last axis of two."""
    left, right = _alike("join", a, b)
    shape = (*left.shape, 2)
    return _together(lambda x, y: np.stack((x, y), axis=-1), left, right, shape)


def split(a: Any) -> Any:
    """The two blocks that stand side by side along a last axis of two."""
    block = as_block("split", a)
    if not block.shape or block.shape[-1] != 2:
        raise ValueError(f"tl.split takes a last axis of two elements, got shape {list(block.shape)}")
    shape = block.shape[:-1]
    if isinstance(block.known, Index):
        array = block.known.values()
        halves = [Index.explicit(array[..., side]) for side in (0, 1)]
        return tuple(Block(block.program, block.dtype, shape, None, half) for half in halves)
    return block.seen(lambda array: array[..., 0], shape), block.seen(lambda array: array[..., 1], shape)


def interleave(a: Any, b: Any) -> Any:
    """Elements of two blocks in turn along the last axis."""
    left, right = _alike("interleave", a, b)
    if not left.shape:
        return join(left, right)
    return join(left, right).reshaped((*left.shape[:-1], 2 * left.shape[-1]))


def cat(input: Any, other: Any, can_reorder: bool = False, dim: int = 0) -> Any:  # noqa: A002, ARG001  # order is kept
    """One block after the other along `dim`."""
    left, right = as_block("cat", input), as_block("cat", other)
    axis = as_axis("cat", dim, len(left.shape))
    rest = [(*block.shape[:axis], *block.shape[axis + 1 :]) for block in (left, right)]
    if rest[0] != rest[1]:
        raise ValueError(f"tl.cat: shapes {list(left.shape)} and {list(right.shape)} differ beside axis {dim}")
    shape = (*left.shape[:axis], left.shape[axis] + right.shape[axis], *left.shape[axis + 1 :])
    return _together(lambda x, y: np.concatenate((x, y), axis=axis), left, right, shape)


def flip(x: Any, dim: int | None = None) -> Any:
    """The elements along `dim` (the last axis unless said) in reverse."""
    block = as_block("flip", x)
    axis = as_axis("flip", -1 if dim is None else dim, len(block.shape))
    if block.known is not None:
        turned = Index.explicit(np.flip(block.known.values(), axis))
        return Block(block.program, block.dtype, block.shape, None, turned)
    return combined(lambda array: np.flip(array, axis), (block,), block.dtype, block.shape, block.dtype, "simple")


def gather(src: Any, index: Any, axis: int) -> Any:
    """Along `axis`, the elements of `src` whose places `index` tells."""
    source, places = as_block("gather", src), as_block("gather", index)
    along = as_axis("gather", axis, len(source.shape))
    rest = [(*block.shape[:along], *block.shape[along + 1 :]) for block in (source, places)]
    if rest[0] != rest[1] or places.dtype.is_floating():
        raise TypeError(f"tl.gather: {places!r} does not index {source!r} along axis {axis}")
    extent = source.shape[along]

    def take(array: Any, at: Any) -> Any:
        if at.size and (at.min() < 0 or at.max() >= extent):
            wrong = int(at.min() if at.min() < 0 else at.max())
            raise IndexError(f"tl.gather: index {wrong} of an axis of {extent} elements")
        return np.take_along_axis(array, at.astype(np.int64, copy=False), along)

    return combined(take, (source, places), source.dtype, places.shape, source.dtype, "simple")


def swizzle2d(i: Any, j: Any, size_i: Any, size_j: Any, size_g: Any) -> Any:
    """Row-major places (i, j) of a matrix, renumbered so that groups of `size_g` rows are walked column by column."""
    place = i * size_j + j
    group = place // (size_g * size_j)
    first = group * size_g
    rows = minimum(size_i - first, size_g)
    within = place % (size_g * size_j)
    return first + within % rows, within // rows


def _extents(shape: tuple[Any, ...]) -> Shape:
    return as_shape(shape[0] if len(shape) == 1 else shape)


def _alike(name: str, a: Any, b: Any) -> tuple[Block, Block]:
    left, right = as_block(name, a), as_block(name, b)
    shape = joint(left.shape, right.shape)
    dtype = common_type(left, right)
    return left.to(dtype).broadcast(shape), right.to(dtype).broadcast(shape)


def _together(function: Any, left: Block, right: Block, shape: Shape) -> Block:
    if isinstance(left.known, Index) and isinstance(right.known, Index) and left.dtype is right.dtype:
        known = Index.explicit(function(left.known.values(), right.known.values()))
        return Block(left.program, left.dtype, shape, None, known)
    dtype = common_type(left, right)
    whole: Block = combined(function, (left.to(dtype), right.to(dtype)), dtype, shape, dtype, "simple")
    return whole
