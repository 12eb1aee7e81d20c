"""Which bytes a block of pointers touches, in merged ascending runs, and how those bytes and a block correspond."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from kernbench.common.errors import KernelError
from kernbench.common.ops import Runs
from kernbench.triton_emu.dtype import DType
from kernbench.triton_emu.index import Index, Mask, Shape, Span, joint
from kernbench.triton_emu.numerics import Array


class PointerArg(NamedTuple):
    """A tensor argument of a kernel: its name there, its virtual address and size, its elements' type.

    `before` are the bytes ahead of the address that belong to it too: of a view, those of its storage.
    """

    name: str
    address: int
    nbytes: int
    dtype: DType
    before: int = 0


class Access(NamedTuple):
    """`runs` in bytes; `spread` makes a block of flat elements in run order, `gather` flat elements of a block."""

    runs: Runs
    nbytes: int
    spread: Callable[[Array, Any], Array]
    gather: Callable[[Array], Array]


def resolve(arg: PointerArg, index: Index, mask: Mask | None, *, writing: bool) -> Access | None:
    """The access of `arg[index]` where `mask` holds; None when it holds nowhere."""
    shape = index.shape if mask is None else joint(index.shape, mask.shape)
    index = index.broadcast(shape)
    mask = Mask.full(shape) if mask is None else mask.broadcast(shape)
    if index.array is None and mask.array is None:
        layout = _layout(shape, index.strides, mask.box, writing)
        if layout is not None:
            return _place(arg, index.base, layout) if layout.run else None
    return _listed(arg, index.values(), mask.values())


class _Layout(NamedTuple):
    """An affine access from base 0, in elements: starts of its equal runs, the last element, and block <-> flat."""

    starts: tuple[int, ...]
    run: int
    last: int
    spread: Callable[[Array, Any], Array]
    gather: Callable[[Array], Array]


def _place(arg: PointerArg, base: int, layout: _Layout) -> Access:
    """A layout at its place in a tensor."""
    starts, run, last, spread, gather = layout
    _check(arg, base + starts[0], base + last)
    size = arg.dtype.itemsize
    at = arg.address + base * size
    nbytes = run * size
    return Access(tuple([(at + start * size, nbytes) for start in starts]), nbytes * len(starts), spread, gather)


@lru_cache(maxsize=4096)  # a loop asks for the same few layouts at many places
def _layout(shape: Shape, strides: Shape, box: tuple[Span, ...], writing: bool) -> _Layout | None:
    """The layout of an affine access; run 0 when the box is empty, None when its runs are not equal or not in order."""
    counts = tuple(high - low for low, high in box)
    if 0 in counts:
        return _Layout((), 0, 0, _nothing, _nothing)
    several = sorted((d for d, count in enumerate(counts) if count > 1), key=lambda d: -strides[d])
    axes = [d for d in several if strides[d]]
    if (writing and len(axes) < len(several)) or not _nests(axes, counts, strides):
        return None
    starts = [sum(low * stride for (low, _), stride in zip(box, strides, strict=True))]
    last = starts[0] + sum(strides[d] * (counts[d] - 1) for d in axes)
    run = 1
    outer = list(axes)
    while outer and strides[outer[-1]] == run:
        run *= counts[outer.pop()]
    for d in outer:
        starts = [start + i * strides[d] for start in starts for i in range(counts[d])]
    ascending = axes == sorted(axes)
    order = np.argsort(axes).tolist()
    inverse = np.argsort(order).tolist()
    flat = [counts[d] for d in axes]
    kept = [counts[d] for d in sorted(axes)]
    placed = tuple(counts[d] if d in axes else 1 for d in range(len(shape)))
    whole = counts == shape
    slices = tuple(slice(low, high) for low, high in box)

    def spread(elements: Array, other: Any) -> Array:
        part = (elements if ascending else elements.reshape(flat).transpose(order)).reshape(placed)
        if whole:
            return part if placed == shape else np.broadcast_to(part, shape)
        out = np.full(shape, other, elements.dtype)
        out[slices] = part
        return out

    def gather(block: Array) -> Array:
        part = block if block.shape == shape else np.broadcast_to(block, shape)
        if not whole:
            part = part[slices]
        return (part if ascending else part.reshape(kept).transpose(inverse)).reshape(-1)

    return _Layout(tuple(starts), run, last, spread, gather)


def _nothing(*_: Any) -> Array:
    raise AssertionError("an access of no element moves nothing")


def _nests(axes: list[int], counts: Shape, strides: Shape) -> bool:
    """Whether an outer step passes all that the inner axes reach, so that addresses ascend axis by axis.

    Not where it ends right behind elements that have gaps between them: runs would differ in length there.
    """
    reach = elements = 1
    for axis in reversed(axes):
        if strides[axis] < reach or strides[axis] == reach > elements:
            return False
        reach += strides[axis] * (counts[axis] - 1)
        elements *= counts[axis]
    return True


class Lanes(NamedTuple):
    """An access lane by lane: `runs` of the distinct elements, and of each chosen lane the place among those."""

    runs: Runs
    places: Array
    total: int


def by_lane(arg: PointerArg, index: Index, mask: Mask | None) -> tuple[Lanes | None, Array]:
    """The chosen lanes of `arg[index]` in order, None when there are none, and where in the block they are."""
    shape = index.shape if mask is None else joint(index.shape, mask.shape)
    offsets = index.broadcast(shape).values()
    chosen = np.ones(shape, np.bool_) if mask is None else mask.broadcast(shape).values()
    if not chosen.any():
        return None, chosen
    elements, places = np.unique(offsets[chosen], return_inverse=True)
    _check(arg, int(elements[0]), int(elements[-1]))
    return Lanes(_merged(arg, elements), places, len(elements)), chosen


def _merged(arg: PointerArg, elements: Array) -> Runs:
    """Ascending elements as runs of bytes."""
    breaks = np.flatnonzero(np.diff(elements) != 1) + 1
    firsts = np.concatenate(([0], breaks))
    sizes = np.diff(np.concatenate((firsts, [len(elements)])))
    size = arg.dtype.itemsize
    return tuple(zip((arg.address + elements[firsts] * size).tolist(), (sizes * size).tolist(), strict=True))


def _listed(arg: PointerArg, offsets: Array, mask: Array) -> Access | None:
    """Any access: elements one by one, those that touch merged into runs; the last lane wins a store."""
    chosen = offsets[mask]
    if not chosen.size:
        return None
    elements, inverse = np.unique(chosen, return_inverse=True)
    _check(arg, int(elements[0]), int(elements[-1]))
    runs, size = _merged(arg, elements), arg.dtype.itemsize

    def spread(flat: Array, other: Any) -> Array:
        out = np.full(offsets.shape, other, flat.dtype)
        out[mask] = flat[inverse]
        return out

    def gather(block: Array) -> Array:
        flat = np.empty(len(elements), block.dtype)
        flat[inverse] = np.broadcast_to(block, offsets.shape)[mask]
        return flat

    return Access(runs, len(elements) * size, spread, gather)


def _check(arg: PointerArg, low: int, high: int) -> None:
    count = arg.nbytes // arg.dtype.itemsize
    first = -(arg.before // arg.dtype.itemsize)
    if low < first or high >= count:
        wrong = low if low < first else high
        raise KernelError(
            f"{arg.name}[{wrong}] is outside the tensor: it has {count} elements of {arg.dtype}; mask the access"
        )
