"""The tables that a run leaves: links, operations, kernels and phases as CSV, as Parquet too where pyarrow is there."""

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

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
        "queued_ns", "amount", "flow", "arrived_ns", "released_ns",
    ),
    "kernels": ("pe", "kernel", "launch", "start_ns", "end_ns", "operations", "unit", *(f"{part}_ns" for part in PARTS)),
    "phases": ("sip", "name", "start_ns", "end_ns"),
}  # fmt: skip


_SPECIAL = re.compile('[,"\r\n]')


def exact_ns(time: Fs) -> str:
    """Nanoseconds with all their decimals: no femtosecond is lost."""
    if time < FS_PER_NS:
        return f"0.{time:06d}" if time > 0 else f"-{exact_ns(-time)}" if time else "0"
    digits = str(time)  # slicing them takes a third of the time of a division
    rest = digits[-6:]
    return digits[:-6] if rest == "000000" else f"{digits[:-6]}.{rest}"


def write_tables(reader: RunReader) -> list[Path]:
    """Write every table into the directory of the run; the files. It reads the rows once, batch by batch."""
    text = _Text()
    paths = {name: reader.directory / f"{name}.csv" for name in COLUMNS}
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(path.open("w", encoding="utf-8", newline="")) for name, path in paths.items()
        }
        for name, columns in COLUMNS.items():
            files[name].write(f"{','.join(columns)}\n")
        files["links"].writelines(_link(row, text) for row in reader.links())
        for batch in reader.batches():
            times = _Times()
            files["operations"].writelines([_operation(row, text, times) for row in batch.operations])
            files["kernels"].writelines(line for row in batch.kernels for line in _kernel(row, text))
            files["phases"].writelines(_phase(row) for row in batch.phases)
    if importlib.util.find_spec("pyarrow") is None:
        return [*paths.values()]
    return [each for path in paths.values() for each in (path, _write_parquet(path))]


class _Times(dict[Fs, str]):
    """Times as fields of CSV: an operation is ready when another one ends, and starts when it is ready."""

    def __missing__(self, time: Fs) -> str:
        field = self[time] = exact_ns(time)
        return field


class _Text(dict[str, str]):
    """Names as fields of CSV: most come again and again."""

    def __missing__(self, name: str) -> str:
        field = self[name] = quoted(name)
        return field


def quoted(name: str) -> str:
    """A name as a field of CSV."""
    if _SPECIAL.search(name):
        return '"' + name.replace('"', '""') + '"'
    return name


def _write_parquet(path: Path) -> Path:
    """The same table in columns; numbers as numbers."""
    from pyarrow import csv as arrow_csv  # noqa: PLC0415  # an extra
    from pyarrow import parquet  # noqa: PLC0415  # an extra

    target = path.with_suffix(".parquet")
    parquet.write_table(arrow_csv.read_csv(path), target)
    return target


def _link(row: LinkRow, text: _Text) -> str:
    waits = ",".join([exact_ns(row.blocked.get(reason, 0)) for reason in REASONS])
    return f"{quoted(row.name)},{text[row.kind]},{row.bw},{row.packets},{row.moved},{exact_ns(row.busy)},{waits}\n"


def _operation(row: OperationRow, text: _Text, ns: _Times) -> str:
    flow = row.flow and quoted(row.flow)
    arrived, released = ("" if time < 0 else ns[time] for time in (row.arrived, row.released))
    return (
        f"{text[row.pe]},{text[row.unit]},{text[row.kind]},{row.sequence},{text[row.kernel]},{ns[row.issued]},"
        f"{ns[row.ready]},{ns[row.start]},{ns[row.end]},{ns[row.freed]},{row.cause},{ns[row.queued]},{row.amount},{flow},{arrived},{released}\n"
    )


def _kernel(row: KernelRow, text: _Text) -> Iterator[str]:
    """One line for each engine of the PE."""
    own = f"{text[row.pe]},{text[row.kernel]},{row.launch},{exact_ns(row.start)},{exact_ns(row.end)},{row.operations}"
    for unit, parts in row.engines.items():
        yield f"{own},{text[unit]},{','.join([exact_ns(part) for part in parts])}\n"


def _phase(row: PhaseRow) -> str:
    return f"{row.sip},{quoted(row.name)},{exact_ns(row.start)},{exact_ns(row.end)}\n"
