"""Rounding toward zero, up and down: the neighbour of the nearest number where that one lies on the wrong side.

On which side it lies float64 tells of float32 where its own rounding cannot reach a number of 24 bits that is not exact.
Of the rest fractions tell, element by element: exact for every type and slow, but such functions are rare in kernels.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np

from kernbench.triton_emu import special
from kernbench.triton_emu.numerics import Array, Function

MODES = {"rz": "toward zero", "rd": "down", "ru": "up"}
"""What the suffixes of libdevice's names mean."""
Residue = Callable[..., Fraction]


def _sum(found: Fraction, x: Fraction, y: Fraction) -> Fraction:
    return x + y - found


def _difference(found: Fraction, x: Fraction, y: Fraction) -> Fraction:
    return x - y - found


def _product(found: Fraction, x: Fraction, y: Fraction) -> Fraction:
    return x * y - found


def _quotient(found: Fraction, x: Fraction, y: Fraction) -> Fraction:
    return x / y - found


def _reciprocal(found: Fraction, x: Fraction) -> Fraction:
    return 1 / x - found


def _root(found: Fraction, x: Fraction) -> Fraction:
    return x - found * found


def _fused(found: Fraction, x: Fraction, y: Fraction, z: Fraction) -> Fraction:
    return x * y + z - found


def _itself(found: Fraction, x: Fraction) -> Fraction:
    return x - found


def _fma(x: Array, y: Array, z: Array) -> Any:
    return np.asarray(special.fma(x, y, z)).astype(x.dtype)


OPERATIONS: dict[str, tuple[Function, Residue, int]] = {
    "add": (np.add, _sum, 2),
    "sub": (np.subtract, _difference, 2),
    "mul": (np.multiply, _product, 2),
    "div": (np.divide, _quotient, 2),
    "rcp": (np.reciprocal, _reciprocal, 1),
    "sqrt": (np.sqrt, _root, 1),
    "fma": (_fma, _fused, 3),
}
"""Of each operation: what rounds it to nearest, by how much that is below what is exact (or its sign), its operands."""


_TOLD_BY_FLOAT64 = frozenset({"mul", "div", "rcp", "sqrt"})


def operation(name: str, mode: str) -> Function:
    """An operation of floats, rounded as `mode` says."""
    nearest, residue, _ = OPERATIONS[name]
    exact = _directed(nearest, residue, mode)
    if name not in _TOLD_BY_FLOAT64:
        return exact

    def apply(*operands: Array) -> Any:
        if operands[0].dtype != np.float32:
            return exact(*operands)
        found = np.asarray(nearest(*operands))
        wide = nearest(*[each.astype(np.float64) for each in operands])
        return _stepped(found, (wide > found).astype(np.int8) - (wide < found), mode)

    return apply


def conversion(target: Any, mode: str) -> Function:
    """Numbers as a narrower type of floats, rounded as `mode` says."""
    return _directed(lambda x: x.astype(target), _itself, mode)


def _directed(nearest: Function, residue: Residue, mode: str) -> Function:
    beyond = np.frompyfunc(lambda *numbers: _side(residue, *numbers), residue.__code__.co_argcount, 1)

    def apply(*operands: Array) -> Any:
        found = np.asarray(nearest(*operands))
        side = np.asarray(beyond(found, *operands)).astype(np.int8)
        return _stepped(found, side, mode)

    return apply


def _stepped(found: Array, side: Array, mode: str) -> Any:
    """The nearest numbers, or their neighbours where what is exact lies on the wrong side of them."""
    if mode == "rz":
        wrong, limit = side * np.sign(found) < 0, 0.0
    else:
        wrong, limit = (side < 0, -np.inf) if mode == "rd" else (side > 0, np.inf)
    return np.where(wrong, np.nextafter(found, found.dtype.type(limit)), found)


def _side(residue: Residue, found: float, *operands: float) -> int:
    """1 where what is exact lies above `found`, -1 where it lies below."""
    if math.isnan(found) or not all(map(math.isfinite, operands)):
        return 0
    endless = math.isinf(found)
    try:
        left = residue(Fraction(0 if endless else found), *map(Fraction, operands))
    except ZeroDivisionError:
        return 0  # infinity is exact
    if endless:
        return -1 if found > 0 else 1
    return (left > 0) - (left < 0)
