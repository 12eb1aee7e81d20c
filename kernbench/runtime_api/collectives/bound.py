"""The most bus bandwidth that any algorithm can reach: what must enter and leave each SIP, over the links that it has."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from kernbench.common.units import BytesPerSecond
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.rank import Fabric


def bus_bound(kind: str, fabrics: Sequence[Fabric]) -> BytesPerSecond:
    """Bus bandwidth of a collective among SIPs that no schedule can exceed, whichever of them is the root."""
    n = len(fabrics)
    roots = range(n) if KINDS[kind].rooted else range(1)
    most = max(min(_rates(kind, fabrics, root)) for root in roots)
    return int(most * Fraction(*KINDS[kind].bus(n)))


def _rates(kind: str, fabrics: Sequence[Fabric], root: int) -> Iterator[Fraction]:
    """Message bytes/s that each SIP's links allow, and all of them together."""
    n = len(fabrics)
    total = Fraction(0)
    for number, fabric in enumerate(fabrics):
        out, into = _least(kind, n, is_root=number == root)
        if out:
            yield fabric.out / out
        if into:
            yield fabric.into / into
        total += Fraction(2 * (n - 1), n) if kind == "all_reduce" else into
    yield sum(fabric.out for fabric in fabrics) / total


def _least(kind: str, n: int, *, is_root: bool) -> tuple[Fraction, Fraction]:
    """What must leave and enter a SIP, in messages: its own part once at least, all that it needs of the others."""
    one, block, others, nothing = Fraction(1), Fraction(1, n), Fraction(n - 1, n), Fraction(0)
    if kind == "all_reduce":
        return one, one
    return {
        "all_gather": (block, others),
        "reduce_scatter": (others, block),
        "all_to_all": (others, others),
        "broadcast": (one, nothing) if is_root else (nothing, one),
        "reduce": (nothing, one) if is_root else (one, nothing),
        "gather": (nothing, others) if is_root else (block, nothing),
        "scatter": (others, nothing) if is_root else (nothing, block),
    }[kind]
