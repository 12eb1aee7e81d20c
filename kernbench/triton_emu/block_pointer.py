"""Block pointers: a tile of a tensor that moves over it in steps."""

from collections.abc import Sequence
from typing import Any

from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.dtype import block_type, pointer_type
from kernbench.triton_emu.index import Index, Mask, Shape
from kernbench.triton_emu.pointer import Pointer

__all__ = ["advance", "make_block_ptr"]


class BlockPointer:
    """A tile of `block` elements at `offsets` of a tensor of `extents` and `strides`, from a base on."""

    __slots__ = ("arg", "base", "block", "extents", "offsets", "strides")

    def __init__(
        self, arg: PointerArg, base: int, extents: Shape, strides: Shape, offsets: Shape, block: Shape
    ) -> None:
        self.arg = arg
        self.base = base
        self.extents = extents
        self.strides = strides
        self.offsets = offsets
        self.block = block

    def __repr__(self) -> str:
        return f"<block pointer to {self.arg.name} {list(self.block)} at {list(self.offsets)}>"

    @property
    def shape(self) -> Shape:
        """The shape of the tile."""
        return self.block

    @property
    def dtype(self) -> pointer_type:
        """What it points to."""
        return pointer_type(self.arg.dtype)

    @property
    def type(self) -> pointer_type:
        """A pointer to a tile."""
        tile: Any = block_type(self.arg.dtype, self.block)
        made = pointer_type(self.arg.dtype)
        made.element_ty = tile
        return made

    def advance(self, offsets: Sequence[Any]) -> "BlockPointer":
        """The tile `offsets` further, in elements along each axis."""
        steps = whole("advance", offsets, len(self.block))
        moved = tuple(at + step for at, step in zip(self.offsets, steps, strict=True))
        return BlockPointer(self.arg, self.base, self.extents, self.strides, moved, self.block)


def make_block_ptr(
    base: Any,
    shape: Sequence[Any],
    strides: Sequence[Any],
    offsets: Sequence[Any],
    block_shape: Sequence[int],
    order: Any,
) -> BlockPointer:
    """A pointer to a tile of `block_shape` at `offsets` of a tensor of `shape` and `strides`; `order` is a hint."""
    if not isinstance(base, Pointer) or base.shape:
        raise TypeError(f"tl.make_block_ptr takes one pointer, got {base!r}")
    rank = len(block_shape)
    if len(order) != rank:
        raise ValueError(f"tl.make_block_ptr: order {list(order)} names {len(order)} axes of {rank}")
    extents, steps, at, block = (whole("make_block_ptr", each, rank) for each in (shape, strides, offsets, block_shape))
    start, _ = base.index.bounds()
    return BlockPointer(base.arg, start, extents, steps, at, block)


def advance(base: BlockPointer, offsets: Sequence[Any]) -> BlockPointer:
    """The block pointer `offsets` further, in elements along each axis."""
    return base.advance(offsets)


def edges(pointer: BlockPointer, checked: Sequence[int]) -> tuple[Index, Mask | None]:
    """Where the tile's elements are, and which are inside the bounds of the checked axes."""
    index = tile(pointer.base, pointer.offsets, pointer.strides, pointer.block)
    axes = {int(axis) for axis in ((checked,) if isinstance(checked, int) else checked or ())}
    if not axes <= set(range(len(pointer.block))):
        raise ValueError(f"boundary_check {sorted(axes)} names an axis that {pointer!r} does not have")
    return index, inside(pointer.offsets, pointer.extents, pointer.block, axes) if axes else None


def tile(base: int, offsets: Shape, strides: Shape, block: Shape) -> Index:
    """Where the elements of a tile are."""
    start = base + sum(at * stride for at, stride in zip(offsets, strides, strict=True))
    return Index(block, start, strides)


def inside(offsets: Shape, extents: Shape, block: Shape, axes: set[int]) -> Mask:
    """The elements of a tile that are within the extents along `axes`."""
    spans = []
    for axis, (at, extent, size) in enumerate(zip(offsets, extents, block, strict=True)):
        low, high = (max(0, -at), min(size, extent - at)) if axis in axes else (0, size)
        spans.append((min(low, size), max(min(low, size), high)))
    return Mask(block, tuple(spans))


def whole(name: str, numbers: Any, rank: int) -> Shape:
    """One integer an axis; the program waits for what it has to load."""
    listed = tuple(int(number) for number in (numbers if isinstance(numbers, list | tuple) else (numbers,)))
    if len(listed) != rank:
        raise ValueError(f"tl.{name}: {len(listed)} numbers for {rank} axes")
    return listed
