"""Loads and stores: what moves blocks between a PE and the memory."""

from typing import Any

import numpy as np

from kernbench.common.ops import Load, Store, Value
from kernbench.triton_emu import numerics
from kernbench.triton_emu.access import PointerArg, resolve
from kernbench.triton_emu.block import Block, combined, constant, make, size_of
from kernbench.triton_emu.block_pointer import BlockPointer, edges
from kernbench.triton_emu.dtype import int1
from kernbench.triton_emu.index import Index, Mask, joint
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.pointer import Pointer
from kernbench.triton_emu.program import current, site
from kernbench.triton_emu.scalar import Scalar

__all__ = ["load", "store"]


def load(
    pointer: Any,
    mask: Any = None,
    other: Any = None,
    boundary_check: tuple[int, ...] = (),
    padding_option: str = "",
    cache_modifier: str = "",  # noqa: ARG001  # hints for caches that are not there
    eviction_policy: str = "",  # noqa: ARG001
    volatile: bool = False,  # noqa: ARG001
) -> Block:
    """The elements that `pointer` names, `other` (or 0) where `mask` is false: those never touch memory.

    A block pointer takes no mask: beyond the bounds of the axes in `boundary_check` it reads zeros, or NaN with
    `padding_option="nan"`.
    """
    if isinstance(pointer, BlockPointer):
        if mask is not None or other is not None:
            raise ValueError("tl.load: a block pointer takes boundary_check and padding_option, not mask and other")
        index, inside = edges(pointer, boundary_check)
        return fetch(pointer.arg, index, inside, padding(padding_option))
    pointer = as_pointer("load", pointer)
    if boundary_check or padding_option:
        raise ValueError("tl.load: boundary_check and padding_option are for block pointers; use mask and other")
    where = as_mask(mask)
    if isinstance(other, Block):
        loaded = fetch(pointer.arg, pointer.index, where, 0)
        return loaded if where is None else _where_known(where, loaded, other)
    return fetch(pointer.arg, pointer.index, where, 0 if other is None else other)


def fetch(arg: PointerArg, index: Index, mask: Mask | None, other: Any) -> Block:
    """The elements at `index`, the number `other` where `mask` is false."""
    program = current()
    dtype = arg.dtype
    filler = constant(other, dtype)
    access = resolve(arg, index, mask, writing=False)
    shape = index.shape if mask is None else joint(index.shape, mask.shape)
    kind = dtype.numpy
    if access is None:
        value = make(program, lambda: np.full(shape, filler, kind), (), shape, dtype, "simple")
        return Block(program, dtype, shape, value)
    spread = access.spread
    program.touch(access.runs)
    value = Value(size_of(shape) * dtype.itemsize)
    program.submit(
        Load(site(), access.runs, access.nbytes, value, lambda data: spread(np.frombuffer(data, kind), filler))
    )
    return Block(program, dtype, shape, value)


def store(
    pointer: Any,
    value: Any,
    mask: Any = None,
    boundary_check: tuple[int, ...] = (),
    cache_modifier: str = "",  # noqa: ARG001  # hints for caches that are not there
    eviction_policy: str = "",  # noqa: ARG001
) -> None:
    """Put `value`, as the tensor's type, where `pointer` names and `mask` holds; of equal addresses the last lane wins.

    A block pointer takes no mask: nothing is put beyond the bounds of the axes in `boundary_check`.
    """
    if isinstance(pointer, BlockPointer):
        if mask is not None:
            raise ValueError("tl.store: a block pointer takes boundary_check, not mask")
        index, inside = edges(pointer, boundary_check)
        put(pointer.arg, index, inside, value)
        return
    pointer = as_pointer("store", pointer)
    if boundary_check:
        raise ValueError("tl.store: boundary_check is for block pointers; use mask")
    put(pointer.arg, pointer.index, as_mask(mask), value)


def put(arg: PointerArg, index: Index, mask: Mask | None, value: Any) -> None:
    """Store `value` at `index` where `mask` holds."""
    program = current()
    dtype = arg.dtype
    shape = index.shape if mask is None else joint(index.shape, mask.shape)
    if isinstance(value, Block) and value.shape != shape and joint(shape, value.shape) != shape:
        raise ValueError(f"tl.store: a value of shape {list(value.shape)} for pointers of shape {list(shape)}")
    access = resolve(arg, index, mask, writing=True)
    if access is None:
        return
    program.touch(access.runs)
    if not isinstance(value, Block):
        number = constant(value, dtype)
        value = Block(program, dtype, (), make(program, lambda: number, (), (), dtype, "simple"))
    source, view = value.stored(), value.lens
    gather, convert = access.gather, numerics.cast(value.dtype, dtype)

    def encode(array: Array) -> bytes:
        return gather(convert(array if view is None else view(array))).tobytes()

    program.submit(Store(site(), source, access.runs, access.nbytes, encode))


def padding(option: str) -> float:
    """The number that `padding_option` names."""
    if option not in ("", "zero", "nan", None):
        raise ValueError(f"padding_option is 'zero' or 'nan', got {option!r}")
    return float("nan") if option == "nan" else 0


def _where_known(mask: Mask, yes: Block, no: Block) -> Block:
    """Elements of `yes` where `mask` holds, else of `no`, as the type of `yes`."""
    convert = numerics.cast(no.dtype, yes.dtype)
    return combined(
        lambda a, b: np.where(mask.values(), a, convert(b)), (yes, no), yes.dtype, yes.shape, yes.dtype, "simple"
    )


def as_pointer(name: str, pointer: Any) -> Pointer:
    """A pointer, or an error that says what was given to `tl.name`."""
    if not isinstance(pointer, Pointer):
        raise TypeError(f"tl.{name} takes a pointer (a tensor argument plus offsets), got {pointer!r}")
    return pointer


def as_mask(mask: Any) -> Mask | None:
    """What is known of a mask; the program waits for one that comes from data."""
    if mask is None or isinstance(mask, Mask):
        return mask
    if isinstance(mask, bool) or (isinstance(mask, Scalar) and mask.dtype is int1):
        return None if mask else Mask.explicit(np.asarray(False))
    if not isinstance(mask, Block):
        raise TypeError(f"a mask is a block of int1, got {mask!r}")
    if isinstance(mask.known, Mask):
        return mask.known
    if mask.dtype is not int1:
        raise TypeError(f"a mask is a block of int1, got one of {mask.dtype}; compare it with something")
    return Mask.explicit(mask.concrete())
