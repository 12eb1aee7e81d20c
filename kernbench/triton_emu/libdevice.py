"""The math library of kernels: `triton.language.extra.libdevice` and `tl.math`.

Functions of floats take float32 and float64 (integers are taken as float32) and cost `special_passes` an element, unless
they only select or round. They are computed in the operand's own type.
"""

import math as _math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from kernbench.triton_emu import bits, directed, elementwise, reduction, special
from kernbench.triton_emu.arithmetic import apply, check_operands, common_type, convert
from kernbench.triton_emu.dtype import DType, float32, float64, int1, int32, int64, typed, uint32, uint64
from kernbench.triton_emu.numerics import Array, Elementwise


class _Entry(NamedTuple):
    """A function of numpy arrays: how many operands, what an element costs, its result's type, and what it takes."""

    function: Callable[..., Any]
    arity: int
    summary: str
    cost: str = "special"
    result: DType | None = None
    integers: bool = False


def _power(x: Array, y: Array) -> Any:
    return np.power(x, y)


def _logb(x: Array) -> Any:
    _, exponent = np.frexp(x)
    return np.where(x == 0, -np.inf, np.where(np.isfinite(x), exponent - 1, np.abs(x)))


def _ilogb(x: Array) -> Any:
    _, exponent = np.frexp(x)
    limit = np.iinfo(np.int32)
    return np.where((x == 0) | np.isnan(x), limit.min, np.where(np.isinf(x), limit.max, exponent - 1))


def _round_away(x: Array) -> Any:
    whole = np.trunc(x)
    return np.copysign(np.where(np.abs(x - whole) >= 0.5, whole + np.copysign(1, x), whole), x)


def _rcbrt(x: Array) -> Any:
    return 1 / np.cbrt(x)


def _rhypot(x: Array, y: Array) -> Any:
    return 1 / np.hypot(x, y)


def _rnorm(*sides: Array) -> Any:
    return 1 / special.norm(*sides)


def _saturate(x: Array) -> Any:
    return np.fmin(np.fmax(x, 0), 1)


def _fdim(x: Array, y: Array) -> Any:
    return np.where(np.isnan(x) | np.isnan(y), np.nan, np.fmax(x - y, 0))


def _ldexp(x: Array, y: Array) -> Any:
    return np.ldexp(x, np.clip(np.nan_to_num(y), -(2**30), 2**30).astype(np.int32))


def _normcdf(x: Array) -> Any:
    return special.erfc(-x.astype(np.float64) / _math.sqrt(2)) / 2


def _erfcx(x: Array) -> Any:
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        near = np.exp(wide * wide) * special.erfc(wide)
        part = 1 / (2 * wide * wide)
        series = 1 - part * (1 - 3 * part * (1 - 5 * part * (1 - 7 * part * (1 - 9 * part))))
        tail = series / (np.abs(wide) * _math.sqrt(_math.pi))
    return np.where(wide > 20, tail, near)  # erfc underflows above


def _table(*rows: tuple[Any, ...]) -> dict[str, _Entry]:
    return {row[0]: _Entry(*row[1:]) for row in rows}


