"""Names of what a collective does with the elements of several ranks."""

from enum import StrEnum


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
