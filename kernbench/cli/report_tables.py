"""A report for a reader: sentences and tables from the document that --json prints."""

from collections.abc import Sequence
from typing import Any

from kernbench.cli.roofline_report import roofline_text
from kernbench.cli.run_report import row_columns
from kernbench.cli.table import column, render
from kernbench.common.units import FS_PER_NS, format_time

Row = dict[str, Any]
MOST_LINKS = 12
MOST_CHANGES = 12


def _time(value_ns: float | None) -> str:
    return "-" if value_ns is None else format_time(round(value_ns * FS_PER_NS))


def _us(value_ns: float | None) -> str:
    if value_ns is None:
        return "-"
    return f"{value_ns / 1000:.2f}" if abs(value_ns) < 10**7 else f"{value_ns / 1000:.0f}"


def run_text(report: Row, width: int) -> str:
    """The report of a run."""
    parts = [_heading(report), _path(report, width), _engines(report, width), _waiting(report, width)]
    parts += [_overlap(report, width), _operations(report, width), _rows(report, width)]
    if report["roofline"] is not None:
        parts.append(roofline_text(report["roofline"], width))
    parts.append(_links(report, width))
    return "\n\n".join(part for part in parts if part)


def _heading(report: Row) -> str:
    bottleneck = report["bottleneck"]
    lines = [f"run         {report['run']}"]
    if report["bench"]:
        sips = report["sips"]
        lines.append(f"bench       {report['bench']} on {sips} {'SIP' if sips == 1 else 'SIPs'}")
    lines.append(f"simulated   {_time(report['sim_time_ns'])}")
    for title, key, how, when in (
        ("link", "link", "used", "of the run"),
        ("", "link_in_kernels", "used", "while kernels ran"),
        ("engine", "engine", "busy", "of its kernels"),
    ):
        if bottleneck[key] is not None:
            each = bottleneck[key]
            lines.append(f"{title:<11} {each['name']}, {how} {each['share']:.1%} {when}")
    lines.append(f"verdict     {bottleneck['verdict']}")
    lines += [f"missing     {sentence}" for sentence in report["missing"]]
    return "\n".join(lines)


def _path(report: Row, width: int) -> str:
    path = report["critical_path"]
    if path is None:
        return ""
    kinds, longest = path["by_kind"], path["longest"]
    by_kind = render(
        [
            column("critical path", [each["kind"] for each in kinds] + ["all"], text=True),
            column("time\n(us)", [_us(each["time_ns"]) for each in kinds] + [_us(path["total_ns"])]),
            column("share\n(%)", [f"{each['percent']:.1f}" for each in kinds] + ["100.0"]),
            column("pieces", [each["pieces"] for each in kinds] + [path["pieces"]]),
            column("what it is", [each["meaning"] for each in kinds] + [""], text=True),
        ],
        width,
    )
    pieces = render(
        [
            column("longest pieces", [each["kind"] for each in longest], text=True),
            column("time\n(us)", [_us(each["time_ns"]) for each in longest]),
            column("from\n(us)", [_us(each["start_ns"]) for each in longest]),
            column("to\n(us)", [_us(each["end_ns"]) for each in longest]),
            column("where", [each["where"] for each in longest], text=True),
            column("", [each["detail"] for each in longest], text=True),
        ],
        width,
    )
    return f"{by_kind}\n\n{pieces}"


def _engines(report: Row, width: int) -> str:
    lines = report["engines"]
    if not lines:
        return ""
    parts = [*lines[0]["percent"]]
    return render(
        [
            column("engines in\nkernels (%)", [line["engines"] for line in lines], text=True),
            *(
                column(part.replace("_", "\n"), [f"{line['percent'][part]:.1f}" for line in lines])
                for part in parts
            ),
            column("time\n(us)", [_us(line["time_ns"]) for line in lines]),
        ],
        width,
    )  # fmt: skip


def _waiting(report: Row, width: int) -> str:
    lines = report["waiting"]
    if not lines:
        return ""
    return render(
        [
            column("packets\nwaited for", [line["reason"] for line in lines], text=True),
            column("time\n(us)", [_us(line["time_ns"]) for line in lines]),
            column("share\n(%)", [f"{line['percent']:.1f}" for line in lines]),
        ],
        width,
    )


