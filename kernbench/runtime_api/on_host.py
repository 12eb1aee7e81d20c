"""Methods of a tensor that the host computes: checks and references, which are no part of what a device is timed for.

They read their operands over the host's link and write the result back, in simulated time; no kernel runs.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.host_array import axes, back, values
from kernbench.runtime_api.launching import Launching
from kernbench.runtime_api.promotion import common
from kernbench.triton_emu.dtype import DType, int1, int64

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class OnHost(Launching):
    """By torch's names; results have the tensor's type unless said otherwise. Floats are computed in float64."""

    def all(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Whether all elements are true, along an axis or of all."""
        return self._back(np.all(self._there() != 0, axis=axes(dim), keepdims=keepdim and dim is not None), int1)

    def any(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Whether some element is true, along an axis or of all."""
        return self._back(np.any(self._there() != 0, axis=axes(dim), keepdims=keepdim and dim is not None), int1)

    def argmax(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Where the first maximum is (int64), along an axis or among all elements in order."""
        return self._back(np.argmax(self._there(), axis=axes(dim), keepdims=keepdim and dim is not None), int64)

    def argmin(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """Where the first minimum is (int64), along an axis or among all elements in order."""
        return self._back(np.argmin(self._there(), axis=axes(dim), keepdims=keepdim and dim is not None), int64)

    def prod(self, dim: Any = None, keepdim: Any = False, *, dtype: DType | None = None) -> "Tensor":
        """The product along an axis or of all; of integers in int64."""
        kind = dtype or (self.dtype if self.dtype.is_floating() else int64)
        return self._back(np.prod(self._there(), axis=axes(dim), keepdims=keepdim and dim is not None), kind)

    def var(self, dim: Any = None, unbiased: Any = None, keepdim: Any = False, *, correction: Any = 1) -> "Tensor":
        """The variance along an axis or of all: squares over the count less `correction` (1 or 0 if `unbiased` or not)."""
        less = correction if unbiased is None else int(unbiased)
        found = np.var(self._there(), axis=axes(dim), ddof=less, keepdims=keepdim and dim is not None)
        return self._back(found, self.dtype)

    def std(self, dim: Any = None, unbiased: Any = None, keepdim: Any = False, *, correction: Any = 1) -> "Tensor":
        """The square root of the variance."""
        less = correction if unbiased is None else int(unbiased)
        found = np.std(self._there(), axis=axes(dim), ddof=less, keepdims=keepdim and dim is not None)
        return self._back(found, self.dtype)

    def cumsum(self, dim: Any, *, dtype: DType | None = None) -> "Tensor":
        """Sums of all elements up to each one, along `dim`; of integers in int64."""
        kind = dtype or (self.dtype if self.dtype.is_floating() else int64)
        return self._back(np.cumsum(self._there(), axis=axes(dim)), kind)

    def count_nonzero(self, dim: Any = None) -> "Tensor":
        """How many elements are not 0 (int64), along an axis or of all."""
        return self._back(np.count_nonzero(self._there(), axis=axes(dim)), int64)

    def clamp(self, min: Any = None, max: Any = None) -> "Tensor":  # noqa: A002  # torch's names
        """Elements no less than `min` and no more than `max`, as far as they are given."""
        if min is None and max is None:
            raise RuntimeError("torch.clamp: At least one of 'min' or 'max' must not be None")
        kind, found = self.dtype, self._there()
        for bound, function in ((min, np.maximum), (max, np.minimum)):  # NaN stays NaN, as in torch
            if bound is not None:
                kind = common(kind, bound)
                found = function(found, values(bound))
        return self._back(found, kind)

    clip = clamp

    def masked_fill(self, mask: "Tensor", value: Any) -> "Tensor":
        """`value` where `mask` is true."""
        return self._back(np.where(values(mask) != 0, values(value), self._there()), self.dtype)

    def tile(self, *dims: Any) -> "Tensor":
        """The tensor so many times along each axis."""
        return self.repeat(*dims)

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
        return tuple(self.shape) == tuple(other.shape) and bool(np.array_equal(self._there(), values(other)))

    def allclose(self, other: "Tensor", rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: Any = False) -> Any:
        """Whether all elements are within atol + rtol |other|: a bool of Python."""
        return bool(np.allclose(self._there(), values(other), rtol=rtol, atol=atol, equal_nan=equal_nan))

    def _there(self) -> Any:
        return values(self)

    def _back(self, found: Any, kind: DType) -> "Tensor":
        return back(self, found, kind)  # type: ignore[arg-type]


METHODS = frozenset(name for name in vars(OnHost) if not name.startswith("_"))
"""Names that are functions of `torch` too, with the tensor first."""
