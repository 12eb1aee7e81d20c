"""Names of what a collective does with the elements of several ranks."""


class ReduceOp:
    """torch's names of the operations; their plain names do as well."""

    SUM = "sum"
    PRODUCT = "prod"
    MAX = "max"
    MIN = "min"
    AVG = "avg"
