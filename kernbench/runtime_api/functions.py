"""torch's functions of tensors: most are a tensor's own method by the same name."""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from kernbench.runtime_api import host_elementwise, host_order
from kernbench.runtime_api.host_array import values
from kernbench.runtime_api.promotion import common
from kernbench.runtime_api.tensor import Tensor
from kernbench.runtime_api.testing import Testing
from kernbench.runtime_api.tracking import tracked


def _method(name: str, text: str) -> Callable[..., Any]:
    def function(_torch: Any, tensor: Tensor, *args: Any, **kwargs: Any) -> Any:
        return getattr(tensor, name)(*args, **kwargs)

    function.__name__ = name
    function.__doc__ = text
    return function


class Functional:
    """`torch.nn.functional`, as far as kernels need a reference."""

    softmax = _method("softmax", "exp(x - max) / sum along an axis.")
    log_softmax = _method("log_softmax", "x - max - log(sum) along an axis.")
    relu = _method("relu", "What is above 0, else 0.")
    silu = _method("silu", "x sigmoid(x).")
    sigmoid = _method("sigmoid", "1 / (1 + exp(-x)).")
    tanh = _method("tanh", "Hyperbolic tangents.")

    @staticmethod
    def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """The product with the transposed weight, plus the bias: x W^T + b."""
        made = x.matmul(weight.t())
        return made if bias is None else made + bias


class NeuralNetwork:
    """`torch.nn`."""

    functional = Functional()


class Accelerator:
    """`torch.cuda`: the rank's SIP is the one device that it has."""

    @staticmethod
    def is_available() -> bool:
        """Always."""
        return True

    @staticmethod
    def device_count() -> int:
        """One."""
        return 1

    @staticmethod
    def current_device() -> int:
        """The one."""
        return 0

    @staticmethod
    def set_device(_device: Any) -> None:
        """There is no other."""

    @staticmethod
    def synchronize(_device: Any = None) -> None:
        """Kernels are waited for when they are launched."""

    @staticmethod
    def empty_cache() -> None:
        """Nothing is cached."""

    @staticmethod
    def get_device_name(_device: Any = None) -> str:
        """What it is."""
        return "kernbench SIP"

    @staticmethod
    def manual_seed(_seed: int) -> None:
        """`torch.manual_seed` seeds all random numbers there are."""


class Functions:
    """Functions of the namespace `torch`. Comparisons read tensors over the host's link; the rest launches kernels."""

    cuda = Accelerator
    accelerator = Accelerator
    nn = NeuralNetwork

    matmul = _method("matmul", "The product of matrices or stacks of them.")
    mm = _method("mm", "The product of two matrices.")
    bmm = _method("bmm", "Products of stacks of matrices.")
    softmax = _method("softmax", "exp(x - max) / sum along an axis.")
    log_softmax = _method("log_softmax", "x - max - log(sum) along an axis.")
    sum = _method("sum", "The sum along an axis or of all.")
    mean = _method("mean", "The mean along an axis or of all.")
    amax = _method("amax", "The maximum along an axis or of all.")
    amin = _method("amin", "The minimum along an axis or of all.")
    max = _method("max", "The maximum of all elements.")
    min = _method("min", "The minimum of all elements.")
    exp = _method("exp", "Powers of e.")
    log = _method("log", "Natural logarithms.")
    sqrt = _method("sqrt", "Square roots.")
    rsqrt = _method("rsqrt", "Reciprocals of square roots.")
    sigmoid = _method("sigmoid", "1 / (1 + exp(-x)).")
    tanh = _method("tanh", "Hyperbolic tangents.")
    relu = _method("relu", "What is above 0, else 0.")
    abs = _method("abs", "Magnitudes.")
    add = _method("add", "The sum of two.")
    sub = _method("sub", "The difference of two.")
    mul = _method("mul", "The product of two, element by element.")
    div = _method("div", "The quotient of two.")
    maximum = _method("maximum", "The greater of each two.")
    minimum = _method("minimum", "The lesser of each two.")
    reshape = _method("reshape", "Another shape.")
    transpose = _method("transpose", "Two axes exchanged.")
    permute = _method("permute", "Axes in another order.")
    unsqueeze = _method("unsqueeze", "A new axis of one element.")
    squeeze = _method("squeeze", "Without axes of one element.")
    flatten = _method("flatten", "One axis.")
    clone = _method("clone", "A copy.")
    numel = _method("numel", "Count the elements.")
    t = _method("t", "The transpose of a matrix.")
    split = _method("split", "Pieces along an axis.")
    chunk = _method("chunk", "So many pieces along an axis.")

    testing = Testing

    def where(self, condition: Tensor, x: Any = None, y: Any = None) -> Any:
        """Elements of `x` where the condition holds, else of `y`; alone, where it holds, a tensor for each axis."""
        if x is None:
            return host_order.nonzero(condition, as_tuple=True)
        return condition.where(x, y)

    def cat(self, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
        """Tensors joined along an axis."""
        kind = reduce(common, (each.dtype for each in tensors[1:]), tensors[0].dtype)
        first = tensors[0]
        axis = dim % first.ndim
        shape = list(first.shape)
        shape[axis] = sum(each.shape[axis] for each in tensors)
        made = first.new_empty(*shape, dtype=kind)
        at = 0
        for each in tensors:
            made[(*[slice(None)] * axis, slice(at, at + each.shape[axis]))].copy_(each)
            at += each.shape[axis]
        return made

    def stack(self, tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
        """Tensors side by side along a new axis."""
        return self.cat([each.unsqueeze(dim) for each in tensors], dim)

    def vstack(self, tensors: Sequence[Tensor]) -> Tensor:
        """Tensors one below the other; vectors are rows."""
        return self.cat([each.reshape(1, -1) if each.ndim < 2 else each for each in tensors])

    def hstack(self, tensors: Sequence[Tensor]) -> Tensor:
        """Tensors side by side; vectors in a row."""
        return self.cat(tensors, 0 if tensors[0].ndim < 2 else 1)

    def is_tensor(self, thing: Any) -> bool:
        """Whether it is a tensor."""
        return isinstance(thing, Tensor)

    cat = concat = concatenate = tracked("cat", cat)

    def equal(self, a: Tensor, b: Tensor) -> bool:
        """Whether two tensors have the same shape and elements."""
        return a.shape == b.shape and bool(np.array_equal(a.numpy(), b.numpy()))

    def isclose(self, a: Tensor, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
        """Where two tensors are equal within a tolerance."""
        return host_elementwise.isclose(a, b, rtol, atol, equal_nan)

    def allclose(self, a: Tensor, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
        """Whether two tensors are equal within a tolerance."""
        near = np.allclose(np.asarray(values(a)), np.asarray(values(b)), rtol=rtol, atol=atol, equal_nan=equal_nan)
        return bool(near)
