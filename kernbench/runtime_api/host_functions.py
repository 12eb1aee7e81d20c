"""Functions of torch that a program computes references with, where the rank's namespace has none: the host does them.

They read their tensors over the host's link and write the result back, as any host program would; no kernel runs.
"""

from collections.abc import Callable
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np

from kernbench.runtime_api import host_layers, host_methods, on_host, rearranging
from kernbench.runtime_api.elements import elements
from kernbench.runtime_api.host_array import back, values
from kernbench.runtime_api.promotion import common
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.torch import Torch
from kernbench.runtime_api.tracking import tracked
from kernbench.triton_emu.dtype import DType, limits
from kernbench.triton_emu.numerics import Array

_METHODS = (
    on_host.METHODS
    | rearranging.METHODS
    | {
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "square",
        "subtract",
        "multiply",
        "divide",
        "zeros_like",
        "is_floating_point",
        "ravel",
    }
)
"""Methods of tensors that are functions too, with the tensor first, and that the rank's namespace has not."""


class HostFunctions:
    """`torch.NAME` by numpy; results have the first tensor's type unless said otherwise."""

    def __init__(self, torch: Torch) -> None:
        self._torch = torch

    def find(self, name: str) -> Callable[..., Any] | None:
        """The function of this name, if there is one."""
        function = host_methods.find(name)
        if function is not None:
            return tracked(name, function)
        if name in _METHODS and hasattr(Tensor, name):
            return _of_method(name)
        if name == "layer_norm":
            return tracked(name, self.layer_norm)
        found: Callable[..., Any] | None = None if name.startswith("_") or name == "find" else getattr(self, name, None)
        return found

    def layer(self, name: str) -> Callable[..., Any] | None:
        """The function of `torch.nn.functional` of this name, if there is one that is none of `torch`."""
        if name == "dropout":
            return self._dropout
        function = self.layer_norm if name == "layer_norm" else host_layers.FUNCTIONS.get(name)
        return None if function is None else tracked(name, function)

    def linspace(self, start: float, end: float, steps: int, *, dtype: Any = None) -> Tensor:
        """`steps` numbers from `start` to `end`, evenly spaced."""
        return self._numbers(np.linspace(start, end, steps), dtype)

    def logspace(self, start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None) -> Tensor:
        """`steps` powers of `base`, their exponents evenly spaced."""
        return self._numbers(np.logspace(start, end, steps, base=base), dtype)

    def _numbers(self, array: Array, dtype: Any) -> Tensor:
        return self._torch.from_numpy(elements(array, dtype or self._torch.float32))

    def scalar_tensor(self, value: Any, *, dtype: Any = None) -> Tensor:
        """A tensor without axes."""
        return self._torch.tensor(value, dtype=dtype)

    def asarray(self, data: Any, *, dtype: Any = None) -> Tensor:
        """A tensor of nested lists, numbers or an array; a tensor itself."""
        return data.to(dtype) if isinstance(data, Tensor) else self._torch.tensor(data, dtype=dtype)

    def empty_strided(self, size: Any, stride: Any, *, dtype: Any = None) -> Tensor:
        """An unwritten tensor whose elements lie in these strides."""
        span = 1 + sum((extent - 1) * step for extent, step in zip(size, stride, strict=True))
        return self._torch.empty(0 if 0 in size else span, dtype=dtype).as_strided(size, stride)

    def tril_indices(self, row: int, col: int, offset: int = 0) -> Tensor:
        """Rows and columns of the lower triangle of a matrix."""
        return self._torch.from_numpy(np.stack(np.tril_indices(row, offset, col)).astype(np.int64))

    def triu_indices(self, row: int, col: int, offset: int = 0) -> Tensor:
        """Rows and columns of the upper triangle of a matrix."""
        return self._torch.from_numpy(np.stack(np.triu_indices(row, offset, col)).astype(np.int64))

    def randint_like(self, x: Tensor, low: Any, high: Any = None, *, dtype: Any = None) -> Tensor:
        """Random integers in the shape of a tensor."""
        least, most = (0, low) if high is None else (low, high)
        return self._torch.randint(least, most, tuple(x.shape), dtype=dtype or x.dtype)

    def normal(self, mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, dtype: Any = None) -> Tensor:
        """Normal random numbers with this mean and standard deviation."""
        shape = tuple((mean if isinstance(mean, Tensor) else std).shape) if size is None else tuple(size)
        found: Tensor = self._torch.randn(shape, dtype=dtype) * std + mean
        return found

    def bernoulli(self, x: Tensor) -> Tensor:
        """1 with the probability that the element is, else 0."""
        return back(x, self._torch.rand(tuple(x.shape)).numpy() < values(x))

    def finfo(self, dtype: DType | None = None) -> Any:
        """The limits of a type of floats."""
        kind = dtype or self._torch.float32
        if not kind.is_floating():
            raise TypeError(f"torch.finfo() requires a floating point input type. Use torch.iinfo to handle {kind!r}")
        info = limits(kind)
        names = {
            name: float(getattr(info, name)) for name in ("min", "max", "eps", "tiny", "smallest_normal", "resolution")
        }
        return SimpleNamespace(bits=info.bits, dtype=kind.name, **names)

    def iinfo(self, dtype: DType) -> Any:
        """The limits of a type of integers."""
        if not dtype.is_int() or dtype.is_bool():
            raise TypeError(f"torch.iinfo() requires an integer input type. Use torch.finfo to handle {dtype!r}")
        info = np.iinfo(dtype.numpy)
        return SimpleNamespace(bits=info.bits, min=int(info.min), max=int(info.max), dtype=dtype.name)

    def promote_types(self, type1: DType, type2: DType) -> DType:
        """The type of elements of two types together."""
        return common(type1, type2)

    def result_type(self, tensor1: Any, tensor2: Any) -> DType:
        """The type of the result of two operands."""
        left, right = (tensor1, tensor2) if isinstance(tensor1, Tensor) else (tensor2, tensor1)
        return common(left.dtype, right)

    def _dropout(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        """Each element over 1 - p, or with probability p zero; itself if not training."""
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        if not training or not p:
            return x
        kept = self._torch.rand(tuple(x.shape)).numpy() >= p
        found = x * back(x, kept / (1 - p) if p < 1 else kept * 0)
        return x.copy_(found) if inplace else found

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
        rows = values(x).reshape(-1, prod(shape))
        spread = np.sqrt(rows.var(1, keepdims=True) + eps)
        normal = (rows - rows.mean(1, keepdims=True)) / spread
        scale = np.ones(prod(shape)) if weight is None else values(weight).reshape(-1)
        out = normal * scale + (0 if bias is None else values(bias).reshape(-1))
        return back(x, out.reshape(x.shape))


def _of_method(name: str) -> Callable[..., Any]:
    """`torch.NAME(x, ...)` for `x.NAME(...)`."""

    def call(x: Any, *args: Any, **options: Any) -> Any:
        """The method of the first argument."""
        return getattr(x, name)(*args, **options)

    return call
