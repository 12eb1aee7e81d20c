"""Element-wise functions: every element of the outcome depends on the elements at its place alone.

Each is one vector operation over the outcome's elements: 1 pass of `pe_math`, or `divide_passes` for division and
`special_passes` for exp, log, sin, sqrt and the like.
"""

from enum import Enum
from typing import Any

import numpy as np

from kernbench.triton_emu import bits, numerics, special
from kernbench.triton_emu.arithmetic import apply, binary, check_operands, common_type, convert, fitting
from kernbench.triton_emu.block import Block, combined, shapes
from kernbench.triton_emu.control import to_tensor
from kernbench.triton_emu.dtype import DType, bfloat16, float32, int1, typed
from kernbench.triton_emu.index import Index, Known, Mask, joint
from kernbench.triton_emu.numerics import BINARY, Array, Elementwise
from kernbench.triton_emu.program import current
from kernbench.triton_emu.scalar import Scalar, scalar

__all__ = [
    "PropagateNan", "abs", "add", "cast", "cdiv", "ceil", "clamp", "cos", "div_rn", "erf", "exp", "exp2", "fdiv", "floor",
    "fma", "log", "log2", "logical_and", "logical_not", "logical_or", "maximum", "minimum", "mul", "rsqrt", "sigmoid",
    "sin", "sqrt", "sqrt_rn", "sub", "umulhi", "where",
]  # fmt: skip


class PropagateNan(Enum):
    """What becomes of a NaN among two operands: `NONE` takes the other one, `ALL` keeps the NaN."""

    NONE = 0
    ALL = 1


def _special(function: Any) -> Elementwise:
    return Elementwise(function, "special", floats_only=True)


def _rsqrt(x: Array) -> Any:
    return 1 / np.sqrt(x)


def _sigmoid(x: Array) -> Any:
    return 1 / (1 + np.exp(-x))


UNARY: dict[str, Elementwise] = {
    "abs": Elementwise(np.abs),
    "ceil": Elementwise(np.ceil, floats_only=True),
    "floor": Elementwise(np.floor, floats_only=True),
    "exp": _special(np.exp),
    "exp2": _special(np.exp2),
    "log": _special(np.log),
    "log2": _special(np.log2),
    "sqrt": _special(np.sqrt),
    "rsqrt": _special(_rsqrt),
    "sin": _special(np.sin),
    "cos": _special(np.cos),
    "erf": _special(special.erf),
    "sigmoid": _special(_sigmoid),
}
_FMA = Elementwise(special.fma)
_UMULHI = Elementwise(bits.umulhi, ints_only=True)


def unary(name: str, x: Any) -> Any:
    """A function of each element."""
    entry = UNARY[name]
    check_operands(name, x)
    dtype, bare = typed(x)
    if bare and entry.floats_only:
        dtype = float32
    if entry.floats_only:
        numerics.check_float(name, dtype)
    return apply(entry, (x,), dtype)


def abs(x: Any) -> Any:  # noqa: A001
    """Magnitudes."""
    return unary("abs", x)


def ceil(x: Any) -> Any:
    """The least whole numbers that are not below."""
    return unary("ceil", x)


def floor(x: Any) -> Any:
    """The greatest whole numbers that are not above."""
    return unary("floor", x)


def exp(x: Any) -> Any:
    """Powers of e."""
    return unary("exp", x)


def exp2(x: Any) -> Any:
    """2 to the power of each element."""
    return unary("exp2", x)


def log(x: Any) -> Any:
    """Natural logarithms."""
    return unary("log", x)


def log2(x: Any) -> Any:
    """Binary logarithms."""
    return unary("log2", x)


def sqrt(x: Any) -> Any:
    """Square roots."""
    return unary("sqrt", x)


def sqrt_rn(x: Any) -> Any:
    """Square roots, rounded to nearest even: the same as `sqrt` here."""
    return unary("sqrt", x)


def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    return unary("rsqrt", x)


def sin(x: Any) -> Any:
    """Sines of angles in radians."""
    return unary("sin", x)


def cos(x: Any) -> Any:
    """Cosines of angles in radians."""
    return unary("cos", x)