_FLOATS = _table(
    ("acos", np.arccos, 1, "Angles from their cosines."),
    ("acosh", np.arccosh, 1, "Inverse hyperbolic cosines."),
    ("asin", np.arcsin, 1, "Angles from their sines."),
    ("asinh", np.arcsinh, 1, "Inverse hyperbolic sines."),
    ("atan", np.arctan, 1, "Angles from their tangents."),
    ("atan2", np.arctan2, 2, "Angles of points (y, x)."),
    ("atanh", np.arctanh, 1, "Inverse hyperbolic tangents."),
    ("cbrt", np.cbrt, 1, "Cube roots."),
    ("ceil", np.ceil, 1, "The least whole numbers that are not below.", "simple"),
    ("copysign", np.copysign, 2, "Magnitudes of x with the signs of y.", "simple"),
    ("cos", np.cos, 1, "Cosines."),
    ("cosh", np.cosh, 1, "Hyperbolic cosines."),
    ("cospi", special.cospi, 1, "Cosines of pi x."),
    ("cyl_bessel_i0", special.i0, 1, "The modified Bessel function of order 0."),
    ("cyl_bessel_i1", special.i1, 1, "The modified Bessel function of order 1."),
    ("erf", special.erf, 1, "The error function."),
    ("erfc", special.erfc, 1, "1 - erf(x)."),
    ("erfcinv", special.erfcinv, 1, "The inverse of erfc."),
    ("erfcx", _erfcx, 1, "exp(x * x) * erfc(x)."),
    ("erfinv", special.erfinv, 1, "The inverse of the error function."),
    ("exp", np.exp, 1, "Powers of e."),
    ("exp10", lambda x: np.power(x.dtype.type(10), x), 1, "Powers of ten."),
    ("exp2", np.exp2, 1, "Powers of two."),
    ("expm1", np.expm1, 1, "exp(x) - 1."),
    ("fdim", _fdim, 2, "x - y where it is above 0, else 0.", "simple"),
    ("floor", np.floor, 1, "The greatest whole numbers that are not above.", "simple"),
    ("fmod", np.fmod, 2, "Remainders with the signs of x.", "divide"),
    ("hypot", np.hypot, 2, "sqrt(x * x + y * y)."),
    ("j0", special.j0, 1, "The Bessel function of the first kind of order 0."),
    ("j1", special.j1, 1, "The Bessel function of the first kind of order 1."),
    ("jn", special.jn, 2, "The Bessel function of the first kind, of order n."),
    ("ldexp", _ldexp, 2, "x times 2 to the power of y.", "simple"),
    ("lgamma", special.lgamma, 1, "Logarithms of the gamma function's magnitude."),
    ("log", np.log, 1, "Natural logarithms."),
    ("log10", np.log10, 1, "Decimal logarithms."),
    ("log1p", np.log1p, 1, "log(1 + x)."),
    ("log2", np.log2, 1, "Binary logarithms."),
    ("logb", _logb, 1, "Exponents, as floats.", "simple"),
    ("nearbyint", np.rint, 1, "The nearest whole numbers, halves to even.", "simple"),
    ("nextafter", np.nextafter, 2, "The next number from x towards y.", "simple"),
    ("norm3d", special.norm, 3, "sqrt(x * x + y * y + z * z)."),
    ("norm4d", special.norm, 4, "sqrt(x * x + y * y + z * z + t * t)."),
    ("normcdf", _normcdf, 1, "The normal distribution's integral."),
    ("normcdfinv", special.normcdfinv, 1, "The inverse of the normal distribution's integral."),
    ("pow", _power, 2, "x to the power of y."),
    ("rcbrt", _rcbrt, 1, "1 / cbrt(x)."),
    ("remainder", special.remainder, 2, "Remainders of the nearest whole quotient.", "divide"),
    ("rhypot", _rhypot, 2, "1 / hypot(x, y)."),
    ("rint", np.rint, 1, "The nearest whole numbers, halves to even.", "simple"),
    ("rnorm3d", _rnorm, 3, "1 / norm3d(x, y, z)."),
    ("rnorm4d", _rnorm, 4, "1 / norm4d(x, y, z, t)."),
    ("round", _round_away, 1, "The nearest whole numbers, halves away from zero.", "simple"),
    ("rsqrt", lambda x: 1 / np.sqrt(x), 1, "1 / sqrt(x)."),
    ("rsqrt_rn", special.rsqrt, 1, "1 / sqrt(x), rounded to nearest even."),
    ("saturatef", _saturate, 1, "x within 0 and 1.", "simple"),
    ("scalbn", _ldexp, 2, "x times 2 to the power of y.", "simple"),
    ("sin", np.sin, 1, "Sines."),
    ("sinh", np.sinh, 1, "Hyperbolic sines."),
    ("sinpi", special.sinpi, 1, "Sines of pi x."),
    ("sqrt", np.sqrt, 1, "Square roots."),
    ("tan", np.tan, 1, "Tangents."),
    ("tanh", np.tanh, 1, "Hyperbolic tangents."),
    ("tgamma", special.tgamma, 1, "The gamma function."),
    ("trunc", np.trunc, 1, "x without what is behind the point.", "simple"),
    ("y0", special.y0, 1, "The Bessel function of the second kind of order 0."),
    ("y1", special.y1, 1, "The Bessel function of the second kind of order 1."),
    ("yn", special.yn, 2, "The Bessel function of the second kind, of order n."),
    ("finitef", np.isfinite, 1, "Whether x is neither infinite nor NaN.", "simple", int1),
    ("isfinited", np.isfinite, 1, "Whether x is neither infinite nor NaN.", "simple", int1),
    ("isinf", np.isinf, 1, "Whether x is infinite.", "simple", int1),
    ("isnan", np.isnan, 1, "Whether x is NaN.", "simple", int1),
    ("signbit", np.signbit, 1, "1 where the sign is set.", "simple", int32),
    ("ilogb", _ilogb, 1, "Exponents, as integers.", "simple", int32),
    ("llrint", np.rint, 1, "The nearest integers of 64 bits, halves to even.", "simple", int64),
    ("llround", _round_away, 1, "The nearest integers of 64 bits, halves away from zero.", "simple", int64),
    ("add_rn", np.add, 2, "x + y, rounded to nearest even.", "simple"),
    ("sub_rn", np.subtract, 2, "x - y, rounded to nearest even.", "simple"),
    ("mul_rn", np.multiply, 2, "x * y, rounded to nearest even.", "simple"),
    ("div_rn", np.divide, 2, "x / y, rounded to nearest even.", "divide"),
    ("rcp_rn", np.reciprocal, 1, "1 / x, rounded to nearest even.", "divide"),
    ("sqrt_rn", np.sqrt, 1, "Square roots, rounded to nearest even."),
    ("fma", special.fma, 3, "x * y + z, rounded once.", "simple"),
    ("fma_rn", special.fma, 3, "x * y + z, rounded once.", "simple"),
)
_SOURCES = {
    "add": "x + y",
    "sub": "x - y",
    "mul": "x * y",
    "div": "x / y",
    "rcp": "1 / x",
    "sqrt": "sqrt(x)",
    "fma": "x * y + z",
}
_COSTS = {"div": "divide", "rcp": "divide", "sqrt": "special"}
_FLOATS |= _table(
    *[
        (
            f"{name}_{mode}",
            directed.operation(name, mode),
            arity,
            f"{_SOURCES[name]}, rounded {way}.",
            _COSTS.get(name, "simple"),
        )
        for name, (_, _, arity) in directed.OPERATIONS.items()
        for mode, way in directed.MODES.items()
    ]
)
_INTEGERS = _table(
    ("brev", bits.brev, 1, "The bits in reverse.", "simple", None, True),
    ("byte_perm", bits.byte_perm, 3, "Four of the eight bytes of x and y, by the selector z.", "simple", None, True),
    ("clz", bits.clz, 1, "How many upper bits are clear.", "simple", int32, True),
    ("ffs", bits.ffs, 1, "The place of the lowest set bit from 1, or 0.", "simple", int32, True),
    ("hadd", bits.hadd, 2, "Averages, rounded down.", "simple", None, True),
    ("mul24", bits.mul24, 2, "Products of the lower 24 bits.", "simple", None, True),
    ("mulhi", bits.mulhi, 2, "The upper half of a signed product.", "simple", None, True),
    ("popc", bits.popc, 1, "How many bits are set.", "simple", int32, True),
    ("rhadd", bits.rhadd, 2, "Averages, rounded up.", "simple", None, True),
)
_FAST = {
    "fast_cosf": "cos", "fast_dividef": "div_rn", "fast_exp10f": "exp10", "fast_expf": "exp", "fast_log10f": "log10",
    "fast_log2f": "log2", "fast_logf": "log", "fast_powf": "pow", "fast_sinf": "sin", "fast_tanf": "tan",
    "fast_tanhf": "tanh", "powf": "pow", "powi": "pow", "expf": "exp", "fabs": "abs",
}  # fmt: skip
_WHOLE = {"int": int32, "uint": uint32, "ll": int64, "ull": uint64}
_ROUNDINGS = {"rn": "rint", "rz": "trunc", "rd": "floor", "ru": "ceil"}
_BITS = {
    "float_as_int": (float32, int32), "int_as_float": (int32, float32), "double_as_longlong": (float64, int64),
    "longlong_as_double": (int64, float64), "float_as_uint": (float32, int32), "uint_as_float": (int32, float32),
}  # fmt: skip


