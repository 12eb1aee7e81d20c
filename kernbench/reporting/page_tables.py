"""The tables of a page: cells carry their exact values, so that sorting and copying lose nothing."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kernbench.reporting.markup import percent, text, time

Line = dict[str, Any]


class Field(NamedTuple):
    """A column: its heading, where its value is in a line (a dotted path), how it reads."""

    heading: str
    key: str
    write: Callable[[Any], str] = str


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _digits(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _tenth(value: float) -> str:
    return f"{value:.1f}"


LINKS = (
    Field("link", "name"), Field("kind", "kind"), Field("bytes", "bytes", _number), Field("packets", "packets", _number),
    Field("used", "utilization", percent), Field("peak", "peak", percent), Field("busy", "busy_ns", time),
    Field("mean GB/s", "gbs", _number), Field("at most GB/s", "bw_gbs", _number), Field("waited", "blocked_ns", time),
)  # fmt: skip
PATH = (
    Field("critical path", "kind"), Field("time", "time_ns", time), Field("%", "percent", _tenth),
    Field("pieces", "pieces", _number), Field("what it is", "meaning"),
)  # fmt: skip
PIECES = (
    Field("longest pieces", "kind"), Field("time", "time_ns", time), Field("from", "start_ns", time),
    Field("to", "end_ns", time), Field("where", "where"), Field("detail", "detail"),
)  # fmt: skip
WAITING = (Field("packets waited for", "reason"), Field("time", "time_ns", time), Field("%", "percent", _tenth))
OVERLAP = (
    Field("SIP", "sip"), Field("in kernels", "kernel_ns", time), Field("compute", "compute_ns", time),
    Field("communication", "communication_ns", time), Field("both", "both_ns", time),
    Field("neither", "neither_ns", time), Field("communication hidden", "hidden_share", percent),
)  # fmt: skip
OPERATIONS = (
    Field("operations", "kind"), Field("count", "count", _number), Field("on engines", "time_ns", time),
    Field("%", "percent", _tenth), Field("waited", "waited_ns", time), Field("bytes or FLOP", "amount", _number),
)  # fmt: skip
BUSIEST = (
    Field("busiest engines", "name"), Field("kind", "kind"), Field("busy", "busy_ns", time),
    Field("of its kernels", "busy_share", percent),
)  # fmt: skip

ROOFLINE = (
    Field("kernel", "kernel"), Field("PEs", "pes", _number), Field("launches", "launches", _number),
    Field("time", "time_ns", time), Field("matrix FLOP", "matrix_flops", _number),
    Field("vector FLOP", "vector_flops", _number), Field("bytes read", "read_bytes", _number),
    Field("bytes written", "written_bytes", _number), Field("FLOP/B", "flop_per_byte", _digits),
    Field("TFLOP/s", "tflops", _digits), Field("at most TFLOP/s", "peak_tflops", _digits),
    Field("GB/s", "gbs", _digits), Field("at most GB/s", "peak_gbs", _digits), Field("bound", "bound"),
    Field("of roof", "roof_share", percent),
)  # fmt: skip


def table(fields: Sequence[Field], lines: Sequence[Line], *, name: str = "") -> str:
    """A sortable table, or "" without lines."""
    if not lines:
        return ""
    head = "".join(f'<th scope="col"><button type="button">{text(field.heading)}</button></th>' for field in fields)
    body = "".join(f"<tr>{''.join(_cell(field, line) for field in fields)}</tr>" for line in lines)
    mark = f' id="{name}"' if name else ""
    return f'<div class="scroll"><table{mark}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def rows_table(rows: Sequence[Line]) -> str:
    """The rows of the bench, under the names that they have in the document."""
    keys = dict.fromkeys(key for row in rows for key in row)
    fields = [Field(_heading(key), key, time if key.endswith("_ns") else _plain) for key in keys]
    return table(fields, [{key: row.get(key) for key in keys} for row in rows], name="rows")


def engines_table(lines: Sequence[Line]) -> str:
    """Where the time of engines in kernels went, in percent."""
    if not lines:
        return ""
    parts = [Field(f"{part.replace('_', ' ')} %", f"percent.{part}", _tenth) for part in lines[0]["percent"]]
    return table([Field("engines", "engines"), *parts, Field("time", "time_ns", time)], lines, name="engines")


def changes_table(title: str, changes: Sequence[Line]) -> str:
    """What differs from the base run."""
    lines = [
        {**each, "figure": f"{each['figure'][:-3]} (ns)" if each["figure"].endswith("_ns") else each["figure"]}
        for each in changes
    ]
    fields = [
        Field(title, "name"), Field("figure", "figure"), Field("base", "base", _short), Field("run", "run", _short),
        Field("change", "change", _signed), Field("run/base", "ratio", lambda value: "-" if value is None else f"{value:.3f}"),
    ]  # fmt: skip
    return table(fields, lines)


def _cell(field: Field, line: Line) -> str:
    value: Any = line
    for key in field.key.split("."):
        value = value[key]
    shown = text(field.write(value))
    if isinstance(value, str) or value is None:
        return f'<td class="text">{shown}</td>' if isinstance(value, str) else f'<td data-v="">{shown}</td>'
    return f'<td data-v="{value!r}">{shown}</td>'


def _heading(key: str) -> str:
    for suffix, unit in (("_ns", ""), ("_gbs", " GB/s"), ("_bytes", " B")):
        if key.endswith(suffix):
            return f"{key.removesuffix(suffix).replace('_', ' ')}{unit}"
    return key.replace("_", " ")


def _plain(value: Any) -> str:
    return _number(value) if isinstance(value, int | float) else "-" if value is None else str(value)


def _short(value: float) -> str:
    return f"{value:,.6g}"


def _signed(value: float) -> str:
    return f"{value:+,.6g}"
