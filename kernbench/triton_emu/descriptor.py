"""Tensor descriptors: a tensor's shape and strides, and tiles loaded and stored by their offsets."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernbench.triton_emu import atomic
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.block import Block
from kernbench.triton_emu.block_pointer import inside, tile, whole
from kernbench.triton_emu.dtype import DType, block_type
from kernbench.triton_emu.index import Index, Mask, Shape
from kernbench.triton_emu.memory import fetch, padding, put
from kernbench.triton_emu.pointer import Pointer

__all__ = ["load_tensor_descriptor", "make_tensor_descriptor", "store_tensor_descriptor", "tensor_descriptor"]

_MOST_AXES = 5


class tensor_descriptor:  # noqa: N801  # Triton's name
    """Tiles of `block_shape` of a tensor; what lies outside reads as zero (or NaN) and is not written."""

    __slots__ = ("_arg", "_base", "_filler", "block_shape", "shape", "strides")

    def __init__(
        self, arg: PointerArg, base: int, shape: Shape, strides: Shape, block_shape: Shape, filler: float
    ) -> None:
        self._arg = arg
        self._base = base
        self._filler = filler
        self.shape = shape
        self.strides = strides
        self.block_shape = block_shape

    def __repr__(self) -> str:
        return f"<descriptor of {self._arg.name} {list(self.shape)}, tiles {list(self.block_shape)}>"

    @property
    def dtype(self) -> DType:
        """The type of the tensor's elements."""
        return self._arg.dtype

    @property
    def block_type(self) -> block_type:
        """The type of a tile."""
        return block_type(self._arg.dtype, self.block_shape)

    def load(self, offsets: Sequence[Any]) -> Block:
        """The tile at `offsets`."""
        index, mask = self._tile("load", offsets)
        return fetch(self._arg, index, mask, self._filler)

    def store(self, offsets: Sequence[Any], value: Any) -> None:
        """Put `value` at `offsets`, as far as it is inside the tensor."""
        if isinstance(value, Block) and value.shape != self.block_shape:
            raise ValueError(f"a tile of {self!r} has shape {list(self.block_shape)}, not {list(value.shape)}")
        index, mask = self._tile("store", offsets)
        put(self._arg, index, mask, value)

    def atomic_add(self, offsets: Sequence[Any], value: Any) -> None:
        """Add `value` to the tile at `offsets`, atomically; of each element it is one operation."""
        self._change(atomic.atomic_add, offsets, value)

    def atomic_max(self, offsets: Sequence[Any], value: Any) -> None:
        """Put the greater of the tile at `offsets` and `value` there, atomically; of each element it is one operation."""
        self._change(atomic.atomic_max, offsets, value)

    def atomic_min(self, offsets: Sequence[Any], value: Any) -> None:
        """Put the lesser of the tile at `offsets` and `value` there, atomically; of each element it is one operation."""
        self._change(atomic.atomic_min, offsets, value)

    def atomic_and(self, offsets: Sequence[Any], value: Any) -> None:
        """Put the bits of both the tile at `offsets` and `value` there, atomically; of each element it is one operation."""
        self._change(atomic.atomic_and, offsets, value)

    def atomic_or(self, offsets: Sequence[Any], value: Any) -> None:
        """Put the bits of the tile at `offsets` or `value` there, atomically; of each element it is one operation."""
        self._change(atomic.atomic_or, offsets, value)

    def atomic_xor(self, offsets: Sequence[Any], value: Any) -> None:
        """Put the bits of either the tile at `offsets` or `value` there, atomically; of each element it is one operation."""
        self._change(atomic.atomic_xor, offsets, value)

    def gather(self, x_offsets: Any, y_offset: Any, *_: Any) -> Block:
        """Rows `x_offsets` of the tensor, from column `y_offset` on."""
        index, mask = self._rows(x_offsets, y_offset)
        return fetch(self._arg, index, mask, self._filler)

    def scatter(self, value: Any, x_offsets: Any, y_offset: Any) -> None:
        """Put rows of `value` into rows `x_offsets` of the tensor, from column `y_offset` on."""
        index, mask = self._rows(x_offsets, y_offset)
        put(self._arg, index, mask, value)

    def _change(self, change: Callable[..., Any], offsets: Sequence[Any], value: Any) -> None:
        index, mask = self._tile(change.__name__, offsets)
        change(Pointer(self._arg, index), value, mask)

    def _tile(self, name: str, offsets: Any) -> tuple[Index, Mask]:
        at = whole(f"tensor_descriptor.{name}", offsets, len(self.shape))
        index = tile(self._base, at, self.strides, self.block_shape)
        return index, inside(at, self.shape, self.block_shape, set(range(len(at))))

    def _rows(self, x_offsets: Any, y_offset: Any) -> tuple[Index, Mask]:
        if (
            not isinstance(x_offsets, Block)
            or len(x_offsets.shape) != 1
            or len(self.shape) != len(self.block_shape[:1]) + 1
        ):
            raise TypeError(f"rows are named by a block of one axis, in a descriptor of two; got {x_offsets!r}")
        rows = np.asarray(x_offsets.concrete(), np.int64)[:, None]
        columns = int(y_offset) + np.arange(self.block_shape[-1])[None, :]
        held = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        places = self._base + rows * self.strides[0] + columns * self.strides[1]
        return Index.explicit(places), Mask.explicit(held)


def make_tensor_descriptor(
    base: Any, shape: Sequence[Any], strides: Sequence[Any], block_shape: Sequence[int], padding_option: str = "zero"
) -> tensor_descriptor:
    """A descriptor of a tensor at `base`: its extents, strides (the last is 1) and the shape of its tiles."""
    if not isinstance(base, Pointer) or base.shape:
        raise TypeError(f"tl.make_tensor_descriptor takes one pointer, got {base!r}")
    rank = len(shape)
    if not 1 <= rank <= _MOST_AXES:
        raise ValueError(f"tl.make_tensor_descriptor: 1 to {_MOST_AXES} axes, got {rank}")
    extents, steps, block = (whole("make_tensor_descriptor", each, rank) for each in (shape, strides, block_shape))
    if steps[-1] != 1:
        raise ValueError(f"tl.make_tensor_descriptor: the last stride is 1, got {steps[-1]}")
    start, _ = base.index.bounds()
    return tensor_descriptor(base.arg, start, extents, steps, block, padding(padding_option))


def load_tensor_descriptor(desc: tensor_descriptor, offsets: Sequence[Any]) -> Block:
    """The tile of a descriptor at `offsets`."""
    return desc.load(offsets)


def store_tensor_descriptor(desc: tensor_descriptor, offsets: Sequence[Any], value: Any) -> None:
    """Put `value` at `offsets` of a descriptor's tensor."""
    desc.store(offsets, value)
