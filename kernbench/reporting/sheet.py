"""All figures of reports as one sheet: a line for each figure, so that any tool can pivot it."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

COLUMNS = ("run", "table", "name", "figure", "value")
TABLES = {
    "operations": "kind",
    "engines": "engines",
    "busiest_engines": "name",
    "waiting": "reason",
    "overlap": "sip",
    "links": "name",
}
"""Tables of a report, each with the column that names its lines."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def sheet(reports: Sequence[Mapping[str, Any]]) -> str:
    """The CSV with its heading. A name that a spreadsheet would take for a formula gets a quote before it."""
    page = StringIO()
    writer = csv.writer(page, lineterminator="\n")
    writer.writerow(COLUMNS)
    for report in reports:
        for line in _lines(report):
            writer.writerow([_safe(report["run"]), *(_safe(cell) for cell in line)])
    return page.getvalue()


def _lines(report: Mapping[str, Any]) -> Iterator[tuple[Any, ...]]:
    yield "total", "", "sim_time_ns", report["sim_time_ns"]
    yield from _figures("bottleneck", "", report["bottleneck"], "verdict")
    path = report["critical_path"]
    if path is not None:
        yield "critical_path", "all", "time_ns", path["total_ns"]
        for each in path["by_kind"]:
            yield from _figures("critical_path", each["kind"], each, "kind")
    for number, row in enumerate(report["rows"], 1):
        yield from _figures("row", number, row, "")
    for table, key in TABLES.items():
        for each in report[table]:
            yield from _figures(table, each[key], each, key)
    for each in report["roofline"] or ():
        name = f"{each['kernel']} on {each['pes']}"
        yield from _figures("roofline", name, each, "engines")
        for engines in each["engines"]:
            yield from _figures("roofline", f"{name} {engines['engines']}", engines, "engines")


def _figures(table: str, name: Any, line: Mapping[str, Any], key: str) -> Iterator[tuple[Any, ...]]:
    for figure, value in line.items():
        if isinstance(value, Mapping):
            for inner, number in value.items():
                yield table, name, f"{figure}.{inner}", number
        elif figure != key:
            yield table, name, figure, value


def _safe(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
