"""Functions of floats that numpy lacks: erf and its kin, gamma, Bessel's, exact fused multiply-add."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from kernbench.triton_emu import bessel
from kernbench.triton_emu.numerics import Array

_STEPS = 512
_REACH = 4


@cache
def _erf_table() -> tuple[Array, Array]:
    """The function and its derivative at every 1/512 up to 4, where float32 is 1."""
    nodes = np.arange(_REACH * _STEPS + 1) / _STEPS
    return np.array([math.erf(x) for x in nodes]), 2 / math.sqrt(math.pi) * np.exp(-nodes * nodes)


def erf(x: Array) -> Any:
    """The error function: cubic interpolation for float32 (within 1e-11 of the true value), exact for float64."""
    if x.dtype == np.float64:
        return _by_element(math.erf)(x)
    values, slopes = _erf_table()
    size = np.minimum(np.abs(x).astype(np.float64), _REACH)
    at = np.minimum(np.nan_to_num(size * _STEPS), _REACH * _STEPS - 1).astype(np.intp)
    t = size * _STEPS - at
    low, high = values[at], values[at + 1]
    rise, fall = slopes[at] / _STEPS, slopes[at + 1] / _STEPS
    step = high - low
    out = low + t * (rise + t * (3 * step - 2 * rise - fall + t * (rise + fall - 2 * step)))
    return np.copysign(out, x)


def _by_element(function: Callable[..., float]) -> Callable[..., Any]:
    """A function of Python's math over arrays: outside its domain NaN, beyond all numbers infinity."""

    def safe(*numbers: float) -> float:
        if any(math.isnan(number) for number in numbers):
            return math.nan
        try:
            return function(*numbers)
        except ValueError:
            return math.nan
        except OverflowError:
            return math.inf

    over = np.frompyfunc(safe, _arity(function), 1)
    return lambda *arrays: over(*[array.astype(np.float64) for array in arrays]).astype(np.float64)


def _arity(function: Callable[..., float]) -> int:
    return 2 if function in (math.remainder, _first, _second) else 1


def _first(order: float, x: float) -> float:
    return bessel.first(int(order), x)


def _second(order: float, x: float) -> float:
    return bessel.second(int(order), x)


def _gamma(x: float) -> float:
    if x == 0:
        return math.copysign(math.inf, x)
    return math.gamma(x)


def _log_gamma(x: float) -> float:
    if x <= 0 and x == math.floor(x):
        return math.inf
    return math.lgamma(x)


def _inverse_erf(y: float) -> float:
    """By Newton's method on erf from Winitzki's estimate."""
    if abs(y) >= 1:
        return math.copysign(math.inf, y) if abs(y) == 1 else math.nan
    if y == 0:
        return y
    scale = 0.147
    log = math.log1p(-y * y)
    first = 2 / (math.pi * scale) + log / 2
    x = math.copysign(math.sqrt(math.sqrt(first * first - log / scale) - first), y)
    for _ in range(4):
        missing = math.erfc(abs(x)) - (1 - abs(y)) if abs(y) > 0.5 else abs(y) - math.erf(abs(x))
        x += math.copysign(1, y) * missing * math.sqrt(math.pi) / 2 * math.exp(x * x)
    return x


def _inverse_erfc(y: float) -> float:
    """By Newton's method on the logarithm of erfc, which is nearly a parabola."""
    if not 0 < y < 2:
        return math.inf if y == 0 else -math.inf if y == 2 else math.nan
    if y > 0.25:
        return _inverse_erf(1 - y)
    log = math.log(y)
    x = math.sqrt(-log - math.log(math.sqrt(math.pi * -log)))
    for _ in range(6):
        tail = math.erfc(x)
        if not tail:
            break
        x += (math.log(tail) - log) * math.sqrt(math.pi) / 2 * math.exp(x * x) * tail
    return x


def _inverse_normal(y: float) -> float:
    return -math.sqrt(2) * _inverse_erfc(2 * y)


erfc = _by_element(math.erfc)
erfcinv = _by_element(_inverse_erfc)
normcdfinv = _by_element(_inverse_normal)
j0, j1 = _by_element(lambda x: bessel.first(0, x)), _by_element(lambda x: bessel.first(1, x))
y0, y1 = _by_element(lambda x: bessel.second(0, x)), _by_element(lambda x: bessel.second(1, x))
i0, i1 = _by_element(lambda x: bessel.modified(0, x)), _by_element(lambda x: bessel.modified(1, x))
jn, yn = _by_element(_first), _by_element(_second)
tgamma = _by_element(_gamma)
lgamma = _by_element(_log_gamma)
erfinv = _by_element(_inverse_erf)
remainder = _by_element(math.remainder)


def sinpi(x: Array) -> Any:
    """sin(pi x), exact at half integers; near whole ones as precise as the distance from them."""
    wide = x.astype(np.float64)
    whole = np.rint(wide)
    out = np.sin(np.pi * (wide - whole))
    return np.where(np.remainder(whole, 2) == 1, 0.0 - out, out)


def cospi(x: Array) -> Any:
    """cos(pi x), exact at half integers."""
    turn = np.remainder(x.astype(np.float64), 2)
    return np.where(np.remainder(turn, 1) == 0.5, 0.0, np.cos(np.pi * turn))


def fma(x: Array, y: Array, z: Array) -> Any:
    """Products and a sum, x * y + z, rounded once."""
    if x.dtype.kind in "iu":
        return x * y + z
    if x.dtype == np.float64:
        return (x.astype(np.longdouble) * y + z).astype(np.float64)
    product, term = x.astype(np.float64) * y.astype(np.float64), z.astype(np.float64)
    total = np.asarray(product + term)
    back = total - product
    error = (product - (total - back)) + (term - back)
    # To odd first: then rounding to the narrow type is the only rounding.
    even = (total.view(np.int64) & 1) == 0
    return np.where((error != 0) & even & np.isfinite(total), np.nextafter(total, np.copysign(np.inf, error)), total)


def norm(*sides: Array) -> Any:
    """The square root of the sum of squares, which does not overflow on the way."""
    total: Any = np.abs(sides[0].astype(np.float64))
    for side in sides[1:]:
        total = np.hypot(total, side)
    return total


def rsqrt(x: Array) -> Any:
    """1 / sqrt(x), rounded once."""
    return 1 / np.sqrt(x.astype(np.longdouble if x.dtype == np.float64 else np.float64))
