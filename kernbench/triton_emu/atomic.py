"""Atomic operations: the memory controller reads, changes and writes elements when it serves the request.

Lanes act one after another in the block's order, so several may name one element. An acq_rel operation (the default)
waits until the program's earlier loads, stores and atomics are done, and its later ones wait for it. At the controller
a part takes the time of a read and of a write of its bytes.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from kernbench.common.ops import Atomic, Exchange, Value
from kernbench.triton_emu import numerics
from kernbench.triton_emu.access import Lanes, by_lane
from kernbench.triton_emu.block import Block, constant, make, size_of
from kernbench.triton_emu.dtype import DType, int1
from kernbench.triton_emu.index import joint
from kernbench.triton_emu.memory import as_mask, as_pointer
from kernbench.triton_emu.numerics import Array
from kernbench.triton_emu.program import current, site

__all__ = [
    "atomic_add", "atomic_and", "atomic_cas", "atomic_load", "atomic_max", "atomic_min", "atomic_or", "atomic_store",
    "atomic_xchg", "atomic_xor",
]  # fmt: skip

Change = Callable[..., Any]
_SCOPES = ("gpu", "cta", "sys", None)
_ORDERS = {"acq_rel": (True, True), "acquire": (True, False), "release": (False, True), "relaxed": (False, False)}


def atomic_add(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """Add `val` where `pointer` names and `mask` holds; the elements that were there before."""
    return _atomic("atomic_add", np.add, pointer, (val,), mask, sem, scope)


def atomic_max(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """Keep the greater of `val` and what is there; the elements that were there before."""
    return _atomic("atomic_max", np.fmax, pointer, (val,), mask, sem, scope)


def atomic_min(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """Keep the lesser of `val` and what is there; the elements that were there before."""
    return _atomic("atomic_min", np.fmin, pointer, (val,), mask, sem, scope)


def atomic_and(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """Keep the bits that `val` has too; the elements that were there before."""
    return _atomic("atomic_and", np.bitwise_and, pointer, (val,), mask, sem, scope)


def atomic_or(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """Set the bits of `val`; the elements that were there before."""
    return _atomic("atomic_or", np.bitwise_or, pointer, (val,), mask, sem, scope)


def atomic_xor(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """Flip the bits of `val`; the elements that were there before."""
    return _atomic("atomic_xor", np.bitwise_xor, pointer, (val,), mask, sem, scope)


def atomic_xchg(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """Put `val` there; the elements that were there before."""
    return _atomic("atomic_xchg", lambda _, value: value, pointer, (val,), mask, sem, scope)


def atomic_cas(pointer: Any, cmp: Any, val: Any, sem: str | None = None, scope: str | None = None) -> Any:
    """Put `val` where the element has the bits of `cmp`; the elements that were there before."""

    def swap(old: Any, wanted: Any, value: Any) -> Any:
        bits = f"u{old.itemsize}"  # a NaN equals itself, 0.0 is not -0.0
        return np.where(np.asarray(old).view(bits) == np.asarray(wanted).view(bits), value, old)

    return _atomic("atomic_cas", swap, pointer, (cmp, val), None, sem, scope)


def atomic_load(pointer: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> Any:
    """The elements where `pointer` names and `mask` holds, as they are when the controller serves them."""
    return _atomic("atomic_load", lambda old: old, pointer, (), mask, sem or "acquire", scope)


def atomic_store(pointer: Any, val: Any, mask: Any = None, sem: str | None = None, scope: str | None = None) -> None:
    """Put `val` where `pointer` names and `mask` holds, each element whole."""
    _atomic("atomic_store", lambda _, value: value, pointer, (val,), mask, sem or "release", scope, returns=False)


_ONE_SIDED = {"atomic_load": ("acquire", "relaxed"), "atomic_store": ("release", "relaxed")}
_ARITHMETIC: tuple[Change, ...] = (np.add, np.fmax, np.fmin)
_BITWISE = ("atomic_and", "atomic_or", "atomic_xor")


def _atomic(
    name: str,
    change: Change,
    pointer: Any,
    operands: tuple[Any, ...],
    mask: Any,
    sem: str | None,
    scope: str | None,
    *,
    returns: bool = True,
) -> Any:
    pointer = as_pointer(name, pointer)
    dtype = pointer.arg.dtype
    acquires, releases = _order(name, sem, scope)
    if dtype is int1 or (dtype.is_floating() and name in _BITWISE):
        raise TypeError(f"tl.{name} does not work on elements of {dtype}")
    where = as_mask(mask)
    shape = pointer.shape if where is None else joint(pointer.shape, where.shape)
    for operand in operands:
        if isinstance(operand, Block) and joint(shape, operand.shape) != shape:
            raise ValueError(f"tl.{name}: a value of shape {list(operand.shape)} for pointers of shape {list(shape)}")
    lanes, chosen = by_lane(pointer.arg, pointer.index, where)
    program = current()
    kind = dtype.numpy
    if lanes is None:
        return Block(program, dtype, shape, make(program, lambda: np.zeros(shape, kind), (), shape, dtype, "simple"))

    def place(olds: list[tuple[Array, Array]]) -> Array:
        flat = np.zeros(len(lanes.places), kind)
        for which, old in olds:
            flat[which] = old
        out = np.zeros(shape, kind)
        out[chosen] = flat
        return out

    blocks = [operand for operand in operands if isinstance(operand, Block)]
    inputs = tuple(block.stored() for block in blocks)
    read = [_reader(operand, dtype, chosen) for operand in operands]
    if dtype.is_fp8() and change in _ARITHMETIC:  # what is only moved keeps its bits
        change = _in_float32(change, dtype)
    program.touch(lanes.runs)
    value = Value(size_of(shape) * dtype.itemsize)
    program.submit(
        Atomic(
            site(), inputs, value, place, lanes.runs, _performer(change, lanes, dtype, read),
            sent=len(operands) * dtype.itemsize, returned=dtype.itemsize * returns, acquires=acquires, releases=releases,
        )
    )  # fmt: skip
    return Block(program, dtype, shape, value)


def _order(name: str, sem: str | None, scope: str | None) -> tuple[bool, bool]:
    if scope not in _SCOPES:
        raise ValueError(f"tl.{name}: scope is one of gpu, cta and sys, got {scope!r}")
    orders = _ONE_SIDED.get(name, tuple(_ORDERS))
    order = sem or "acq_rel"
    if order not in orders:
        raise ValueError(f"tl.{name}: sem is one of {', '.join(orders)}, got {sem!r}")
    return _ORDERS[order]


def _in_float32(change: Change, dtype: DType) -> Change:
    """`change` of fp8 elements, rounded once as any other operation on them."""
    rounded = numerics.rounding(dtype)

    def changed(*elements: Any) -> Any:
        return rounded(change(*[np.asarray(each).astype(np.float32) for each in elements]))

    return changed


def _reader(operand: Any, dtype: DType, chosen: Array) -> Callable[[Any], Array]:
    """An operand's elements in the lanes, from the arrays of the operation's inputs in order."""
    if not isinstance(operand, Block):
        number = constant(operand, dtype)
        return lambda _: np.broadcast_to(number, chosen.shape)[chosen]
    view, convert = operand.lens, numerics.cast(operand.dtype, dtype)

    def read(arrays: Any) -> Array:
        array = next(arrays)
        lanes: Array = np.broadcast_to(convert(array if view is None else view(array)), chosen.shape)[chosen]
        return lanes

    return read


def _performer(
    change: Change, lanes: Lanes, dtype: DType, read: list[Callable[[Any], Array]]
) -> Callable[[Sequence[tuple[int, int]], list[Any] | None], tuple[int, Exchange | None]]:
    size, kind = dtype.itemsize, dtype.numpy

    def perform(pieces: Sequence[tuple[int, int]], arrays: list[Any] | None) -> tuple[int, Exchange | None]:
        # Where in the part the elements of the whole access are.
        local = np.full(lanes.total, -1, np.intp)
        at = 0
        for position, length in pieces:
            local[position // size : (position + length) // size] = np.arange(at // size, (at + length) // size)
            at += length
        places = local[lanes.places]
        which = np.flatnonzero(places >= 0)
        if arrays is None:
            return len(which), None
        given = iter(arrays)
        operands = [reader(given)[which] for reader in read]
        return len(which), _exchange(change, places[which], which, operands, kind)

    return perform


def _exchange(change: Change, places: Array, which: Array, operands: list[Array], kind: Any) -> Exchange:
    """What the controller does to the bytes of a part."""
    apart = len(np.unique(places)) == len(places)

    def exchange(data: bytes) -> tuple[bytes, Any]:
        elements = np.frombuffer(data, kind).copy()
        with np.errstate(all="ignore"):
            if apart:
                old = elements[places]
                elements[places] = np.asarray(change(old, *operands)).astype(kind, copy=False)
            else:
                old = np.empty(len(places), kind)
                for lane, place in enumerate(places.tolist()):
                    old[lane] = elements[place]
                    values = [operand[lane : lane + 1] for operand in operands]
                    elements[place : place + 1] = change(elements[place : place + 1], *values)
        return elements.tobytes(), (which, old)

    return exchange
