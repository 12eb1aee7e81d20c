"""NCCL all-reduce times that others measured, a model with latency and bandwidth fitted to half of them, and its errors on the rest.

The model is the closed form of a ring, T = base + 2 (n - 1) (latency + size / (n bandwidth)), with values of its own for
each of NCCL's protocols; the fastest one counts (short messages go with low latency, long ones with high bandwidth).
"""

import csv
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from kernbench.common.errors import UsageError
from kernbench.runtime_api.workload.content import content_of

COLUMNS = ("num_workers", "devices_per_node", "size", "time_stats.all_reduce.median")
"""Of a table as microsoft/vidur has it: ranks, ranks of a node, bytes, ms."""
LEAST_MS, MOST_MS = Decimal("1e-12"), 10**9
MOST_BYTES = 1 << 24
ROUNDS = 100
LEAST = 6
"""Rows that fit a protocol: twice its three values."""
Array: TypeAlias = npt.NDArray[np.float64]


class Measured(msgspec.Struct, frozen=True, order=True):
    """A median time in us of an all-reduce of `size` bytes among `ranks` on `nodes`."""

    ranks: int
    nodes: int
    size: int
    time_us: float


class Protocol(msgspec.Struct, frozen=True):
    """What was fitted: us before and after the steps, us a step, GB/s of a rank's link."""

    base_us: float
    latency_us: float
    bandwidth_gbs: float

    def time_us(self, ranks: int, size: int) -> float:
        """The closed form of a ring."""
        return self.base_us + self.steps_us(ranks, size)

    def steps_us(self, ranks: int, size: int) -> float:
        """Its steps alone: what a fabric of this latency and bandwidth takes."""
        return 2 * (ranks - 1) * (self.latency_us + size / (ranks * self.bandwidth_gbs * 1000))


class Group(msgspec.Struct, frozen=True):
    """Relative errors of the predictions for one number of ranks and nodes, over `rows` sizes that were not fitted."""

    ranks: int
    nodes: int
    rows: int
    mean_error: float
    p95_error: float
    max_error: float
    mean_bias: float


class Fit(msgspec.Struct, frozen=True):
    """The protocols, short messages first, the errors on what was not fitted, and what they were fitted to."""

    fitted_rows: int
    protocols: tuple[Protocol, ...]
    groups: tuple[Group, ...]

    def time_us(self, ranks: int, size: int) -> float:
        """The prediction: the fastest protocol."""
        return min(each.time_us(ranks, size) for each in self.protocols)


def packaged() -> dict[str, Any]:
    """The packaged figures, with their source and licence."""
    document: dict[str, Any] = json.loads((files("kernbench") / "data" / "nccl_a100.json").read_text("utf-8"))
    return document


def packaged_rows() -> list[Measured]:
    """The packaged figures as rows, in order."""
    document = packaged()
    return sorted(
        Measured(group["ranks"], group["nodes"], size, time)
        for group in document["groups"]
        for size, time in zip(document["sizes_bytes"], group["median_us"], strict=True)
    )