def _overlap(report: Row, width: int) -> str:
    lines = report["overlap"]
    if not lines:
        return ""
    names = ("kernel", "compute", "communication", "both", "neither")
    return render(
        [
            column("SIP", [line["sip"] for line in lines]),
            *(column(f"{name}\n(us)", [_us(line[f"{name}_ns"]) for line in lines]) for name in names),
            column("communication\nhidden", [f"{line['hidden_share']:.1%}" for line in lines]),
        ],
        width,
    )


def _operations(report: Row, width: int) -> str:
    lines = report["operations"]
    if not lines:
        return ""
    return render(
        [
            column("operations", [line["kind"] for line in lines], text=True),
            column("count", [line["count"] for line in lines]),
            column("on engines\n(us)", [_us(line["time_ns"]) for line in lines]),
            column("share\n(%)", [f"{line['percent']:.1f}" for line in lines]),
            column("waited\n(us)", [_us(line["waited_ns"]) for line in lines]),
            column("amount\n(B or FLOP)", [line["amount"] for line in lines]),
        ],
        width,
    )


def _rows(report: Row, width: int) -> str:
    return render(row_columns(report["rows"]), width) if report["rows"] else ""


def _links(report: Row, width: int) -> str:
    links = report["links"][:MOST_LINKS]
    if not links:
        return ""
    return render(
        [
            column(
                f"most used {len(links)} of\n{len(report['links'])} links", [each["name"] for each in links], text=True
            ),
            column("moved\n(B)", [each["bytes"] for each in links]),
            column("packets", [each["packets"] for each in links]),
            column("mean\n(GB/s)", [f"{each['gbs']:.2f}" for each in links]),
            column("of at most\n(GB/s)", [f"{each['bw_gbs']:g}" for each in links]),
            column("used", [f"{each['utilization']:.1%}" for each in links]),
            column("peak", ["-" if each["peak"] is None else f"{each['peak']:.0%}" for each in links]),
            column("busy\n(us)", [_us(each["busy_ns"]) for each in links]),
            column("waited\n(us)", [_us(each["blocked_ns"]) for each in links]),
            column("mostly for", [_mostly(each["blocked"]) for each in links], text=True),
        ],
        width,
    )


def _mostly(blocked: dict[str, float]) -> str:
    return max(blocked, key=lambda reason: (blocked[reason], reason)) if blocked else "-"


def difference_text(difference: Row, width: int) -> str:
    """What changed against another run."""
    parts = [f"against     {difference['base']}"]
    if difference["same_digest"]:
        parts[0] += "\nsame digest: no simulated time and no value differs"
    for title, key in (("total", "totals"), ("critical path", "path"), ("row", "rows"), ("operations", "operations")):
        parts.append(_changes(title, difference[key], width))
    more = f"{difference['changed_links']} links\nchanged"
    parts.append(_changes(more, difference["links"], width))
    return "\n\n".join(part for part in parts if part)


def _changes(title: str, changes: Sequence[Row], width: int) -> str:
    shown = changes[:MOST_CHANGES]
    if not shown:
        return ""
    table = render(
        [
            column(title, [each["name"] for each in shown], text=True),
            column("figure", [each["figure"].removesuffix("_ns") for each in shown], text=True),
            column("base", [_value(each, "base") for each in shown]),
            column("run", [_value(each, "run") for each in shown]),
            column("change", [_value(each, "change") for each in shown]),
            column("run/base", ["-" if each["ratio"] is None else f"{each['ratio']:.3f}" for each in shown]),
        ],
        width,
    )
    rest = len(changes) - len(shown)
    return f"{table}\nand {rest} more (--json has them)" if rest else table


def _value(change: Row, side: str) -> str:
    value = change[side]
    if change["figure"].endswith("_ns"):
        return ("+" if side == "change" and value > 0 else "") + _time(value)
    return f"{value:+.6g}" if side == "change" else f"{value:.6g}"
