"""Functions that numpy lacks: erf and its kin, exact fused multiply-add, high halves of products, bit counts."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

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
    return 2 if function in (math.remainder, math.ldexp) else 1


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


erfc = _by_element(math.erfc)
tgamma = _by_element(_gamma)
lgamma = _by_element(_log_gamma)
erfinv = _by_element(_inverse_erf)
remainder = _by_element(math.remainder)


def sinpi(x: Array) -> Any:
    """sin(pi x), exact at half integers."""
    turn = np.remainder(x.astype(np.float64), 2)
    out = np.sin(np.pi * turn)
    return np.where(np.remainder(turn, 1) == 0, 0.0, out)


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


def div_rz(x: Array, y: Array) -> Any:
    """Quotients rounded toward zero."""
    whole = x.astype(np.longdouble if x.dtype == np.float64 else np.float64) / y
    nearest = whole.astype(x.dtype)
    return np.where(np.abs(nearest) > np.abs(whole), np.nextafter(nearest, x.dtype.type(0)), nearest)


def umulhi(x: Array, y: Array) -> Any:
    """The upper half of an unsigned product."""
    bits = 8 * x.dtype.itemsize
    unsigned = np.dtype(f"u{x.dtype.itemsize}")
    left, right = x.astype(unsigned).astype(np.uint64), y.astype(unsigned).astype(np.uint64)
    if bits < 64:
        return ((left * right) >> np.uint64(bits)).astype(unsigned).astype(x.dtype)
    half, low = np.uint64(32), np.uint64(2**32 - 1)
    a, b, c, d = left >> half, left & low, right >> half, right & low
    middle = (b * d >> half) + (a * d & low) + (b * c & low)
    return (a * c + (a * d >> half) + (b * c >> half) + (middle >> half)).astype(x.dtype)


def mulhi(x: Array, y: Array) -> Any:
    """The upper half of a signed product."""
    high = umulhi(x, y)
    return high - np.where(x < 0, y, 0).astype(x.dtype) - np.where(y < 0, x, 0).astype(x.dtype)


def popc(x: Array) -> Any:
    """How many bits are set."""
    return np.bitwise_count(x.view(np.dtype(f"u{x.dtype.itemsize}"))).astype(np.int32)


def clz(x: Array) -> Any:
    """How many upper bits are clear."""
    smeared = x.view(np.dtype(f"u{x.dtype.itemsize}")).copy()
    shift = 1
    while shift < 8 * x.dtype.itemsize:
        smeared |= smeared >> smeared.dtype.type(shift)
        shift *= 2
    return 8 * x.dtype.itemsize - np.bitwise_count(smeared).astype(np.int32)


def ffs(x: Array) -> Any:
    """The place of the lowest set bit from 1, or 0."""
    bits = x.view(np.dtype(f"u{x.dtype.itemsize}"))
    lowest = bits & (~bits + bits.dtype.type(1))
    return np.where(bits == 0, 0, np.bitwise_count(lowest - bits.dtype.type(1)).astype(np.int32) + 1)


def brev(x: Array) -> Any:
    """The bits in reverse."""
    size = x.dtype.itemsize
    octets = np.ascontiguousarray(x).reshape(-1, 1).view(np.uint8)
    bits = np.unpackbits(octets, axis=-1, bitorder="little")[:, ::-1]
    return np.packbits(bits, axis=-1, bitorder="little").view(f"u{size}").astype(x.dtype).reshape(x.shape)
