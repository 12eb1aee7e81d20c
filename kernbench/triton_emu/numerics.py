"""What each operation means in numpy, with the device's dtypes: IEEE rounding, f32 accumulation, wrapping integers.

Orders that matter: `reduce_sum` adds halves (x[:h] + x[h:2h], an odd last one kept) until one is left, in f32 for
floats and int32 or wider for integers; `dot` is numpy's f32 matmul over whole operands plus the accumulator, int32 for
int8. Integer // and % truncate toward zero as on the device; division by zero gives 0.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from kernbench.triton_emu.dtype import DType, float32, int1, int32

Array: TypeAlias = np.ndarray[Any, Any]
Function: TypeAlias = Callable[..., Any]


class Elementwise(NamedTuple):
    """An element-wise operation: its numpy function, what an element costs and which results and operands it has."""

    function: Function
    cost: str = "simple"
    result: DType | None = None
    dividing: bool = False
    floats_only: bool = False
    ints_only: bool = False


def _remainder(left: Any, right: Any) -> Any:
    return np.fmod(left, right)


def _quotient(left: Any, right: Any) -> Any:
    return (left - np.fmod(left, right)) // right


BINARY: dict[str, Elementwise] = {
    "+": Elementwise(np.add),
    "-": Elementwise(np.subtract),
    "*": Elementwise(np.multiply),
    "/": Elementwise(np.divide, "divide", dividing=True, floats_only=True),
    "//": Elementwise(_quotient, "divide", dividing=True, ints_only=True),
    "%": Elementwise(_remainder, "divide", dividing=True),
    "<": Elementwise(np.less, result=int1),
    "<=": Elementwise(np.less_equal, result=int1),
    ">": Elementwise(np.greater, result=int1),
    ">=": Elementwise(np.greater_equal, result=int1),
    "==": Elementwise(np.equal, result=int1),
    "!=": Elementwise(np.not_equal, result=int1),
    "&": Elementwise(np.bitwise_and, ints_only=True),
    "|": Elementwise(np.bitwise_or, ints_only=True),
    "^": Elementwise(np.bitwise_xor, ints_only=True),
    "maximum": Elementwise(np.fmax),  # Triton's default: the operand that is not NaN
    "minimum": Elementwise(np.fmin),
}


def _sigmoid(x: Array) -> Any:
    return 1 / (1 + np.exp(-x))


UNARY: dict[str, Elementwise] = {
    "neg": Elementwise(np.negative),
    "abs": Elementwise(np.abs),
    "exp": Elementwise(np.exp, "special", floats_only=True),
    "exp2": Elementwise(np.exp2, "special", floats_only=True),
    "log": Elementwise(np.log, "special", floats_only=True),
    "log2": Elementwise(np.log2, "special", floats_only=True),
    "sqrt": Elementwise(np.sqrt, "special", floats_only=True),
    "sigmoid": Elementwise(_sigmoid, "special", floats_only=True),
}


def quietly(function: Function) -> Function:
    """`function` with the device's silence about overflow, NaN and division by zero."""

    def quiet(*arrays: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arrays)

    return quiet


@cache
def elementwise(entry: Elementwise, compute: DType, result: DType) -> Function:
    """The function of whole arrays: operands become `compute`, the outcome `result`."""
    function, operand, outcome = entry.function, compute.numpy, result.numpy

    def apply(*arrays: Array) -> Any:
        with np.errstate(all="ignore"):
            return function(*[array.astype(operand, copy=False) for array in arrays]).astype(outcome, copy=False)

    return apply


@cache
def cast(target: DType) -> Function:
    """Conversion: to nearest even among floats, toward zero from float to integer, wrapping among integers."""
    outcome = target.numpy

    def apply(array: Array) -> Any:
        with np.errstate(all="ignore"):
            if array.dtype == outcome:
                return array
            # ml_dtypes converts bfloat16 to and from float32 alone without double rounding.
            return (array.astype(np.float32) if array.dtype.kind == "V" else array).astype(outcome)

    return apply


def reduce_sum(array: Array, axis: int) -> Array:
    """The sum along `axis` in the declared order, in the array's dtype."""
    rest = np.moveaxis(array, axis, 0)
    while len(rest) > 1:
        half = len(rest) // 2
        folded = rest[:half] + rest[half : 2 * half]
        rest = np.concatenate([folded, rest[2 * half :]]) if len(rest) % 2 else folded
    out: Array = rest[0]
    return out


def reduce_with(function: np.ufunc) -> Callable[[Array, int], Any]:
    """A reduction whose order does not matter: maximum, minimum."""
    return lambda array, axis: function.reduce(array, axis=axis)


REDUCTIONS: dict[str, Callable[[Array, int], Any]] = {
    "sum": reduce_sum,
    "max": reduce_with(np.fmax),
    "min": reduce_with(np.fmin),
}


def reduction_types(name: str, source: DType) -> tuple[DType, DType]:
    """(accumulation, result) of a reduction as in Triton: sums of floats keep their type, the rest widens to 32 bits."""
    wide = float32 if source.is_floating() else (source if source.itemsize >= int32.itemsize else int32)
    return wide, source if name == "sum" and source.is_floating() else wide


def accumulator(left: DType) -> DType:
    """What a product of blocks accumulates in: float32 for floats, int32 for integers."""
    return float32 if left.is_floating() else int32


@cache
def dot(inner: DType, outer: DType) -> Function:
    """Multiply: x @ y, plus an accumulator if there is one, in `inner`, as `outer`."""
    work, outcome = inner.numpy, outer.numpy

    def apply(x: Array, y: Array, acc: Array | None = None) -> Any:
        with np.errstate(all="ignore"):
            product = np.matmul(x.astype(work, copy=False), y.astype(work, copy=False))
            if acc is not None:
                product += acc.astype(work, copy=False)
            return product.astype(outcome, copy=False)

    return apply
