"""Functions of each element, of one tensor or of several that broadcast, that the host computes by torch's names.

Floats are computed in float64 and rounded once. Integers become float32 where the result is none.
"""

from collections.abc import Callable
from functools import partial
from math import erf, erfc, lgamma
from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.host_array import back, floating, values
from kernbench.runtime_api.promotion import promoted, scalar_name
from kernbench.triton_emu.dtype import DType, float32, int1

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor

Function = Callable[..., Any]


def _each(function: Callable[[float], float]) -> Function:
    return np.vectorize(function, otypes=[np.float64])


erf_of = _each(erf)
"""The error function of an array's elements."""


def _rounded(x: Any, decimals: int = 0) -> Any:
    return np.round(x, decimals)


_FLOAT: dict[str, Function] = {
    "acos": np.arccos, "acosh": np.arccosh, "asin": np.arcsin, "asinh": np.arcsinh, "atan": np.arctan, "atanh": np.arctanh,
    "arccos": np.arccos, "arcsin": np.arcsin, "arctan": np.arctan, "cos": np.cos, "cosh": np.cosh, "deg2rad": np.deg2rad,
    "erf": erf_of, "erfc": _each(erfc), "exp2": np.exp2, "expm1": np.expm1, "lgamma": _each(lgamma),
    "log10": np.log10, "log1p": np.log1p, "log2": np.log2, "logit": lambda x: np.log(x / (1 - x)),
    "rad2deg": np.rad2deg, "reciprocal": lambda x: 1.0 / x, "sin": np.sin, "sinc": np.sinc, "sinh": np.sinh, "tan": np.tan,
}  # fmt: skip
"""Functions whose result is a float."""
_SAME: dict[str, Function] = {
    "ceil": np.ceil, "floor": np.floor, "frac": lambda x: x - np.trunc(x), "negative": np.negative, "neg": np.negative,
    "positive": np.positive, "round": _rounded, "sgn": np.sign, "sign": np.sign, "trunc": np.trunc, "fix": np.trunc,
    "nan_to_num": np.nan_to_num,
}  # fmt: skip
"""Functions whose result has the tensor's type."""
_WHOLE = frozenset({"ceil", "floor", "trunc", "fix", "round", "nan_to_num"})
"""Functions that leave integers as they are."""
_TRUTH: dict[str, Function] = {
    "logical_not": lambda x: x == 0, "signbit": np.signbit, "isposinf": np.isposinf, "isneginf": np.isneginf,
}  # fmt: skip
_TWO: dict[str, Function] = {
    "bitwise_and": np.bitwise_and, "bitwise_or": np.bitwise_or, "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift, "bitwise_right_shift": np.right_shift, "clamp_max": np.minimum,
    "clamp_min": np.maximum, "copysign": np.copysign, "fmax": np.fmax, "fmin": np.fmin, "fmod": np.fmod,
    "floor_divide": np.floor_divide, "pow": np.power, "remainder": np.mod,
}  # fmt: skip
"""Functions of two whose result has their common type."""
_TWO_FLOAT: dict[str, Function] = {
    "arctan2": np.arctan2, "atan2": np.arctan2, "hypot": np.hypot, "logaddexp": np.logaddexp, "true_divide": np.divide,
}  # fmt: skip
_TWO_TRUTH: dict[str, Function] = {
    "logical_and": np.logical_and, "logical_or": np.logical_or, "logical_xor": np.logical_xor, "greater": np.greater,
    "greater_equal": np.greater_equal, "less": np.less, "less_equal": np.less_equal, "not_equal": np.not_equal,
}  # fmt: skip
_INTEGERS_ONLY = frozenset(name for name in _TWO if name.startswith("bitwise"))
_DIVIDING = frozenset({"fmod", "floor_divide", "remainder"})


def find(name: str) -> Function | None:
    """The function of this name, its first tensor first."""
    if name in _FLOAT:
        return partial(_one, _FLOAT[name], floating)
    if name in _SAME:
        return partial(_whole if name in _WHOLE else _one, _SAME[name], lambda x: x.dtype)
    if name in _TRUTH:
        return partial(_one, _TRUTH[name], lambda _x: int1)
    if name in _TWO or name in _TWO_FLOAT or name in _TWO_TRUTH:
        return partial(of_two, name)
    return _OWN.get(name)


def _one(function: Function, kind: Callable[[Any], DType], x: "Tensor", *more: Any, **options: Any) -> "Tensor":
    with np.errstate(all="ignore"):
        return back(x, function(values(x), *more, **options), kind(x))


def _whole(function: Function, kind: Callable[[Any], DType], x: "Tensor", *more: Any, **options: Any) -> "Tensor":
    return _one(function, kind, x, *more, **options) if x.dtype.is_floating() else x.clone()


def of_two(name: str, left: Any, right: Any, *, rounding_mode: Any = None) -> "Tensor":
    """A function of two operands, of which one is a tensor."""
    del rounding_mode
    like = left if hasattr(left, "numpy") else right
    kind = promoted(like, right if like is left else left)
    if name in _INTEGERS_ONLY and kind.is_floating():
        raise RuntimeError(f"\"{name}_cpu\" not implemented for '{scalar_name(kind)}'")
    if name in _TWO_TRUTH:
        function, result = _TWO_TRUTH[name], int1
    elif name in _TWO_FLOAT:
        function, result = _TWO_FLOAT[name], kind if kind.is_floating() else float32
    else:
        function, result = _TWO[name], kind
    a, b = (_operand(each, kind, result) for each in (left, right))
    if name in _DIVIDING and not kind.is_floating() and not np.all(b):
        raise RuntimeError("ZeroDivisionError")
    if name == "pow" and not kind.is_floating() and np.any(np.asarray(b) < 0):
        raise RuntimeError("Integers to negative integer powers are not allowed.")
    with np.errstate(all="ignore"):
        return back(like, function(a, b), result)


def _operand(each: Any, kind: DType, result: DType) -> Any:
    """An operand in the type that is computed in: integers in their common one, where they wrap."""
    if kind.is_floating() or (result.is_floating() and result is not kind):
        return np.asarray(values(each), np.float64)
    return np.asarray(values(each)).astype(kind.numpy)


def addcmul(x: "Tensor", tensor1: Any, tensor2: Any, *, value: Any = 1) -> "Tensor":
    """`x` plus `value` times the product of two."""
    return back(x, values(x) + value * values(tensor1) * values(tensor2))


def addcdiv(x: "Tensor", tensor1: Any, tensor2: Any, *, value: Any = 1) -> "Tensor":
    """`x` plus `value` times the quotient of two."""
    with np.errstate(all="ignore"):
        return back(x, values(x) + value * (values(tensor1) / values(tensor2)))


def lerp(x: "Tensor", end: Any, weight: Any) -> "Tensor":
    """So far between `x` and `end`: 0 is `x`, 1 is `end`."""
    return back(x, values(x) + values(weight) * (values(end) - values(x)))


def isclose(x: "Tensor", other: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: Any = False) -> "Tensor":
    """Where two tensors are within atol + rtol |other|."""
    near = np.isclose(np.asarray(values(x)), np.asarray(values(other)), rtol=rtol, atol=atol, equal_nan=equal_nan)
    return back(x, near, int1)


_OWN: dict[str, Function] = {each.__name__: each for each in (addcmul, addcdiv, lerp, isclose)}