def read_rows(path: Path) -> list[Measured]:
    """The rows of a table (COLUMNS), in order; of rows for the same the first counts. What is wrong is named by its line."""
    found: dict[tuple[int, int, int], float] = {}
    try:
        with StringIO(content_of(path, MOST_BYTES).decode("utf-8"), newline="") as file:
            table = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
            if missing:
                raise UsageError(f"{path}:1: no column {missing[0]}; expected {', '.join(COLUMNS)}")
            for line in table:
                ranks, per_node, size = (_whole(path, table.line_num, name, line[name]) for name in COLUMNS[:3])
                time = _time(path, table.line_num, line[COLUMNS[3]])
                if ranks < 2 or ranks % per_node:  # an all-reduce among one, or nodes that are not full
                    raise UsageError(f"{path}:{table.line_num}: {ranks} ranks, {per_node} a node; expected whole nodes")
                found.setdefault((ranks, ranks // per_node, size), time)
    except (csv.Error, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: {error}; expected a table of comma-separated values") from error
    return sorted(Measured(*key, time) for key, time in found.items())


def _whole(path: Path, line: int, name: str, text: str | None) -> int:
    if text is not None and text.isdecimal() and text.isascii() and 0 < len(text) < 16 and int(text):  # digits
        return int(text)
    raise UsageError(f"{path}:{line}: {name} is {text!r}, expected a whole number from 1")


def _time(path: Path, line: int, text: str | None) -> float:
    """A time of the table in us; exact in decimals, so that 0.043 ms is 43 us."""
    try:
        time = Decimal(text or "")
    except InvalidOperation as error:
        raise UsageError(f"{path}:{line}: {COLUMNS[3]} is {text!r}, expected ms") from error
    if not time.is_finite() or not LEAST_MS <= time < MOST_MS:
        raise UsageError(f"{path}:{line}: {COLUMNS[3]} is {text!r}, expected ms above 0")
    return float(time * 1000)


def halves(rows: Iterable[Measured]) -> tuple[list[Measured], list[Measured]]:
    """(fitted, predicted): of each group of ranks every second size from the first, and the others."""
    parts: tuple[list[Measured], list[Measured]] = ([], [])
    counts: dict[tuple[int, int], int] = {}
    for row in sorted(rows):
        number = counts.get((row.ranks, row.nodes), 0)
        parts[number % 2].append(row)
        counts[row.ranks, row.nodes] = number + 1
    return parts


def fit(rows: Sequence[Measured], protocols: int = 2) -> Fit:
    """Fit `protocols` to every second size of one-node rows; predict the others, and all groups of several nodes.

    Each protocol minimises the squares of relative errors over the rows that it is the fastest for; who that is and
    what fits is found in turns, from sizes cut into equal parts.
    """
    known, others = halves(row for row in rows if row.nodes == 1)
    if len(known) < LEAST * protocols:
        raise UsageError(f"{len(known)} one-node rows to fit, {protocols} protocols need at least {LEAST * protocols}")
    found = _alternate(known, protocols)
    made = Fit(len(known), found, ())
    groups: dict[tuple[int, int], list[float]] = {}
    for row in [*others, *(row for row in rows if row.nodes > 1)]:
        error = made.time_us(row.ranks, row.size) / row.time_us - 1
        groups.setdefault((row.ranks, row.nodes), []).append(error)
    ordered = sorted(groups, key=lambda key: (key[1] > 1, key))
    return msgspec.structs.replace(made, groups=tuple(_group(*key, np.array(groups[key])) for key in ordered))


def _group(ranks: int, nodes: int, errors: Array) -> Group:
    sizes = np.abs(errors)
    return Group(
        ranks,
        nodes,
        len(errors),
        mean_error=float(sizes.mean()),
        p95_error=float(np.quantile(sizes, 0.95)),
        max_error=float(sizes.max()),
        mean_bias=float(errors.mean()),
    )


def _alternate(rows: Sequence[Measured], count: int) -> tuple[Protocol, ...]:
    terms = np.array([[1.0, 2 * (row.ranks - 1), 2 * (row.ranks - 1) / row.ranks * row.size] for row in rows])
    times = np.array([row.time_us for row in rows])
    sizes = np.array([row.size for row in rows])
    owner = np.searchsorted(np.quantile(sizes, [part / count for part in range(1, count)]), sizes)
    values = np.zeros((count, 3))
    for _ in range(ROUNDS):
        for number in range(count):
            mine = owner == number
            if mine.sum() >= LEAST:  # one that is never the fastest keeps what it had
                values[number] = _least_squares(terms[mine], times[mine])
        fastest = (terms @ values.T).argmin(axis=1)
        if (fastest == owner).all():
            break
        owner = fastest
    order = sorted(values, key=lambda each: -each[2])
    if any(each[2] <= 0 for each in order):
        raise UsageError("the times do not grow with size, so no bandwidth fits them; are the columns right?")
    return tuple(Protocol(float(base), float(latency), float(1 / each / 1000)) for base, latency, each in order)


def _least_squares(terms: Array, times: Array) -> Array:
    """The values whose relative errors have the least squares."""
    return np.asarray(np.linalg.lstsq(terms / times[:, None], np.ones(len(times)), rcond=None)[0], dtype=np.float64)
