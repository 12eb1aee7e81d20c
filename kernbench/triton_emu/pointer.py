"""Pointers of a kernel: a tensor argument and a block of element offsets into it."""

from typing import Any

import numpy as np

from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.arithmetic import pointers_by
from kernbench.triton_emu.block import Block, index_axes, size_of
from kernbench.triton_emu.dtype import DType, block_type, int64, pointer_type
from kernbench.triton_emu.index import Index, Mask, Shape, combine, joint
from kernbench.triton_emu.program import current
from kernbench.triton_emu.scalar import CLASSES, method

_EVERYWHERE = 2**62


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
    def numel(self) -> int:
        """How many addresses."""
        return size_of(self.index.shape)

    @property
    def dtype(self) -> pointer_type:
        """What it points to."""
        return pointer_type(self.arg.dtype)

    @property
    def type(self) -> pointer_type | block_type:
        """The type of the block of pointers; of a single one, its own."""
        return block_type(self.dtype, self.shape) if self.shape else self.dtype

    def __repr__(self) -> str:
        return f"<pointers to {self.arg.name} {list(self.shape)}>"

    def __getattr__(self, name: str) -> Any:
        return method(self, name)

    def __add__(self, other: Any) -> "Pointer":
        return self._moved("+", other)

    def __radd__(self, other: Any) -> "Pointer":
        return self._moved("+", other)

    def __sub__(self, other: Any) -> "Pointer":
        return self._moved("-", other)

    def __getitem__(self, key: Any) -> "Pointer":
        moved: Pointer = index_axes(self, key)
        return moved

    def __bool__(self) -> bool:
        return True

    def expand(self, axis: int) -> "Pointer":
        """A new axis of one pointer before `axis`."""
        return Pointer(self.arg, self.index.expand(axis))

    def broadcast(self, shape: Shape) -> "Pointer":
        """The same pointers along new or single axes."""
        return Pointer(self.arg, self.index.broadcast(shape))

    def permuted(self, order: Shape) -> "Pointer":
        """Axes in another order."""
        return Pointer(self.arg, self.index.permute(order))

    def reshaped(self, shape: Shape) -> "Pointer":
        """The same pointers in row-major order as another shape."""
        return Pointer(self.arg, self.index.reshape(shape))

    @property
    def T(self) -> "Pointer":  # noqa: N802  # Triton's name
        """The transpose."""
        return self.permuted(tuple(reversed(range(len(self.shape)))))

    def chosen(self, condition: Any, other: Any) -> "Pointer":
        """These where `condition` holds, else those of `other`; the program waits for a condition that is loaded."""
        if not isinstance(other, Pointer) or other.arg.dtype is not self.arg.dtype:
            raise TypeError(f"tl.where takes pointers to one type, got {self!r} and {other!r}")
        if not isinstance(condition, Block):
            shape = joint(self.shape, other.shape)
            return (self if condition else other).broadcast(shape)
        one, two = (self, other) if self.arg is other.arg else (_absolute(self), _absolute(other))
        held = condition.concrete()
        return Pointer(one.arg, Index.explicit(np.where(held, one.index.values(), two.index.values())))

    def to(self, dtype: Any, *_: Any, bitcast: bool = False) -> Any:  # noqa: ARG002  # of a pointer there is no other cast
        """Its addresses as int64, or as pointers to another type."""
        if isinstance(dtype, pointer_type):
            if dtype.element_ty is self.arg.dtype:
                return self
            return self._retyped(dtype.element_ty)
        if dtype is not int64 and getattr(dtype, "primitive_bitwidth", 0) != int64.primitive_bitwidth:
            raise TypeError(f"a pointer becomes tl.int64 or tl.pointer_type(...), not {dtype!r}")
        bytes_ = combine("*", self.index, Index.constant(self.arg.dtype.itemsize))
        assert isinstance(bytes_, Index)
        addresses = combine("+", bytes_, Index.constant(self.arg.address))
        assert isinstance(addresses, Index)
        if not addresses.shape and addresses.array is None:
            return CLASSES[dtype](addresses.base)
        return Block(current(), dtype, addresses.shape, None, addresses)

    def _retyped(self, dtype: DType) -> "Pointer":
        old, new = self.arg.dtype.itemsize, dtype.itemsize
        arg = self.arg._replace(dtype=dtype)
        if old == new:
            return Pointer(arg, self.index)
        scaled = combine("*", self.index, Index.constant(old))
        assert isinstance(scaled, Index)
        return Pointer(arg, _in_elements(scaled, new, f"{self!r} as pointers to {dtype}"))

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


def _in_elements(index: Index, size: int, what: str) -> Index:
    """Offsets in bytes as offsets in elements."""
    if index.array is None and index.base % size == 0 and all(stride % size == 0 for stride in index.strides):
        return Index(index.shape, index.base // size, tuple(stride // size for stride in index.strides))
    values = index.values()
    if (values % size).any():
        raise ValueError(f"{what}: an address is no multiple of {size} bytes")
    return Index.explicit(values // size)


def _absolute(pointer: Pointer) -> Pointer:
    return at_address(pointer.to(int64), pointer.dtype)


def at_address(value: Any, kind: pointer_type) -> Pointer:
    """Pointers from addresses, such as a tensor of them holds; the program waits for loaded ones."""
    if isinstance(value, Block):
        if value.dtype.is_floating():
            raise TypeError(f"an address is an integer, got {value!r}")
        known = value.known
        index = known if isinstance(known, Index) else Index.explicit(np.asarray(value.concrete()))
    else:
        index = Index.constant(int(value))
    dtype = kind.element_ty
    arg = PointerArg("address", 0, _EVERYWHERE * dtype.itemsize, dtype)
    return Pointer(arg, _in_elements(index, dtype.itemsize, f"pointers to {dtype}"))


pointers_by(at_address)
