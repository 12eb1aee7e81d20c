"""Bessel functions, which numpy and Python lack.

exp(i x sin t) is the sum of J_n(x) exp(i n t), so one Fourier transform of it has the functions of the first kind of
every order. Those of the second kind are sums of them (Neumann's), without cancellation. Far out both are waves.
"""

import math
from collections.abc import Callable

import numpy as np

from kernbench.triton_emu.numerics import Array

_FAR = 1e4
"""From here on two terms of Hankel's expansion have the precision of a float64, for the orders 0 and 1."""
_SPARE = 64
"""Orders above |x| after which what a transform leaves out is below a float64's precision."""


def first(order: int, x: float) -> float:
    """J of an order, of any real number."""
    if math.isnan(x):
        return math.nan
    if order < 0:
        return first(-order, -x)
    if abs(x) > _FAR:
        sign = -1 if x < 0 and order % 2 else 1
        return sign * _raised(order, abs(x), *[_far(each, abs(x), math.cos) for each in (0, 1)])
    if x * x < order + 1:
        return _series(order, x, -1)
    return float(_orders(x, order)[order])


def second(order: int, x: float) -> float:
    """Y of an order, of numbers from 0 on."""
    if math.isnan(x) or x < 0:
        return math.nan
    if x == 0:
        return -math.inf
    if order < 0:
        return second(-order, x) * (-1 if order % 2 else 1)
    if x > _FAR:
        return _raised(order, x, *[_far(each, x, math.sin) for each in (0, 1)])
    values = _orders(x, 1)
    rate = math.log(x / 2) + float(np.euler_gamma)
    half = np.arange(1, len(values) // 4)
    signs = np.where(half % 2, -1.0, 1.0)
    even = float(np.sum(signs * values[2 * half] / half))
    odd = float(np.sum(signs * values[2 * half + 1] * (2 * half + 1) / (half * (half + 1))))
    zeroth = 2 / math.pi * (rate * float(values[0]) - 2 * even)
    return _raised(order, x, zeroth, 2 / math.pi * ((rate - 1) * float(values[1]) - odd - float(values[0]) / x))


def modified(order: int, x: float) -> float:
    """I of order 0 or 1, of any real number."""
    return abs(x) if order == 0 and math.isinf(x) else x if math.isinf(x) else _series(order, x, 1)


def _raised(order: int, x: float, zeroth: float, found: float) -> float:
    """The function of an order from those of the orders 0 and 1: stable for Y, and for J of orders below x."""
    if order == 0:
        return zeroth
    below = zeroth
    for step in range(1, order):
        if math.isinf(found):
            break
        below, found = found, 2 * step / x * found - below
    return found


def _orders(x: float, least: int) -> Array:
    """J of x, of the orders from 0 to half of what is given back at the least."""
    count = 2 * (int(abs(x)) + least + _SPARE)
    turns = 2 * math.pi * np.arange(count) / count
    transformed: Array = np.fft.fft(np.exp(1j * x * np.sin(turns))).real / count
    return transformed


def _series(order: int, x: float, sign: int) -> float:
    """The power series: signs in turn for J, all positive for I."""
    square = x * x / 4
    term = math.prod(x / 2 / each for each in range(1, order + 1))  # no power or factorial that overflows
    total, step = term, 0
    while abs(term) > 1e-17 * abs(total):
        step += 1
        term *= sign * square / (step * (step + order))
        total += term
        if math.isinf(total):
            break
    return total


def _far(order: int, x: float, wave: Callable[[float], float]) -> float:
    if math.isinf(x):
        return 0.0
    square = 4 * order * order
    slope = (square - 1) / (8 * x)
    curve = 1 - (square - 1) * (square - 9) / (2 * (8 * x) ** 2)
    phase = x - order * math.pi / 2 - math.pi / 4
    shifted = -math.sin(phase) if wave is math.cos else math.cos(phase)
    return math.sqrt(2 / (math.pi * x)) * (curve * wave(phase) + slope * shifted)
