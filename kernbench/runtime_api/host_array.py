"""Elements of tensors as the host computes with them: read over the host's link, and written back as a new tensor."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.triton_emu.dtype import DType, float32, float64

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


def values(x: Any) -> Any:
    """A tensor's elements, floats as float64; what is no tensor as it is."""
    if not hasattr(x, "numpy"):
        return x
    array = x.numpy()
    return array.astype(np.float64) if x.dtype.is_floating() else array


def back(like: "Tensor", array: Any, kind: DType | None = None) -> "Tensor":
    """A tensor of these elements on the device of `like`, of type `kind` or of that of `like`."""
    whole = np.asarray(array)
    made = like.new_empty(*whole.shape, dtype=kind)
    return made.copy_(whole) if whole.size else made


def floating(x: "Tensor") -> DType:
    """The type of a result that is never an integer."""
    return x.dtype if x.dtype.is_floating() else float32


def accumulating(kind: DType) -> DType:
    """The type that sums of floats are computed in."""
    return float64 if kind is float64 else float32


def axes(dim: Any) -> Any:
    """`dim` as numpy takes it: an int, a tuple of them, or None for all."""
    return tuple(dim) if isinstance(dim, list | tuple) else dim
