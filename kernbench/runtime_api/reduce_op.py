"""Names of what a collective does with the elements of several ranks."""

from enum import StrEnum
from typing import Any


class ReduceOp(StrEnum):
    """torch's names of the operations, in its order; their plain names do as well.

    The bitwise ones and PREMUL_SUM are names only, for tables that programs make of them: a collective refuses them.
    """

    SUM = "sum"
    AVG = "avg"
    PRODUCT = "prod"
    MIN = "min"
    MAX = "max"
    BAND = "band"
    BOR = "bor"
    BXOR = "bxor"
    PREMUL_SUM = "premul_sum"

    def __int__(self) -> int:
        """Its number in torch, by which libraries keep it."""
        return list(ReduceOp).index(self)


def name_of(op: Any) -> str:
    """The plain name of an operation; of an installed torch's own too, which libraries take from where torch keeps it."""
    kind, _, name = str(op).rpartition(".")
    own = ReduceOp.__members__.get(name) if kind == "RedOpType" else None
    return str(op) if own is None else own.value
