"""What depends on the order of elements, computed by the host: sorting, the greatest few, places, running results."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from kernbench.runtime_api.host_array import back, floating, values
from kernbench.triton_emu.dtype import int32, int64

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class Ordered(NamedTuple):
    """What `sort`, `topk`, and `max` and `min` along an axis give: elements, and where each one was (int64)."""

    values: "Tensor"
    indices: "Tensor"


def _order(array: Any, dim: Any, *, descending: Any) -> Any:
    """Places in order along an axis; NaN is the greatest, equal ones keep their order."""
    if not descending:
        return np.argsort(array, axis=dim, kind="stable")
    return np.flip(array.shape[dim] - 1 - np.argsort(np.flip(array, dim), axis=dim, kind="stable"), dim)


def sort(x: "Tensor", dim: Any = -1, descending: Any = False, *, stable: Any = True) -> Ordered:
    """The elements in order along `dim`, and where each one was; equal ones keep their order."""
    del stable
    if not x.ndim:
        return Ordered(x.clone(), back(x, np.zeros((), np.int64), int64))
    array = values(x)
    order = _order(array, dim, descending=descending)
    return Ordered(back(x, np.take_along_axis(array, order, dim)), back(x, order, int64))


def argsort(x: "Tensor", dim: Any = -1, descending: Any = False, *, stable: Any = True) -> "Tensor":
    """Where the elements in order along `dim` are (int64)."""
    del stable
    return back(x, _order(values(x), dim, descending=descending), int64)


def topk(x: "Tensor", k: Any, dim: Any = -1, largest: Any = True, sorted: Any = True) -> Ordered:  # noqa: A002  # torch's names
    """The `k` greatest, or least, elements along `dim` in order, and where they were; of equal ones the first."""
    del sorted
    array = values(x)
    if not 0 <= k <= array.shape[dim]:
        raise RuntimeError("selected index k out of range")
    order = np.take(_order(array, dim, descending=largest), range(k), axis=dim)
    return Ordered(back(x, np.take_along_axis(array, order, dim)), back(x, order, int64))


def kthvalue(x: "Tensor", k: Any, dim: Any = -1, keepdim: Any = False) -> Ordered:
    """The `k`-th least element along `dim`, counted from 1, and where it was."""
    array = values(x)
    if not 1 <= k <= array.shape[dim]:
        raise RuntimeError("kthvalue(): selected number k out of range for dimension")
    order = np.take(_order(array, dim, descending=False), [k - 1], axis=dim)
    return _squeezed(x, np.take_along_axis(array, order, dim), order, dim, keepdim)


def greatest(x: "Tensor", dim: Any, keepdim: Any) -> Ordered:
    """The maximum along an axis and where it first is; NaN is the greatest."""
    return _extreme(x, np.argmax, dim, keepdim)


def least(x: "Tensor", dim: Any, keepdim: Any) -> Ordered:
    """The minimum along an axis and where it first is; NaN is the least."""
    return _extreme(x, np.argmin, dim, keepdim)


def _extreme(x: "Tensor", where: Callable[..., Any], dim: Any, keepdim: Any) -> Ordered:
    array = values(x)
    order = where(array, axis=dim, keepdims=True)
    return _squeezed(x, np.take_along_axis(array, order, dim), order, dim, keepdim)


def _squeezed(x: "Tensor", found: Any, order: Any, dim: Any, keepdim: Any) -> Ordered:
    if not keepdim:
        found, order = np.squeeze(found, dim), np.squeeze(order, dim)
    return Ordered(back(x, found), back(x, order, int64))


def nonzero(x: "Tensor", *, as_tuple: Any = False) -> Any:
    """Where the elements that are not 0 are (int64): a row each, or with `as_tuple` a tensor for each axis."""
    found = np.nonzero(values(x))
    if as_tuple:
        return tuple(back(x, each, int64) for each in found)
    return back(x, np.stack(found, 1) if found else np.zeros((int(values(x) != 0), 0)), int64)


def argwhere(x: "Tensor") -> "Tensor":
    """Where the elements that are not 0 are: a row each (int64)."""
    made: Tensor = nonzero(x)
    return made


def unique(x: "Tensor", sorted: Any = True, return_inverse: Any = False, return_counts: Any = False) -> Any:  # noqa: A002
    """The elements that occur, in order; where each is among them, and how often it occurs, if asked for."""
    del sorted
    found, inverse, counts = np.unique(values(x), return_inverse=True, return_counts=True)
    parts = [back(x, found)]
    parts += [back(x, inverse.reshape(x.shape), int64)] if return_inverse else []
    parts += [back(x, counts, int64)] if return_counts else []
    return parts[0] if len(parts) == 1 else tuple(parts)


def searchsorted(sorted_sequence: "Tensor", input: Any, *, right: Any = False, out_int32: Any = False) -> "Tensor":  # noqa: A002
    """Where each element would go into a sorted sequence (int64): before equal ones, or with `right` after them."""
    rows, wanted = values(sorted_sequence), np.asarray(values(input))
    side: Any = "right" if right else "left"
    kind = int32 if out_int32 else int64
    if rows.ndim == 1:
        return back(sorted_sequence, np.searchsorted(rows, wanted, side), kind)
    flat = rows.reshape(-1, rows.shape[-1])
    asked = wanted.reshape(flat.shape[0], -1)
    found = np.stack([np.searchsorted(row, each, side) for row, each in zip(flat, asked, strict=True)])
    return back(sorted_sequence, found.reshape(wanted.shape), kind)


def bucketize(input: "Tensor", boundaries: "Tensor", *, right: Any = False, out_int32: Any = False) -> "Tensor":  # noqa: A002
    """The number of the bucket, between sorted boundaries, that each element is in."""
    return searchsorted(boundaries, input, right=right, out_int32=out_int32)


def bincount(x: "Tensor", weights: Any = None, minlength: Any = 0) -> "Tensor":
    """How often each number from 0 on occurs, or the sum of its weights."""
    counts = np.bincount(values(x), None if weights is None else values(weights), minlength)
    return back(x, counts, int64 if weights is None else floating(weights))


def histc(x: "Tensor", bins: Any = 100, min: Any = 0, max: Any = 0) -> "Tensor":  # noqa: A002  # torch's names
    """How many elements lie in each of `bins` equal stretches from `min` to `max` (of all, if both are 0)."""
    array = values(x)
    bounds = (array.min(), array.max()) if min == max == 0 else (min, max)
    return back(x, np.histogram(array, bins, bounds)[0])


def cumprod(x: "Tensor", dim: Any, *, dtype: Any = None) -> "Tensor":
    """Products of all elements up to each one, along `dim`; of integers in int64."""
    return back(x, np.cumprod(values(x), axis=dim), dtype or (x.dtype if x.dtype.is_floating() else int64))


def cummax(x: "Tensor", dim: Any) -> Ordered:
    """The greatest of all elements up to each one, and where it last was."""
    return _running(x, np.maximum.accumulate, dim)


def cummin(x: "Tensor", dim: Any) -> Ordered:
    """The least of all elements up to each one, and where it last was."""
    return _running(x, np.minimum.accumulate, dim)


def _running(x: "Tensor", accumulate: Callable[..., Any], dim: Any) -> Ordered:
    array = values(x)
    found = accumulate(array, axis=dim)
    shape = [1] * array.ndim
    shape[dim] = -1
    numbers = np.arange(array.shape[dim]).reshape(shape)
    places = np.where((array == found) | np.isnan(array.astype(np.float64)), numbers, 0)
    return Ordered(back(x, found), back(x, np.maximum.accumulate(places, axis=dim), int64))


def logcumsumexp(x: "Tensor", dim: Any) -> "Tensor":
    """Logarithms of the sums of the powers of e up to each one."""
    return back(x, np.logaddexp.accumulate(values(x), axis=dim))


def diff(x: "Tensor", n: Any = 1, dim: Any = -1) -> "Tensor":
    """Each element less the one before it."""
    return back(x, np.diff(values(x), n, dim))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        sort, argsort, topk, kthvalue, nonzero, argwhere, unique, searchsorted, bucketize, bincount, histc, cumprod, cummax,
        cummin, logcumsumexp, diff,
    )
}  # fmt: skip
