"""Arguments of a bench: the types that its parameters may name, and how text becomes one of them."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from kernbench.common.units import parse_size

Count: TypeAlias = int
"""A number from 1."""
Block: TypeAlias = int
"""Elements of a block along one axis: a power of two, as `tl.arange` wants them."""
Tile: TypeAlias = int
"""The same, or 0 to have the bench choose."""
Pes: TypeAlias = int
"""How many PEs of a device a launch uses: the first so many, or all for 0."""
Precision: TypeAlias = str
"""An element type that kernels multiply and add: one of PRECISIONS."""

PRECISIONS = ("float16", "bfloat16", "float32")
MOST = 2**31
"""No count is as large: what it would count fits no device."""


def _bool(value: Any) -> bool:
    return value if isinstance(value, bool) else {"true": True, "on": True, "false": False, "off": False}[value]


def _count(value: Any) -> int:
    return _number(value, 1)


def _pes(value: Any) -> int:
    return _number(value, 0)


def _block(value: Any) -> int:
    number = _number(value, 1)
    if number & (number - 1):
        raise ValueError(value)
    return number


def _tile(value: Any) -> int:
    return 0 if int(value) == 0 else _block(value)


def _number(value: Any, least: int) -> int:
    number = int(value)
    if not least <= number < MOST:
        raise ValueError(value)
    return number


def _precision(value: Any) -> str:
    if value not in PRECISIONS:
        raise ValueError(value)
    return str(value)


READERS: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "Bytes": ("of type Bytes", parse_size),
    "int": ("of type int", int),
    "float": ("of type float", float),
    "bool": ("of type bool", _bool),
    "Count": ("a whole number from 1", _count),
    "Block": ("a power of two", _block),
    "Tile": ("a power of two, or 0 to have it chosen", _tile),
    "Pes": ("the number of PEs of a launch, or 0 for all", _pes),
    "Precision": (f"one of {', '.join(PRECISIONS)}", _precision),
}
"""By name of a type: what it is in words, and what makes it of text; a ValueError or a KeyError refuses."""
