"""Percentages that sum to 100.0: the rounding is dealt out, not lost."""

from collections.abc import Sequence

TENTHS = 1000


def percents(values: Sequence[int]) -> list[float]:
    """Each value's percentage of the sum, to a tenth; the tenths that rounding down leaves go to the largest rests."""
    total = sum(values)
    if total == 0:
        return [0.0] * len(values)
    tenths = [value * TENTHS // total for value in values]
    rests = sorted(range(len(values)), key=lambda index: (-(values[index] * TENTHS % total), index))
    for index in rests[: TENTHS - sum(tenths)]:
        tenths[index] += 1
    return [each / 10 for each in tenths]


def ratio(part: int, whole: int) -> float:
    """A fraction; 0.0 of nothing."""
    return part / whole if whole else 0.0
