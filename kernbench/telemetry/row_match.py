"""Which rows of two runs are of the same work, and what such a row is called."""

from typing import Any

Figure = dict[str, Any]
KEYS = (
    "task",
    "ranks",
    "layer",
    "kernel",
    "part",
    "size_bytes",
    "count",
    "M",
    "N",
    "K",
    "pes",
    "dtype",
    "redop",
    "algo",
)
"""Columns that say which row of the other run is the same; a bench without them is matched line by line."""
NAMES = tuple(key for key in KEYS if key not in ("count", "ranks"))
"""Those that a row is named by; the others follow from them."""
SHAPES = ("n", "rows", "columns", "tokens", "hidden", "heads", "length", "dim", "causal")
"""Columns of kernels that say how much work a row is: rows of other work are no pair. Their values need their names."""


def match_rows(rows: list[Figure], base: list[Figure]) -> list[tuple[str, Figure, Figure | None]]:
    """Each row with its name and the base's row of the same keys; of several equal ones in order."""
    theirs: dict[tuple[Any, ...], list[Figure]] = {}
    for index, row in enumerate(base):
        theirs.setdefault(_key(row, index), []).append(row)
    found = []
    for index, row in enumerate(rows):
        others = theirs.get(_key(row, index))
        found.append((_title(row, index), row, others.pop(0) if others else None))
    return found


def _key(row: Figure, index: int) -> tuple[Any, ...]:
    keys = tuple(row.get(key) for key in (*KEYS, *SHAPES))
    return keys if any(key is not None for key in keys) else (index,)


def _title(row: Figure, index: int) -> str:
    named = [f"{row[key]} B" if key == "size_bytes" else str(row[key]) for key in NAMES if row.get(key) is not None]
    named += [f"{key}={row[key]}" for key in SHAPES if row.get(key) is not None]
    return " ".join(named) or f"row {index + 1}"
