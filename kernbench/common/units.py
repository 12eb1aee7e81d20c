"""Units: the only place that knows what a tick is. Time is an int of femtoseconds, bandwidth an int of bytes/s."""

import re
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TypeAlias

Fs: TypeAlias = int
"""Simulated time or duration in femtoseconds. 64 B at 204.8 GB/s is exactly 312 500 fs; int64 reaches 2.5 h."""

BytesPerSecond: TypeAlias = int
"""Bandwidth. 1 GB/s = 1e9 B/s = 1 B/ns."""

Number: TypeAlias = int | str | Decimal | Fraction

FS_PER_NS = 10**6
FS_PER_S = 10**15
_TIME_FS = {"fs": 1, "ps": 10**3, "ns": 10**6, "us": 10**9, "µs": 10**9, "ms": 10**12, "s": 10**15}
_SIZE_B = {
    "B": 1, "": 1,
    "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
    "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
}  # fmt: skip
_RATE_BPS = {"B/s": 1, "kB/s": 10**3, "MB/s": 10**6, "GB/s": 10**9, "TB/s": 10**12}
_QUANTITY = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*([A-Za-zµ/]*)\s*")

MOST_BYTES = 2**60
"""Of any one size: sums of many still travel as 64-bit integers."""


EXPONENT_DIGITS = 3
"""No figure here is beyond 1e999; a fraction of 1e99999999 would take minutes and all memory."""
_LONG_EXPONENT = re.compile(rf"[eE][+-]?[\d_]{{{EXPONENT_DIGITS + 1},}}")


def exact(value: Number) -> Fraction:
    """The exact fraction of a decimal text or number; floats are refused because they have lost the text."""
    if isinstance(value, str) and _LONG_EXPONENT.search(value):
        raise ValueError(f"expected a number whose exponent has at most {EXPONENT_DIGITS} digits, got {value!r}")
    try:
        return Fraction(value)
    except (ValueError, InvalidOperation, ZeroDivisionError) as error:
        raise ValueError(f"expected a number, got {value!r}") from error


def ns(value: Number) -> Fs:
    """Femtoseconds of a number of nanoseconds; it must come out whole."""
    return _whole(exact(value) * FS_PER_NS, f"{value} ns", "fs")


def gbs(value: Number) -> BytesPerSecond:
    """Bytes/s of a number of GB/s (1e9)."""
    return _whole(exact(value) * 10**9, f"{value} GB/s", "B/s")


def parse_time(text: Number, default_unit: str = "ns") -> Fs:
    """Femtoseconds of `8ns`, `0.5us` or a plain number in `default_unit`."""
    number, unit = _split(text, _TIME_FS, default_unit, "a time such as 8ns")
    return _whole(number * _TIME_FS[unit], str(text), "fs")


def parse_size(text: Number) -> int:
    """Bytes of `4096`, `4KiB`, `1M` (powers of two) or `1MB` (powers of ten)."""
    number, unit = _split(text, _SIZE_B, "B", "a size such as 64KiB")
    size = _whole(number * _SIZE_B[unit], str(text), "bytes")
    if size > MOST_BYTES:
        raise ValueError(f"expected at most {format_size(MOST_BYTES)}, got {str(text)[:60]}")
    return size


def parse_bandwidth(text: Number, default_unit: str = "GB/s") -> BytesPerSecond:
    """Bytes/s of `50GB/s` or a plain number in `default_unit`."""
    number, unit = _split(text, _RATE_BPS, default_unit, "a bandwidth such as 50GB/s")
    return _whole(number * _RATE_BPS[unit], str(text), "B/s")


def transfer_time(size: int, bandwidth: BytesPerSecond) -> Fs:
    """ceil(size x 10^15 / bandwidth): the serialisation of `size` bytes in fs. Sum sizes first, never rounded parts."""
    return -(-size * FS_PER_S // bandwidth)


def to_ns(time: Fs) -> float:
    """Nanoseconds for a human or a JSON document; nothing computes with it."""
    return time / FS_PER_NS


def format_time(time: Fs) -> str:
    """A time with the unit that reads best: `12.5 ns`, `3.25 us`, `1.2 ms`."""
    for unit in ("s", "ms", "us"):
        if abs(time) >= _TIME_FS[unit]:
            return f"{time / _TIME_FS[unit]:.6g} {unit}"
    return f"{time / FS_PER_NS:.6g} ns"


def format_size(size: int) -> str:
    """A size with the largest binary unit that divides it: `64KiB`, `1MiB`, `100B`."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _SIZE_B[unit] == 0:
            return f"{size // _SIZE_B[unit]}{unit}"
    return f"{size}B"


def rate_gbs(size: int, time: Fs) -> float:
    """GB/s (1e9) of `size` bytes in `time`; 0.0 for no time."""
    return size * FS_PER_NS / time if time else 0.0


def carry_time(size: int, bw: BytesPerSecond) -> Fs:
    """Time that `size` bytes take at a bandwidth, rounded down."""
    return size * FS_PER_S // bw


def _split(text: Number, units: dict[str, int], default: str, expected: str) -> tuple[Fraction, str]:
    match = _QUANTITY.fullmatch(str(text)) if not isinstance(text, Fraction) else None
    if isinstance(text, Fraction):
        return text, default
    if match is None or (match[2] or default) not in units:
        raise ValueError(f"expected {expected}, got {str(text)[:60]!r}")
    return exact(match[1]), match[2] or default


def _whole(value: Fraction, text: str, unit: str) -> int:
    if value.denominator != 1:
        raise ValueError(f"{text} is not a whole number of {unit}; round it to one")
    return value.numerator
