"""Loads, stores and messages: what moves blocks between a PE, the memory and other PEs."""

from typing import Any

import numpy as np

from kernbench.common.ops import Load, Recv, Send, Store, Value
from kernbench.triton_emu import numerics
from kernbench.triton_emu.access import resolve
from kernbench.triton_emu.block import Block, combined, make
from kernbench.triton_emu.dtype import DType, int1
from kernbench.triton_emu.index import Mask, Shape, joint
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.pointer import Pointer
from kernbench.triton_emu.program import KernelProgram, current, site


def load(pointer: Any, mask: Any = None, other: Any = None, **hints: Any) -> Block:
    """The elements that `pointer` names, `other` (or 0) where `mask` is false.

    Triton's hints for its own hardware (`cache_modifier`, `eviction_policy`, `volatile`) are taken and mean nothing.
    """
    _check_hints("load", hints, {"cache_modifier", "eviction_policy", "volatile"})
    pointer = _pointer("load", pointer)
    program = current()
    dtype = pointer.arg.dtype
    filler = dtype.numpy.type(0 if other is None or isinstance(other, Block) else other)
    where = _mask(mask)
    access = resolve(pointer.arg, pointer.index, where, writing=False)
    shape = pointer.shape if where is None else joint(pointer.shape, where.shape)
    if access is None:
        kind = dtype.numpy
        value = make(program, lambda: np.full(shape, filler, kind), (), shape, dtype, "simple")
        loaded = Block(program, dtype, shape, value)
    else:
        spread, kind = access.spread, dtype.numpy
        value = Value(_size(shape) * dtype.itemsize)
        program.submit(
            Load(site(), access.runs, access.nbytes, value, lambda data: spread(np.frombuffer(data, kind), filler))
        )
        loaded = Block(program, dtype, shape, value)
    if isinstance(other, Block) and where is not None:
        return where_known(where, loaded, other)
    return loaded


def where_known(mask: Mask, yes: Block, no: Block) -> Block:
    """Elements of `yes` where `mask` holds, else of `no`, as the type of `yes`."""
    kind = yes.dtype.numpy
    return combined(
        lambda a, b: np.where(mask.values(), a, b.astype(kind)), (yes, no), yes.dtype, yes.shape, yes.dtype, "simple"
    )


def store(pointer: Any, value: Any, mask: Any = None, **hints: Any) -> None:
    """Put `value`, as the tensor's type, where `pointer` names and `mask` holds."""
    _check_hints("store", hints, {"cache_modifier", "eviction_policy"})
    pointer = _pointer("store", pointer)
    program = current()
    dtype = pointer.arg.dtype
    access = resolve(pointer.arg, pointer.index, _mask(mask), writing=True)
    if access is None:
        return
    if not isinstance(value, Block):
        constant = np.asarray(value, dtype.numpy)
        value = Block(program, dtype, (), make(program, lambda: constant, (), (), dtype, "simple"))
    source, view = value.stored(), value.view
    gather, convert = access.gather, numerics.cast(dtype)

    def encode(array: Array) -> bytes:
        return gather(convert(array if view is None else view(array))).tobytes()

    program.submit(Store(site(), source, access.runs, access.nbytes, encode))


def send(block: Block, to: str | int = "next", count: int | None = None) -> None:
    """Send the first `count` elements of the flattened block (all unless said) to the neighbour `to`."""
    if not isinstance(block, Block):
        raise TypeError(f"tl.send takes a block, got {block!r}")
    program = current()
    size = _size(block.shape)
    count = size if count is None else int(count)
    if not 0 < count <= size:
        raise ValueError(f"tl.send: count is {count}, the block has {size} elements; send 1 to {size}")
    source, view = block.stored(), block.view

    def encode(array: Array) -> bytes:
        flat = (array if view is None else view(array)).reshape(-1)
        return flat[:count].tobytes()

    program.submit(
        Send(site(), source, program.queue(str(to)), count * block.dtype.itemsize, _tag(program, block.dtype), encode)
    )


def recv(shape: Any, dtype: DType, from_: str | int = "prev") -> Block:
    """The next block from the neighbour `from_`; what was sent shorter than `shape` ends in zeros."""
    program = current()
    extents = as_shape(shape)
    size, kind = _size(extents), dtype.numpy

    def decode(data: bytes | memoryview) -> Array:
        flat = np.frombuffer(data, kind)
        if flat.size < size:
            flat = np.concatenate((flat, np.zeros(size - flat.size, kind)))
        return flat.reshape(extents)

    value = Value(size * dtype.itemsize, in_tcm=False)
    program.submit(Recv(site(), program.queue(str(from_)), size * dtype.itemsize, _tag(program, dtype), value, decode))
    return Block(program, dtype, extents, value)


def as_shape(shape: Any) -> Shape:
    """A shape from what a kernel writes: a list, a tuple or one integer."""
    extents = tuple(int(extent) for extent in (shape if isinstance(shape, list | tuple) else (shape,)))
    if any(extent < 1 for extent in extents):
        raise ValueError(f"a block has at least one element along each axis, got shape {list(extents)}")
    return extents


def _tag(program: KernelProgram, dtype: DType) -> str:
    return f"{program.tag or program.name}, {dtype}"


def _size(shape: Shape) -> int:
    size = 1
    for extent in shape:
        size *= extent
    return size


def _pointer(name: str, pointer: Any) -> Pointer:
    if not isinstance(pointer, Pointer):
        raise TypeError(f"tl.{name} takes a pointer (a tensor argument plus offsets), got {pointer!r}")
    return pointer


def _mask(mask: Any) -> Mask | None:
    if mask is None:
        return None
    if isinstance(mask, bool):
        return None if mask else Mask.explicit(np.asarray(False))
    if not isinstance(mask, Block):
        raise TypeError(f"a mask is a block of int1, got {mask!r}")
    if isinstance(mask.known, Mask):
        return mask.known
    if mask.dtype is not int1:
        raise TypeError(f"a mask is a block of int1, got one of {mask.dtype}; compare it with something")
    return Mask.explicit(mask.concrete())


def _check_hints(name: str, hints: dict[str, Any], known: set[str]) -> None:
    unknown = sorted(hints.keys() - known)
    if unknown:
        raise TypeError(f"tl.{name} has no argument {', '.join(unknown)}")
