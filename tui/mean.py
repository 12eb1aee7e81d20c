"""Some places of a row of busy bytes, and their mean, many thousand times a second: no loop of Python's own in it."""

from collections.abc import Sequence
from operator import itemgetter


class Some:
    """The bytes at `places`."""

    def __init__(self, places: Sequence[int]) -> None:
        self.count = len(places)
        # Of one place itemgetter gives no tuple; the place twice has the same mean.
        self._pick = itemgetter(*places, *places[: self.count == 1]) if places else _nothing

    def of(self, values: bytes) -> tuple[int, ...]:
        """Them, from a row that has them all; the only one of them twice."""
        picked: tuple[int, ...] = self._pick(values)
        return picked


class Mean(Some):
    """The mean of them, rounded down; 0 where there are none."""

    def mean(self, values: bytes) -> int:
        """The mean in a row that has them all."""
        picked = self.of(values)
        return sum(picked) // len(picked) if picked else 0


def _nothing(_values: bytes) -> tuple[int, ...]:
    return ()
