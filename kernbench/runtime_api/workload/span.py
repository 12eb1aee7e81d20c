"""Times from a begin to an end, and how long they cover together."""

from collections.abc import Iterable
from typing import TypeAlias

from kernbench.common.units import Fs

Span: TypeAlias = tuple[Fs, Fs]


def union(spans: Iterable[Span]) -> list[Span]:
    """The same times, in order and disjoint."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def length(spans: Iterable[Span]) -> Fs:
    """How long they are together, what overlaps counted once."""
    return sum(end - start for start, end in union(spans))


def outside(spans: Iterable[Span], cover: Iterable[Span]) -> Fs:
    """How much of `spans` nothing of `cover` overlaps."""
    covering = [*cover]
    return length([*spans, *covering]) - length(covering)
