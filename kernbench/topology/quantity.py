"""What a scalar of a topology means: the suffix of its key names the unit, the text stays exact."""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import Final, NamedTuple, TypeAlias

from kernbench.common.units import FS_PER_S, exact, parse_bandwidth, parse_size, parse_time

Value: TypeAlias = int | Fraction | bool | str

_INTEGER = re.compile(r"[+-]?\d{1,30}")
_DECIMAL = re.compile(r"[+-]?(?:\d{1,30}\.\d{0,30}|\.\d{1,30})")
_FREQUENCY = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(GHz|MHz|)")
_LENGTH = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*(mm|um|)")


class Unit(NamedTuple):
    """How the values of keys with one suffix are read, and what is absurd."""

    name: str
    parse: Callable[[str], int | Fraction]
    least: int
    may_be_least: bool
    most: int
    most_text: str
    meaning: str


def _frequency(text: str) -> int:
    match = _FREQUENCY.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a frequency such as 1GHz, got {text!r}")
    hertz = exact(match[1]) * (10**6 if match[2] == "MHz" else 10**9)
    if hertz.denominator != 1:
        raise ValueError(f"{text} is not a whole number of Hz; round it to one")
    return hertz.numerator


def _length(text: str) -> Fraction:
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise ValueError(f"expected a length such as 1.5mm, got {text!r}")
    return exact(match[1]) / (1000 if match[2] == "um" else 1)


UNITS: Final = {
    "_ns": Unit("ns", parse_time, 0, True, FS_PER_S, "1s", "time, kept in fs"),
    "_gbs": Unit("GB/s", parse_bandwidth, 0, False, 10**15, "1 PB/s", "bandwidth, kept in bytes/s"),
    "_bytes": Unit("B", parse_size, 0, True, 2**50, "1 PiB", "size"),
    "_ghz": Unit("GHz", _frequency, 0, False, 10**12, "1000 GHz", "clock, kept in Hz"),
    "_mm": Unit("mm", _length, 0, True, 10**4, "10 m", "length"),
}


def unit_of(key: str) -> Unit | None:
    """The unit that the last part of a dotted key names, if it names one."""
    name = key.rpartition(".")[2]
    if name == "ns_per_mm":  # a ratio of two units, not a length
        return None
    return next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), None)


def resolve(key: str, text: str) -> Value:
    """The value of `text` under `key`: fs, bytes/s, bytes, Hz, mm, or by its looks; ValueError says what is wrong."""
    unit = unit_of(key)
    if unit is None:
        return _plain(text)
    value = unit.parse(text)
    if value < unit.least or (value == unit.least and not unit.may_be_least):
        raise ValueError(f"expected {'>=' if unit.may_be_least else '>'} {unit.least}, got {text}")
    if value > unit.most:
        raise ValueError(f"expected at most {unit.most_text}, got {text}")
    return value


def _plain(text: str) -> Value:
    if text in {"true", "false"}:
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    return Fraction(text) if _DECIMAL.fullmatch(text) else text
