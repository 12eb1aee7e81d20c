"""Which earlier transfers of its program an operation has to wait for: those that touch the same bytes."""

from kernbench.common.ops import Operation, Runs


def hazards(operation: Operation, runs: Runs, others: dict[Operation, Runs]) -> int:
    """How many of `others` touch bytes of `runs`; the operation will wait for them."""
    count = 0
    first, last = runs[0][0], runs[-1][0] + runs[-1][1]
    for other, theirs in others.items():
        if theirs[0][0] < last and first < theirs[-1][0] + theirs[-1][1] and _overlap(runs, theirs):
            other.dependents.append(operation)
            count += 1
    return count


def _overlap(left: Runs, right: Runs) -> bool:
    """Whether two ascending lists of runs share a byte."""
    i = j = 0
    while i < len(left) and j < len(right):
        if left[i][0] + left[i][1] <= right[j][0]:
            i += 1
        elif right[j][0] + right[j][1] <= left[i][0]:
            j += 1
        else:
            return True
    return False
