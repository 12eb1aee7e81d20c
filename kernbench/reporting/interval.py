"""Stretches of time as a set: unions and intersections in whole femtoseconds."""

from collections.abc import Iterable

from kernbench.common.units import Fs

Interval = tuple[Fs, Fs]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same time as disjoint stretches in order; empty ones are dropped."""
    merged: list[Interval] = []
    for start, end in sorted(each for each in intervals if each[0] < each[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def intersection(left: list[Interval], right: list[Interval]) -> list[Interval]:
    """What two unions have in common."""
    found: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            found.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return found


def length(intervals: Iterable[Interval]) -> Fs:
    """Time in a union."""
    return sum(end - start for start, end in intervals)