def erf(x: Any) -> Any:
    """The error function."""
    return unary("erf", x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return unary("sigmoid", x)


def fdiv(x: Any, y: Any, ieee_rounding: bool = False) -> Any:  # noqa: ARG001  # division always rounds to nearest here
    """Quotients of floats; of two of one type in that type, where `/` gives float32 for those of 16 bits."""
    check_operands("fdiv", x, y)
    for side in (x, y):
        if not typed(side)[0].is_floating():
            raise TypeError(f"tl.fdiv divides floats, got {typed(side)[0]}; use / or //")
    kind = typed(x)[0]
    if kind is typed(y)[0] and kind.itemsize < float32.itemsize:
        return apply(BINARY["/"], (x, y), float32, kind)
    return binary("/", x, y)


def div_rn(x: Any, y: Any) -> Any:
    """Quotients of floats, rounded to nearest even."""
    return fdiv(x, y)


def fma(x: Any, y: Any, z: Any) -> Any:
    """Products and a sum, x * y + z, rounded once."""
    check_operands("fma", x, y, z)
    operands = tuple(map(to_tensor, (x, y, z)))
    return apply(_FMA, operands, common_type(*operands))


def umulhi(x: Any, y: Any) -> Any:
    """The upper half of the product of two unsigned 32-bit or 64-bit integers."""
    check_operands("umulhi", x, y)
    dtype = common_type(x, y)
    if dtype.is_floating() or dtype.primitive_bitwidth < 32:
        raise TypeError(f"tl.umulhi takes integers of 32 or 64 bits, got {dtype}")
    return apply(_UMULHI, (x, y), dtype)


def maximum(x: Any, y: Any, propagate_nan: PropagateNan = PropagateNan.NONE) -> Any:
    """The greater of each two elements; a NaN loses unless `propagate_nan` is ALL."""
    return _either("maximum", x, y, propagate_nan)


def add(x: Any, y: Any, sanitize_overflow: bool = True) -> Any:  # noqa: ARG001  # as without TRITON_DEBUG
    """`x + y`; integers wrap around."""
    x = _beside(x, y)
    return x + y


def sub(x: Any, y: Any, sanitize_overflow: bool = True) -> Any:  # noqa: ARG001
    """`x - y`; integers wrap around."""
    x = _beside(x, y)
    return x - y


def mul(x: Any, y: Any, sanitize_overflow: bool = True) -> Any:  # noqa: ARG001
    """`x * y`; integers wrap around."""
    check_operands("mul", x, y)
    x = _beside(x, y)
    return x * y


def _beside(x: Any, y: Any) -> Any:
    """`x`, a scalar if both are bare numbers: beside anything else such a one bends to that one's type."""
    return to_tensor(x) if isinstance(y, int | float) and not isinstance(y, Scalar) else x


def minimum(x: Any, y: Any, propagate_nan: PropagateNan = PropagateNan.NONE) -> Any:
    """The lesser of each two elements; a NaN loses unless `propagate_nan` is ALL."""
    return _either("minimum", x, y, propagate_nan)


def _either(name: str, x: Any, y: Any, propagate_nan: PropagateNan) -> Any:
    check_operands(name, x, y)
    if typed(x)[1] and typed(y)[1]:
        return (_max if name == "maximum" else _min)(x, y)
    operation = name if propagate_nan is PropagateNan.NONE else f"{name} of all"
    operands, dtype = _widened(x, y)
    return apply(BINARY[operation], operands, dtype) if dtype.is_floating() else binary(operation, *operands)


def _widened(*given: Any) -> tuple[tuple[Any, ...], DType]:
    """Operands as tensors of their own, and what they become; bfloat16 becomes float32, as for Triton's comparisons."""
    operands = tuple(map(to_tensor, given))
    dtype = common_type(*operands)
    return operands, float32 if any(typed(each)[0] is bfloat16 for each in operands) and dtype.itemsize < 8 else dtype


# clamp's parameters hide Python's own.
_max, _min = max, min


def clamp(x: Any, min: Any, max: Any, propagate_nan: PropagateNan = PropagateNan.NONE) -> Any:  # noqa: A002
    """`x` within `min` and `max`; a NaN becomes `min` unless `propagate_nan` is ALL."""
    check_operands("clamp", x, min, max)
    lower, upper = (np.fmax, np.fmin) if propagate_nan is PropagateNan.NONE else (np.maximum, np.minimum)
    return apply(_CLAMPS[lower, upper], *_widened(x, min, max))


_CLAMPS = {
    (np.fmax, np.fmin): Elementwise(lambda x, low, high: np.fmin(np.fmax(x, low), high)),
    (np.maximum, np.minimum): Elementwise(lambda x, low, high: np.minimum(np.maximum(x, low), high)),
}


def where(condition: Any, x: Any, y: Any) -> Any:
    """Elements of `x` where `condition` holds, else of `y`; all three are evaluated. Pointers are chosen when asked for."""
    of_pointers = getattr(type(x), "chosen", None)
    if of_pointers is not None:
        return of_pointers(x, condition, y)
    check_operands("where", condition, x, y)
    dtype = common_type(x, y)
    chosen = _choose_known(condition, x, y, dtype) if dtype.kind == "int" else None
    if chosen is not None:
        return Block(current(), dtype, chosen.shape, None, chosen)
    if not isinstance(condition, Block) and not isinstance(x, Block) and not isinstance(y, Block):
        return scalar(x if condition else y, dtype)
    if typed(condition)[0] is not int1:
        condition = binary("!=", condition, 0)
    kind = dtype.numpy

    def choose(mask: Any, yes: Any, no: Any) -> Any:
        return np.where(mask, yes.astype(kind, copy=False), no.astype(kind, copy=False))

    # The condition is taken as it is, so a number among the other two is put in their type here.
    sides = [side if isinstance(side, Block) else scalar(side, dtype) for side in (x, y)]
    if not isinstance(condition, Block):
        kept = bool(condition)
        return combined(
            lambda yes, no: choose(kept, yes, no), (sides[0], sides[1]), dtype, shapes(sides), dtype, "simple"
        )
    operands = (condition, *sides)
    return combined(numerics.quietly(choose), operands, dtype, shapes(operands), dtype, "simple")


def _choose_known(condition: Any, x: Any, y: Any, dtype: DType) -> Known | None:
    """A choice between known integers stays known, so that it can be an address."""
    if not any(isinstance(side, Block) for side in (condition, x, y)):
        return None
    found = [side.known if isinstance(side, Block) else Index.constant(int(side)) for side in (condition, x, y)]
    mask, *sides = found
    yes, no = (fitting(side, dtype) if isinstance(side, Index) else None for side in sides)
    if not isinstance(mask, Mask) or yes is None or no is None:
        return None
    shape = joint(joint(mask.shape, yes.shape), no.shape)
    if mask.array is None and all(span == (0, size) for span, size in zip(mask.box, mask.shape, strict=True)):
        return yes.broadcast(shape)
    return Index.explicit(np.where(*(side.broadcast(shape).values() for side in (mask, yes, no))))


def logical_and(x: Any, y: Any) -> Any:
    """Whether both are true."""
    return binary("&", _truth(x), _truth(y))


def logical_or(x: Any, y: Any) -> Any:
    """Whether one at least is true."""
    return binary("|", _truth(x), _truth(y))


def logical_not(x: Any) -> Any:
    """Whether it is not true."""
    return binary("^", _truth(x), True)


def _truth(x: Any) -> Any:
    return x if typed(x)[0] is int1 else binary("!=", x, 0)


def cast(input: Any, dtype: Any, fp_downcast_rounding: str | None = None, bitcast: bool = False) -> Any:  # noqa: A002
    """A block, number or pointer as another type; `bitcast` keeps the bits, "rtz" rounds a narrowed float to zero."""
    if hasattr(input, "to"):
        return input.to(dtype, fp_downcast_rounding, bitcast=bitcast)
    return convert(input, dtype, fp_downcast_rounding, bitcast=bitcast)


def cdiv(x: Any, div: Any) -> Any:
    """How many `div` hold `x`."""
    if type(x) is int and type(div) is int:
        return -(-x // div)
    return (x + (div - 1)) // div
