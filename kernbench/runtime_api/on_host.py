"""Methods of a tensor that the host computes: checks and references, which are no part of what a device is timed for.

They read their operands over the host's link and write the result back, in simulated time; no kernel runs.
"""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.launching import Launching
from kernbench.triton_emu.dtype import DType, int1, int64

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class OnHost(Launching):
    """By torch's names; results have the tensor's type unless said otherwise. Floats are computed in float64."""

    def all(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Whether all elements are true, along an axis or of all."""
        return self._back(np.all(self._there() != 0, axis=dim, keepdims=keepdim and dim is not None), int1)

    def any(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Whether some element is true, along an axis or of all."""
        return self._back(np.any(self._there() != 0, axis=dim, keepdims=keepdim and dim is not None), int1)

    def argmax(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Where the first maximum is (int64), along an axis or among all elements in order."""
        return self._back(np.argmax(self._there(), axis=dim, keepdims=keepdim and dim is not None), int64)

    def argmin(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Where the first minimum is (int64), along an axis or among all elements in order."""
        return self._back(np.argmin(self._there(), axis=dim, keepdims=keepdim and dim is not None), int64)

    def prod(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The product along an axis or of all; of integers in int64."""
        kind = self.dtype if self.dtype.is_floating() else int64
        return self._back(np.prod(self._there(), axis=dim, keepdims=keepdim and dim is not None), kind)

    def var(self, dim: Any = None, *, correction: Any = 1, keepdim: Any = False) -> "Tensor":
        """The variance along an axis or of all: squares over the count less `correction`."""
        found = np.var(self._there(), axis=dim, ddof=correction, keepdims=keepdim and dim is not None)
        return self._back(found, self.dtype)

    def std(self, dim: Any = None, *, correction: Any = 1, keepdim: Any = False) -> "Tensor":
        """The square root of the variance."""
        found = np.std(self._there(), axis=dim, ddof=correction, keepdims=keepdim and dim is not None)
        return self._back(found, self.dtype)

    def norm(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The square root of the sum of squares, along an axis or of all."""
        squares = np.sum(self._there() ** 2, axis=dim, keepdims=keepdim and dim is not None)
        return self._back(np.sqrt(squares), self.dtype)

    def cumsum(self, dim: Any) -> "Tensor":
        """Sums of all elements up to each one, along `dim`; of integers in int64."""
        kind = self.dtype if self.dtype.is_floating() else int64
        return self._back(np.cumsum(self._there(), axis=dim), kind)

    def count_nonzero(self, dim: Any = None) -> "Tensor":
        """How many elements are not 0 (int64), along an axis or of all."""
        return self._back(np.count_nonzero(self._there(), axis=dim), int64)

    def clamp(self, min: Any = None, max: Any = None) -> "Tensor":  # noqa: A002  # torch's names
        """Elements no less than `min` and no more than `max`, as far as they are given."""
        if min is None and max is None:
            raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
        values = self._there()
        values = values if min is None else np.maximum(values, min)  # NaN stays NaN, as in torch
        return self._back(values if max is None else np.minimum(values, max), self.dtype)

    def pow(self, exponent: Any) -> "Tensor":
        """Powers of the elements."""
        with np.errstate(all="ignore"):
            return self._back(self._there() ** _values(exponent), self.dtype)

    def masked_fill(self, mask: "Tensor", value: Any) -> "Tensor":
        """`value` where `mask` is true."""
        return self._back(np.where(_values(mask) != 0, value, self._there()), self.dtype)

    def repeat(self, *sizes: Any) -> "Tensor":
        """The tensor so many times along each axis."""
        counts = tuple(sizes[0]) if len(sizes) == 1 and isinstance(sizes[0], tuple | list) else sizes
        return self._back(np.tile(self._there(), counts), self.dtype)

    def isnan(self) -> "Tensor":
        """Which elements are not a number."""
        return self._back(np.isnan(self._there()), int1)

    def isinf(self) -> "Tensor":
        """Which elements are infinite."""
        return self._back(np.isinf(self._there()), int1)

    def isfinite(self) -> "Tensor":
        """Which elements are neither infinite nor NaN."""
        return self._back(np.isfinite(self._there()), int1)

    def equal(self, other: "Tensor") -> Any:
        """Whether shape and all elements are the same: a bool of Python."""
        return tuple(self.shape) == tuple(other.shape) and bool(np.array_equal(self._there(), _values(other)))

    def allclose(self, other: "Tensor", rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: Any = False) -> Any:
        """Whether all elements are within atol + rtol |other|: a bool of Python."""
        return bool(np.allclose(self._there(), _values(other), rtol=rtol, atol=atol, equal_nan=equal_nan))

    def _there(self) -> Any:
        return _values(self)

    def _back(self, values: Any, kind: DType) -> "Tensor":
        array = np.asarray(values)
        made = self._made(array.shape, kind)
        return made.copy_(array) if prod(array.shape) else made


METHODS = frozenset(name for name in vars(OnHost) if not name.startswith("_"))
"""Names that are functions of `torch` too, with the tensor first."""


def function(name: str) -> Callable[..., Any] | None:
    """`torch.NAME(x, ...)` for `x.NAME(...)`, if it is one of these."""
    if name not in METHODS:
        return None

    def call(x: Any, *args: Any, **options: Any) -> Any:
        """The method of the first argument."""
        return getattr(x, name)(*args, **options)

    return call


def _values(x: Any) -> Any:
    """A tensor's elements, floats as float64; a number as it is."""
    if not hasattr(x, "numpy"):
        return x
    array = x.numpy()
    return array.astype(np.float64) if x.dtype.is_floating() else array
