"""The tables that a run leaves: links, operations, kernels and phases as CSV, as Parquet too where pyarrow is there."""

import csv
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kernbench.common.units import FS_PER_NS, Fs
from kernbench.telemetry.reader import RunReader
from kernbench.telemetry.rows import PARTS, KernelRow, LinkRow, OperationRow, PhaseRow

REASONS = ("link_busy", "no_credit", "head_of_line", "target_busy", "own_stream")
"""Why a packet may wait for a link, in the order of the columns."""

COLUMNS: Mapping[str, Sequence[str]] = {
    "links": (
        "link", "kind", "bw_bytes_per_s", "packets", "bytes", "busy_ns", *(f"wait_{reason}_ns" for reason in REASONS),
    ),
    "operations": (
        "pe", "unit", "kind", "sequence", "kernel", "issued_ns", "ready_ns", "start_ns", "end_ns", "freed_ns", "cause",
        "queued_ns", "amount", "flow",
    ),
    "kernels": ("pe", "kernel", "launch", "start_ns", "end_ns", "operations", "unit", *(f"{part}_ns" for part in PARTS)),
    "phases": ("sip", "name", "start_ns", "end_ns"),
}  # fmt: skip


def exact_ns(time: Fs) -> str:
    """Nanoseconds with all their decimals: no femtosecond is lost."""
    if not time:
        return "0"
    whole, rest = divmod(abs(time), FS_PER_NS)
    sign = "-" if time < 0 else ""
    return f"{sign}{whole}.{rest:06d}" if rest else f"{sign}{whole}"


def write_tables(reader: RunReader) -> list[Path]:
    """Write every table into the directory of the run; the files."""
    makers = {
        "links": (_link(row) for row in reader.links()),
        "operations": (_operation(row) for row in reader.operations()),
        "kernels": (line for row in reader.kernels() for line in _kernel(row)),
        "phases": (_phase(row) for row in reader.phases()),
    }
    written = []
    parquet = importlib.util.find_spec("pyarrow") is not None
    for name, lines in makers.items():
        path = reader.directory / f"{name}.csv"
        _write_csv(path, COLUMNS[name], lines)
        written.append(path)
        if parquet:
            written.append(_write_parquet(path))
    return written


def _write_csv(path: Path, columns: Sequence[str], lines: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)


def _write_parquet(path: Path) -> Path:
    """The same table in columns; numbers as numbers."""
    from pyarrow import csv as arrow_csv  # noqa: PLC0415  # an extra
    from pyarrow import parquet  # noqa: PLC0415  # an extra

    target = path.with_suffix(".parquet")
    parquet.write_table(arrow_csv.read_csv(path), target)
    return target


def _link(row: LinkRow) -> Sequence[Any]:
    waits = [exact_ns(row.blocked.get(reason, 0)) for reason in REASONS]
    return [row.name, row.kind, row.bw, row.packets, row.moved, exact_ns(row.busy), *waits]


def _operation(row: OperationRow) -> Sequence[Any]:
    return [
        row.pe,
        row.unit,
        row.kind,
        row.sequence,
        row.kernel,
        exact_ns(row.issued),
        exact_ns(row.ready),
        exact_ns(row.start),
        exact_ns(row.end),
        exact_ns(row.freed),
        row.cause,
        exact_ns(row.queued),
        row.amount,
        row.flow,
    ]


def _kernel(row: KernelRow) -> Iterable[Sequence[Any]]:
    """One line for each engine of the PE."""
    for unit, parts in row.engines.items():
        times = [exact_ns(part) for part in parts]
        yield [
            row.pe, row.kernel, row.launch, exact_ns(row.start), exact_ns(row.end), row.operations, unit, *times
        ]  # fmt: skip


def _phase(row: PhaseRow) -> Sequence[Any]:
    return [row.sip, row.name, exact_ns(row.start), exact_ns(row.end)]
