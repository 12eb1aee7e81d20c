"""What a sample of latencies says: mean, percentiles, and how sure the mean is."""

import math
from collections.abc import Sequence

BATCHES = 20
T_95 = 2.093
"""Two-sided 95 % quantile of Student's t for BATCHES - 1 degrees of freedom."""


def mean(values: Sequence[int]) -> float:
    """Arithmetic mean; the sum is exact."""
    return sum(values) / len(values)


def percentile(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least this share of the sorted values does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def half_width_95(values: Sequence[int]) -> float | None:
    """Half the 95 % confidence interval of the mean, from the means of batches of neighbours: queues correlate.

    None when there are fewer values than batches.
    """
    size = len(values) // BATCHES
    if size == 0:
        return None
    means = [sum(values[start : start + size]) / size for start in range(0, size * BATCHES, size)]
    centre = sum(means) / BATCHES
    variance = sum((each - centre) ** 2 for each in means) / (BATCHES - 1)
    return T_95 * math.sqrt(variance / BATCHES)