def _made(name: str, entry: _Entry) -> Callable[..., Any]:
    operation = Elementwise(entry.function, entry.cost, entry.result)

    def function(*args: Any) -> Any:
        if len(args) != entry.arity:
            raise TypeError(f"libdevice.{name} takes {entry.arity} operands, got {len(args)}")
        check_operands(name, *args)
        dtype = common_type(*args)
        if entry.integers:
            if dtype.kind != "int":
                raise TypeError(f"libdevice.{name} takes integers, got {dtype}")
        elif dtype.is_int():
            dtype = float32
        elif dtype not in (float32, float64):
            raise TypeError(f"libdevice.{name} takes float32 or float64, got {dtype}; use .to(tl.float32)")
        return apply(operation, args, dtype, entry.result)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = entry.summary
    return function


def _reinterpreted(name: str, source: DType, target: DType) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        given = typed(x)[0]
        if (given.kind, given.itemsize) != (source.kind, source.itemsize):
            raise TypeError(f"libdevice.{name} takes {source}, got {given}")
        return convert(x, target, bitcast=True)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The bits of {source} as {target}."
    return function


def _rounded(name: str, rounding: str, target: DType) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        return convert(NAMES[rounding](x), target)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Floats as {target}, rounded as `{rounding}` does."
    return function


