"""What element-wise operations mean in numpy, with the device's dtypes: IEEE rounding, wrapping integers.

Integer // and % truncate toward zero as on the device; division by zero gives 0. Floats become integers toward zero,
saturated to 32 bits (64 for 64-bit types), NaN as 0, as the conversion instruction has it; integers wrap. Casts between
floats round to nearest even. Beyond the range of float8e4nv and float8e5, infinity included, is their largest number:
compiled Triton converts with `cvt.rn.satfinite`. The other two fp8 types, which have no infinity, give NaN.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from kernbench.triton_emu.dtype import (
    BY_NAME,
    DType,
    float8e4nv,
    float8e5,
    float32,
    float64,
    int1,
    promote,
    typed,
)

Array: TypeAlias = np.ndarray[Any, Any]
Function: TypeAlias = Callable[..., Any]


FOREIGN = frozenset(
    dtype for dtype in BY_NAME.values() if dtype.is_floating() and dtype.numpy.type.__module__ != "numpy"
)
"""Types that ml_dtypes adds to numpy."""

SATURATING = {float8e4nv: np.float32(448), float8e5: np.float32(57344)}
"""Types whose largest number, here, stands for all beyond it."""


class Elementwise(NamedTuple):
    """An element-wise operation: its numpy function, what an element costs and which results and operands it has."""

    function: Function
    cost: str = "simple"
    result: DType | None = None
    dividing: bool = False
    floats_only: bool = False
    ints_only: bool = False


def _quotient(left: Any, right: Any) -> Any:
    return (left - np.fmod(left, right)) // right


BINARY: dict[str, Elementwise] = {
    "+": Elementwise(np.add),
    "-": Elementwise(np.subtract),
    "*": Elementwise(np.multiply),
    "/": Elementwise(np.divide, "divide", dividing=True, floats_only=True),
    "//": Elementwise(_quotient, "divide", dividing=True, ints_only=True),
    "%": Elementwise(np.fmod, "divide", dividing=True),
    "<": Elementwise(np.less, result=int1),
    "<=": Elementwise(np.less_equal, result=int1),
    ">": Elementwise(np.greater, result=int1),
    ">=": Elementwise(np.greater_equal, result=int1),
    "==": Elementwise(np.equal, result=int1),
    "!=": Elementwise(np.not_equal, result=int1),
    "&": Elementwise(np.bitwise_and, ints_only=True),
    "|": Elementwise(np.bitwise_or, ints_only=True),
    "^": Elementwise(np.bitwise_xor, ints_only=True),
    "<<": Elementwise(np.left_shift, ints_only=True),
    ">>": Elementwise(np.right_shift, ints_only=True),
    "maximum": Elementwise(np.fmax),  # Triton's default: the operand that is not NaN
    "minimum": Elementwise(np.fmin),
    "maximum of all": Elementwise(np.maximum),  # NaN wins
    "minimum of all": Elementwise(np.minimum),
}


IN_ONE_BIT: dict[Function, Function] = {np.add: np.logical_xor, np.subtract: np.logical_xor}
"""Sums of int1 wrap; numpy's are true or an error."""


def common(name: str, entry: Elementwise, left: Any, right: Any) -> DType:
    """The type that both operands of a binary operation become."""
    (left_type, left_bare), (right_type, right_bare) = typed(left), typed(right)
    if left_type is right_type and not entry.dividing:
        dtype = left_type
    else:
        dtype = promote(left_type, right_type, left_scalar=left_bare, right_scalar=right_bare, dividing=entry.dividing)
    if entry.ints_only and dtype.is_floating():
        raise TypeError(f"{name} takes integers, got {left_type} and {right_type}")
    return float32 if entry.floats_only and not dtype.is_floating() else dtype


def quietly(function: Function) -> Function:
    """`function` with the device's silence about overflow, NaN and division by zero."""

    def quiet(*arrays: Any) -> Any:
        with np.errstate(all="ignore"):
            return function(*arrays)

    return quiet


