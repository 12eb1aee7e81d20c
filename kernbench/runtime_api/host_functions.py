"""Functions of torch that a program computes references with, where the rank's namespace has none: the host does them.

They read their tensors over the host's link and write the result back, as any host program would; no kernel runs.
"""

from collections.abc import Callable
from functools import partial
from math import erf, prod
from typing import Any, NamedTuple

import numpy as np

from kernbench.runtime_api import on_host
from kernbench.runtime_api.elements import elements
from kernbench.runtime_api.host_autograd import steps_back
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.torch import Torch
from kernbench.triton_emu.numerics import Array


class HostFunctions:
    """`torch.NAME` by numpy; results have the first tensor's type unless said otherwise."""

    def __init__(self, torch: Torch) -> None:
        self._torch = torch

    def find(self, name: str) -> Callable[..., Any] | None:
        """The function of this name, if there is one."""
        if name in _ONE_BY_ONE:
            return partial(self._one_by_one, _ONE_BY_ONE[name])
        if (method := on_host.function(name)) is not None:
            return method
        found: Callable[..., Any] | None = None if name.startswith("_") or name == "find" else getattr(self, name, None)
        return found

    def tril(self, x: Tensor, diagonal: int = 0) -> Tensor:
        """The lower triangle, zero above."""
        return self._like(x, np.tril(x.numpy(), diagonal))

    def triu(self, x: Tensor, diagonal: int = 0) -> Tensor:
        """The upper triangle, zero below."""
        return self._like(x, np.triu(x.numpy(), diagonal))

    def linspace(self, start: float, end: float, steps: int, *, dtype: Any = None) -> Tensor:
        """`steps` numbers from `start` to `end`, evenly spaced."""
        kind = dtype or self._torch.float32
        return self._torch.from_numpy(elements(np.linspace(start, end, steps), kind))

    def erf(self, x: Tensor) -> Tensor:
        """The error function."""
        return self._like(x, np.vectorize(erf, otypes=[np.float64])(_wide(x)))

    def cumprod(self, x: Tensor, dim: int) -> Tensor:
        """Products of all elements up to each one, along `dim`."""
        return self._like(x, np.cumprod(_wide(x), axis=dim))

    def sort(self, x: Tensor, dim: int = -1, *, descending: bool = False) -> "Sorted":
        """The elements in order along `dim`, and where each one was; equal ones keep their order."""
        values = _wide(x)
        order = np.argsort(-values if descending else values, axis=dim, kind="stable")
        places = self._torch.from_numpy(order.astype(np.int64))
        return Sorted(self._like(x, np.take_along_axis(values, order, dim)), places)

    def flip(self, x: Tensor, dims: Any) -> Tensor:
        """The elements in reverse along `dims`."""
        return self._like(x, np.flip(x.numpy(), dims))

    def bincount(self, x: Tensor, minlength: int = 0) -> Tensor:
        """How often each number from 0 on occurs."""
        return self._torch.from_numpy(np.bincount(x.numpy(), minlength=minlength).astype(np.int64))

    def histc(self, x: Tensor, bins: int = 100, min: float = 0, max: float = 0) -> Tensor:  # noqa: A002  # torch's names
        """How many elements lie in each of `bins` equal stretches from `min` to `max` (of all, if both are 0)."""
        values = _wide(x)
        bounds = (values.min(), values.max()) if min == max == 0 else (min, max)
        return self._like(x, np.histogram(values, bins, bounds)[0])

    def layer_norm(
        self,
        x: Tensor,
        normalized_shape: Any,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        eps: float = 1e-5,
    ) -> Tensor:
        """Elements less their mean over their standard deviation, over the last axes, times `weight` plus `bias`."""
        shape = tuple(normalized_shape) if isinstance(normalized_shape, tuple | list) else (int(normalized_shape),)
        values = _wide(x).reshape(-1, prod(shape))
        spread = np.sqrt(values.var(1, keepdims=True) + eps)
        normal = (values - values.mean(1, keepdims=True)) / spread
        scale = np.ones(prod(shape)) if weight is None else _wide(weight).reshape(-1)
        out = normal * scale + (0 if bias is None else _wide(bias).reshape(-1))

        def backward(gradient: Tensor) -> tuple[Tensor | None, ...]:
            """The derivatives of the formula above with respect to x, weight and bias."""
            dy = _wide(gradient).reshape(normal.shape)
            wdy = dy * scale
            along = (wdy * normal).mean(1, keepdims=True)
            dx = (wdy - normal * along - wdy.mean(1, keepdims=True)) / spread
            of_weight = None if weight is None else self._like(weight, (dy * normal).sum(0).reshape(shape))
            of_bias = None if bias is None else self._like(bias, dy.sum(0).reshape(shape))
            return self._like(x, dx.reshape(x.shape)), of_weight, of_bias

        return steps_back(self._like(x, out.reshape(x.shape)), (x, weight, bias), backward)

    def _one_by_one(self, function: Callable[[Array], Array], x: Tensor) -> Tensor:
        """A function of each element."""
        with np.errstate(all="ignore"):
            return self._like(x, function(_wide(x)))

    def _like(self, x: Tensor, values: Array) -> Tensor:
        """A tensor of these values with the type of `x`."""
        return self._torch.from_numpy(np.ascontiguousarray(elements(values, x.dtype)))


_ONE_BY_ONE: dict[str, Callable[[Array], Array]] = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan, "atanh": np.arctanh,
    "ceil": np.ceil, "cos": np.cos, "cosh": np.cosh, "exp2": np.exp2, "expm1": np.expm1, "floor": np.floor,
    "log10": np.log10, "log1p": np.log1p, "log2": np.log2, "reciprocal": np.reciprocal, "round": np.rint,
    "sign": np.sign, "sin": np.sin, "sinh": np.sinh, "tan": np.tan, "trunc": np.trunc,
}  # fmt: skip


class Sorted(NamedTuple):
    """What `torch.sort` gives."""

    values: Tensor
    indices: Tensor


def _wide(x: Tensor) -> Array:
    """The elements in double precision, integers in 64 bits."""
    array = x.numpy()
    return array.astype(np.int64 if array.dtype.kind in "iub" else np.float64)