def _floating(name: str, target: DType, mode: str) -> Callable[[Any], Any]:
    operation = None if mode == "rn" else Elementwise(directed.conversion(target.numpy, mode), "simple", target)
    from_double = name.startswith("double")

    def function(x: Any) -> Any:
        given = typed(x)[0]
        if not (given is float64 if from_double else given.is_int()):
            raise TypeError(f"libdevice.{name} takes {'float64' if from_double else 'integers'}, got {given}")
        return convert(x, target) if operation is None else apply(operation, (x,), given, target)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Numbers as {target}, rounded {directed.MODES.get(mode, 'to nearest even')}."
    return function


def hiloint2double(high: Any, low: Any) -> Any:
    """float64 of its upper and its lower 32 bits."""
    upper, lower = convert(high, int64), convert(convert(low, uint32), int64)
    return convert((upper << 32) | lower, float64, bitcast=True)


def double2hiint(x: Any) -> Any:
    """The upper 32 bits of float64."""
    return convert(NAMES["double_as_longlong"](x) >> 32, int32)


def double2loint(x: Any) -> Any:
    """The lower 32 bits of float64."""
    return convert(NAMES["double_as_longlong"](x), int32)


def sad(x: Any, y: Any, z: Any) -> Any:
    """abs(x - y) + z of integers of 32 bits; the difference may be as large as an unsigned one."""
    apart = convert(elementwise.maximum(x, y) - elementwise.minimum(x, y), uint32)
    return convert(apart + convert(z, uint32), common_type(x, y))


NAMES: dict[str, Callable[..., Any]] = {
    name: _made(name, entry) for name, entry in sorted((_FLOATS | _INTEGERS).items())
}
NAMES |= {
    "abs": elementwise.abs,
    "cdiv": elementwise.cdiv,
    "umulhi": elementwise.umulhi,
    "max": elementwise.maximum,
    "min": elementwise.minimum,
    "fmax": elementwise.maximum,
    "fmin": elementwise.minimum,
    "fdiv": elementwise.fdiv,
    "clamp": elementwise.clamp,
    "sigmoid": elementwise.sigmoid,
    "softmax": reduction.softmax,
    "hiloint2double": hiloint2double,
    "double2hiint": double2hiint,
    "double2loint": double2loint,
    "sad": sad,
}
NAMES |= {
    name: _rounded(name, rounding, target)
    for source in ("float", "double")
    for kind, target in _WHOLE.items()
    for suffix, rounding in _ROUNDINGS.items()
    for name in (f"{source}2{kind}_{suffix}",)
}
NAMES |= {
    name: _floating(name, target, mode)
    for kind in (*_WHOLE, "double")
    for source, target in (("float", float32), ("double", float64))
    if kind != source
    for mode in ("rn", *directed.MODES)
    for name in (f"{kind}2{source}_{mode}",)
}
NAMES |= {alias: NAMES[name] for alias, name in _FAST.items()}
NAMES |= {name: _reinterpreted(name, source, target) for name, (source, target) in _BITS.items()}
NAMES["div_full_range"] = NAMES["div_rn"]
__all__ = sorted(NAMES)  # noqa: PLE0605  # a table of names
globals().update(NAMES)
