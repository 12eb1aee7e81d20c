"""When packets are made and how long they are: Bernoulli or Poisson sources with a mix of sizes."""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import accumulate
from random import Random
from typing import TypeAlias

from kernbench.common.errors import UsageError
from kernbench.common.units import FS_PER_NS, Fs, exact

CYCLE: Fs = FS_PER_NS
"""One cycle of an oracle network: the time of one flit on a link."""

Gaps: TypeAlias = Callable[[Random], Fs]
"""Draws the time from one packet of a source to its next."""


class Sizes:
    """A mix of packet sizes in flits, each with its share of the packets; exact fractions."""

    def __init__(self, shares: Sequence[tuple[int, Fraction]]) -> None:
        total = sum(share for _, share in shares)
        self.flits = tuple(flits for flits, _ in shares)
        self.largest = max(self.flits)
        self.mean = sum((flits * share for flits, share in shares), Fraction(0)) / total
        self._bounds = [float(bound / total) for bound in accumulate(share for _, share in shares)][:-1]

    def draw(self, random: Random) -> int:
        """Draw the size of the next packet; one size draws nothing."""
        return self.flits[bisect_right(self._bounds, random.random())] if self._bounds else self.flits[0]


def parse_sizes(text: str) -> Sizes:
    """Sizes of `8` or `1:0.5,16:0.5` (flits:share)."""
    shares = []
    for part in text.split(","):
        flits, _, share = part.partition(":")
        try:
            shares.append((int(flits), exact(share or "1")))
        except ValueError as error:
            raise UsageError(f"--flits {text}: expected a size such as 8, or a mix such as 1:0.5,16:0.5") from error
    if min(flits for flits, _ in shares) < 1 or min(share for _, share in shares) <= 0:
        raise UsageError(f"--flits {text}: expected sizes of at least 1 flit and shares above 0")
    return Sizes(shares)


def bernoulli(chance: float) -> Gaps:
    """Make a packet in each cycle with this chance; the gaps are drawn, not the cycles."""
    if chance >= 1:
        return lambda _: CYCLE
    scale = 1 / math.log1p(-chance)

    def gap(random: Random) -> Fs:
        return (1 + int(math.log(1 - random.random()) * scale)) * CYCLE

    return gap


def poisson(chance: float) -> Gaps:
    """Make `chance` packets a cycle on average, at any instant."""
    mean = CYCLE / chance

    def gap(random: Random) -> Fs:
        return 1 + int(-math.log(1 - random.random()) * mean)

    return gap


ARRIVALS: dict[str, Callable[[float], Gaps]] = {"bernoulli": bernoulli, "poisson": poisson}