@cache
def elementwise(entry: Elementwise, compute: DType, result: DType) -> Function:
    """The function of whole arrays: operands become `compute`, the outcome `result`."""
    function, operand, rounded = entry.function, compute.numpy, rounding(result)
    if compute is int1:
        function = IN_ONE_BIT.get(function, function)

    def apply(*arrays: Array) -> Any:
        with np.errstate(all="ignore"):
            return rounded(function(*[array.astype(operand, copy=False) for array in arrays]))

    if compute.itemsize == 1 and compute.is_floating():  # numpy has no minimum, fmod or comparison of every fp8

        def through_float32(*arrays: Array) -> Any:
            with np.errstate(all="ignore"):
                wide = [array.astype(operand, copy=False).astype(np.float32) for array in arrays]
                return rounded(function(*wide))

        return through_float32
    return apply


@cache
def rounding(target: DType) -> Function:
    """The last step of a conversion: an array of any type that rounds once to `target`, as `target`."""
    outcome = target.numpy
    most = SATURATING.get(target)
    if most is None:
        return lambda array: array.astype(outcome, copy=False)

    def apply(array: Array) -> Any:
        if array.dtype == outcome:
            return array
        # What lies beyond would round to the largest number, or out of the range: the same from here on. NaN stays.
        return np.clip(array.astype(np.float32, copy=False), -most, most).astype(outcome)

    return apply


@cache
def cast(source: DType, target: DType) -> Function:
    """Conversion between two types, by the rules at the top of this file."""
    if source is target:
        return _same
    if source.is_floating() and target.kind == "int":
        return _saturating(target)
    # ml_dtypes rounds once only from float32.
    foreign = source in FOREIGN or target in FOREIGN
    through = np.float32 if foreign and source is not float32 else None
    rounded = rounding(target)

    def apply(array: Array) -> Any:
        with np.errstate(all="ignore"):
            return rounded(array if through is None else array.astype(through))

    return apply


def _same(array: Array) -> Array:
    return array


def _saturating(target: DType) -> Function:
    wide = np.iinfo(np.int64 if target.itemsize == np.int64().itemsize else np.int32)
    if not target.is_signed and target.itemsize * 8 == wide.bits:
        wide = np.iinfo(target.numpy)
    # The greatest float64 below 2^63 or 2^64 is the limit of what converts; above it the limit itself is put.
    over = float(wide.max) + 1.0 if wide.bits == np.iinfo(np.int64).bits else float(wide.max)
    low, high, outcome, between = float(wide.min), wide.max, target.numpy, wide.dtype

    def apply(array: Array) -> Any:
        with np.errstate(all="ignore"):
            whole = array.astype(np.float64)
            inside = (whole >= low) & (whole < over)
            if inside.all():
                return whole.astype(between).astype(outcome)
            out = np.where(inside, whole, 0.0).astype(between)
            out[whole >= over] = high
            out[whole < low] = wide.min
            return out.astype(outcome)

    return lambda array: apply(np.asarray(array)) if np.ndim(array) else apply(np.reshape(array, (1,))).reshape(())


@cache
def cast_toward_zero(source: DType, target: DType) -> Function:
    """A narrowing cast between floats that drops what does not fit; infinity stays where the type has one."""
    nearest, outcome = cast(source, target), target.numpy
    bits = np.dtype(f"i{target.itemsize}")
    keeping = target is float8e5  # compiled Triton cuts bits off a float16 here, and does not saturate

    def apply(array: Array) -> Any:
        with np.errstate(all="ignore"):
            rounded = np.asarray(nearest(array))
            exact = array.astype(np.float64)
            away = np.abs(rounded.astype(np.float64)) > np.abs(exact)
            cut = (rounded.view(bits) - away.astype(bits)).astype(bits).view(outcome)
            return np.where(np.isinf(exact), exact.astype(outcome), cut) if keeping else cut

    return apply


@cache
def bitcast(target: DType) -> Function:
    """The same bits as another type of the same size."""
    outcome = target.numpy
    return lambda array: np.ascontiguousarray(array).reshape(np.shape(array)).view(outcome)


def check_float(name: str, dtype: DType) -> None:
    """Refuse what the device has no instruction for."""
    if dtype not in (float32, float64):
        raise TypeError(f"tl.{name} takes float32 or float64, got {dtype}; use .to(tl.float32)")
