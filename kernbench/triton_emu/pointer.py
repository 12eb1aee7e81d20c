"""Pointers of a kernel: a tensor argument and a block of element offsets into it."""

from typing import Any

from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.block import Block, index_axes
from kernbench.triton_emu.dtype import DType
from kernbench.triton_emu.index import Index, Mask, Shape, combine


class PointerType:
    """The type of a pointer: `x_ptr.dtype.element_ty` is what it points to."""

    __slots__ = ("element_ty",)

    def __init__(self, element_ty: DType) -> None:
        self.element_ty = element_ty

    def __repr__(self) -> str:
        return f"pointer<{self.element_ty}>"


class Pointer:
    """Addresses of elements of one tensor; adding integers moves them, in elements."""

    __slots__ = ("arg", "index")

    def __init__(self, arg: PointerArg, index: Index) -> None:
        self.arg = arg
        self.index = index

    @classmethod
    def bind(cls, arg: PointerArg) -> "Pointer":
        """What a kernel sees of a tensor argument: the address of its first element."""
        return cls(arg, Index.constant(0))

    @property
    def shape(self) -> Shape:
        """The shape of the block of addresses."""
        return self.index.shape

    @property
    def dtype(self) -> PointerType:
        """What it points to."""
        return PointerType(self.arg.dtype)

    def __repr__(self) -> str:
        return f"<pointers to {self.arg.name} {list(self.shape)}>"

    def __add__(self, other: Any) -> "Pointer":
        return self._moved("+", other)

    def __radd__(self, other: Any) -> "Pointer":
        return self._moved("+", other)

    def __sub__(self, other: Any) -> "Pointer":
        return self._moved("-", other)

    def __getitem__(self, key: Any) -> "Pointer":
        moved: Pointer = index_axes(self, key)
        return moved

    def expand(self, axis: int) -> "Pointer":
        """A new axis of one pointer before `axis`."""
        return Pointer(self.arg, self.index.expand(axis))

    def broadcast(self, shape: Shape) -> "Pointer":
        """The same pointers along new or single axes."""
        return Pointer(self.arg, self.index.broadcast(shape))

    def permute(self, order: Shape) -> "Pointer":
        """Axes in another order."""
        return Pointer(self.arg, self.index.permute(order))

    def _moved(self, name: str, other: Any) -> "Pointer":
        steps = self._steps(other)
        if name == "+" and not self.index.shape:
            moved = combine(name, steps, self.index)
        else:
            moved = combine(name, self.index, steps)
        assert isinstance(moved, Index)
        return Pointer(self.arg, moved)

    def _steps(self, other: Any) -> Index:
        if isinstance(other, int):
            return Index.constant(int(other))
        if isinstance(other, Block) and not other.dtype.is_floating():
            if other.known is None:
                return Index.explicit(other.concrete())
            return Index.explicit(other.known.values()) if isinstance(other.known, Mask) else other.known
        raise TypeError(f"a pointer moves by integers, in elements of {self.arg.name}; got {other!r}")
