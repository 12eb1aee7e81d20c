"""Blocks made of nothing: ranges, constants."""

from typing import Any

import numpy as np

from kernbench.triton_emu.block import Block, make
from kernbench.triton_emu.dtype import DType, int32
from kernbench.triton_emu.index import Index, Shape
from kernbench.triton_emu.program import current
from kernbench.triton_emu.scalar import Scalar, scalar

__all__ = ["arange", "full", "full_like", "zeros", "zeros_like"]


def arange(start: int, end: int) -> Block:
    """The integers from `start` up to `end`, a power of two of them; known at once, so it costs no operation."""
    first, count = int(start), int(end) - int(start)
    if count <= 0:
        raise ValueError(f"tl.arange({start}, {end}) is empty")
    if count & (count - 1):
        raise ValueError(
            f"tl.arange({start}, {end}) has {count} elements, which is no power of two; use "
            f"{1 << count.bit_length()} and a mask"
        )
    shape = (count,)
    return Block(current(), int32, shape, None, Index(shape, first, (1,)))


def full(shape: Any, value: Any, dtype: DType) -> Any:
    """A block of one number."""
    program, extents = current(), as_shape(shape)
    if isinstance(value, Block):
        return value.to(dtype).broadcast(extents)
    if not isinstance(dtype, DType):
        raise TypeError(f"tl.full takes an element type like tl.float32, got {dtype!r}")
    kind = dtype.numpy
    number = np.asarray(scalar(value, dtype), kind)
    if not extents:
        return scalar(value, dtype)
    made = make(program, lambda: np.full(extents, number, kind), (), extents, dtype, "simple")
    return Block(program, dtype, extents, made)


def full_like(input: Any, value: Any, dtype: DType | None = None) -> Any:  # noqa: A002
    """A block of one number, as large as another block and of its type unless said."""
    return full(input.shape, value, dtype or input.dtype)


def zeros(shape: Any, dtype: DType) -> Any:
    """A block of zeros."""
    return full(shape, 0, dtype)


def zeros_like(input: Any) -> Any:  # noqa: A002
    """A block of zeros, as large as another block and of its type."""
    return full(input.shape, 0, input.dtype)


def as_shape(shape: Any) -> Shape:
    """A shape from what a kernel writes: a list, a tuple or one integer."""
    extents = tuple(int(extent) for extent in (shape if isinstance(shape, list | tuple) else (shape,)))
    if any(extent < 1 for extent in extents):
        raise ValueError(f"a block has at least one element along each axis, got shape {list(extents)}")
    return extents


def as_block(name: str, x: Any) -> Block:
    """A block; a scalar becomes a 0-d one."""
    if isinstance(x, Block):
        return x
    if isinstance(x, Scalar):
        program, kind = current(), x.dtype.numpy
        number = np.asarray(x, kind)
        return Block(program, x.dtype, (), make(program, lambda: number, (), (), x.dtype, "simple"))
    raise TypeError(f"tl.{name} takes a block, got {x!r}")


def as_axis(name: str, axis: int, rank: int) -> int:
    """An axis counted from the front."""
    if not -rank <= axis < rank:
        raise ValueError(f"tl.{name}: axis {axis} of a block of {rank} axes")
    return int(axis) % rank
