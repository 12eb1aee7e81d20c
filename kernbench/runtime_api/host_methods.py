"""Methods of tensors that the host computes, by torch's name; `name_` puts the result of `name` in the tensor's place."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from kernbench.runtime_api import host_elementwise, host_order, host_places, host_products, host_random
from kernbench.runtime_api.missing import Missing
from kernbench.runtime_api.promotion import scalar_name
from kernbench.runtime_api.tracking import refusing, tracked

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor

_TABLES = (host_order.FUNCTIONS, host_places.FUNCTIONS, host_products.FUNCTIONS)
_NO_METHODS = frozenset(
    {"einsum", "broadcast_tensors", "meshgrid", "cartesian_prod", "bucketize", "var_mean", "std_mean"}
)
_KINDS = ("bool", "int", "float")


def find(name: str) -> Callable[..., Any] | None:
    """The function of this name, its first tensor first."""
    return next((table[name] for table in _TABLES if name in table), None) or host_elementwise.find(name)


def method(tensor: "Tensor", name: str) -> Callable[..., Any]:
    """`tensor.name`, which the class has not; an AttributeError if nobody has it."""
    function = None if name in _NO_METHODS else find(name)
    if function is not None:
        return partial(tracked(name, function), tensor)
    if name in host_random.FUNCTIONS:
        return partial(refusing(name, host_random.FUNCTIONS[name]), tensor)
    plain = name.removesuffix("_")
    if plain != name and not name.startswith("_") and (hasattr(type(tensor), plain) or find(plain) is not None):
        return partial(refusing(name, partial(_in_place, name=plain)), tensor)
    raise AttributeError(f"torch.Tensor.{name} does not exist here; where torch is installed, its own is used")


def _in_place(tensor: "Tensor", *args: Any, name: str, **options: Any) -> "Tensor":
    found = getattr(tensor, name)(*args, **options)
    if found.shape != tensor.shape:
        raise Missing(f"torch.Tensor.{name}_ that changes the shape", f"use {name}, or install torch")
    if _KINDS.index(found.dtype.kind) > _KINDS.index(tensor.dtype.kind):
        raise RuntimeError(
            f"result type {scalar_name(found.dtype)} can't be cast to the desired output type "
            f"{scalar_name(tensor.dtype)}"
        )
    return tensor.copy_(found)
