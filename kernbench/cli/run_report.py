"""The result of a run for a reader: what ran, the nccl-tests table, links, synchronisation, audit, digest."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernbench.cli.roofline_report import roofline_text
from kernbench.cli.table import Column, column, render, terminal_width
from kernbench.common.units import format_time

if TYPE_CHECKING:
    from actors.simulation import Result, Simulation

Row = dict[str, Any]
LONG_S = 10
"""CPU time from which on a rate is more than noise."""


def heading(simulation: "Simulation", bench: str, chosen: str, directory: Path) -> str:
    """What is going to run."""
    topology = simulation.topology
    total, ranks = topology.sips, len(simulation.ranks)
    on = f" on sip{simulation.ranks[0]}" if ranks < total else ""
    return "\n".join(
        [
            f"bench     {bench}",
            f"topology  {simulation.source.name} ({chosen})",
            f"system    {total} {'SIP' if total == 1 else 'SIPs'}, {ranks} {'rank' if ranks == 1 else 'ranks'}{on}",
            f"fabric    {_fabric(simulation)}",
            f"output    {directory}",
        ]
    )


def _fabric(simulation: "Simulation") -> str:
    links = simulation.topology.fabric
    kind = simulation.source.system.fabric.kind
    if not links:
        return "none"
    wires = {link.wire_name: link.bw for link in links}
    speeds = sorted(set(wires.values()))
    times = sorted({link.latency for link in links})
    bw = " to ".join(f"{speed / 10**9:g}" for speed in dict.fromkeys((speeds[0], speeds[-1])))
    latency = " to ".join(format_time(time) for time in dict.fromkeys((times[0], times[-1])))
    return f"{kind}, {len(wires)} directed links, {bw} GB/s, {latency}"


def report(document: dict[str, Any], result: "Result") -> str:
    """What came of it, from the run's document and its result."""
    width = terminal_width()
    parts = [_workers(document), rows_text(document)]
    if document["roofline"] is not None:
        parts.append(roofline_text(document["roofline"], width))
    parts += [_links(document, width), _sync(document, result, width), _close(document, result)]
    return "\n\n".join(part for part in parts if part)


def rows_text(document: dict[str, Any]) -> str:
    """The rows of a run as a table; of none no text."""
    return render(row_columns(document["rows"]), terminal_width()) if document["rows"] else ""


def _workers(document: dict[str, Any]) -> str:
    workers = document["workers"]
    where = {"inproc": "this process", "process": "processes", "mpi": "MPI ranks"}[document["transport"]]
    pids = " ".join(str(pid) for pid in workers["pids"])
    return f"workers   {workers['used']} ({where}, pid {pids}), {workers['reason']}"


def row_columns(rows: Sequence[Row]) -> list[Column]:
    """The columns of the rows: nccl-tests' of a collective, a kernel's after its own, else the bench's own."""
    if all("size_bytes" in row and "busbw_gbs" in row for row in rows):
        return [_cells(spec, rows) for spec in COLLECTIVE if any(spec[1] in row for row in rows)]
    if all("roof_share" in row for row in rows):
        counted = {"flops", "moved_bytes", *(key for _, key, _ in KERNEL)}
        own = [{name: value for name, value in row.items() if name not in counted} for row in rows]
        return [*_own_columns(own), *(_cells(spec, rows) for spec in KERNEL)]
    return _own_columns(rows)


def _us(value: float | None) -> str:
    if value is None:
        return "-"
    us = value / 1000
    return f"{us:.2f}" if us < 10**4 else f"{us:.1f}" if us < 10**5 else f"{us:.0f}"


def _us_or_none(value: float | None) -> str:
    return _us(value or None)


def _rate(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _figure(value: float | None) -> str:
    """Four digits: rates of kernels span from a vector on one PE to all arrays of a device."""
    return "-" if value is None else f"{value:.4g}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _count(value: float | None) -> str:
    return "-" if value is None else str(value)


COLLECTIVE: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("size\n(B)", "size_bytes", _count),
    ("count", "count", _count),
    ("type", "dtype", str),
    ("redop", "redop", str),
    ("time\n(us)", "time_ns", _us),
    ("algbw\n(GB/s)", "algbw_gbs", _rate),
    ("busbw\n(GB/s)", "busbw_gbs", _rate),
    ("#wrong", "wrong", _count),
    ("closed\nform\n(us)", "closed_form_ns", _us_or_none),
    ("bound\n(GB/s)", "bound_busbw_gbs", _rate),
    ("launch\n(us)", "launch_ns", _us),
    ("queue\n(us)", "queue_ns", _us),
    ("overlap\n(us)", "overlap_ns", _us),
)
"""nccl-tests' columns and ours: heading with unit, the row's key, how a value is written."""

KERNEL: tuple[tuple[str, str, Callable[[Any], str]], ...] = (
    ("time\n(us)", "time_ns", _us),
    ("TFLOP/s", "tflops", _figure),
    ("GB/s", "gbs", _figure),
    ("FLOP/B", "flop_per_byte", _figure),
    ("bound", "bound", str),
    ("roof\n(us)", "roof_ns", _us),
    ("of\nroof", "roof_share", _share),
    ("#wrong", "wrong", _count),
    ("launch\n(us)", "launch_ns", _us),
    ("queue\n(us)", "queue_ns", _us),
    ("overlap\n(us)", "overlap_ns", _us),
)
"""The columns of a kernel's row, in the same form."""


def _cells(spec: tuple[str, str, Callable[[Any], str]], rows: Sequence[Row]) -> Column:
    title, key, write = spec
    return column(title, [write(row.get(key)) for row in rows], text=key in ("dtype", "redop", "bound"))


def _own_columns(rows: Sequence[Row]) -> list[Column]:
    """The columns of a bench that is no collective, as it named them; times in us."""
    columns = []
    for name in dict.fromkeys(name for row in rows for name in row):
        values = [row.get(name) for row in rows]
        if name.endswith("_ns"):
            columns.append(column(f"{name.removesuffix('_ns')}\n(us)", [_us(value) for value in values]))
        elif name in ("algbw_gbs", "busbw_gbs"):
            columns.append(column(f"{name.removesuffix('_gbs')}\n(GB/s)", [_rate(value) for value in values]))
        else:
            shown = ["-" if value is None else value for value in values]
            text = any(isinstance(value, str) for value in values)
            columns.append(column("#wrong" if name == "wrong" else name, shown, text=text))
    return columns


def _links(document: dict[str, Any], width: int) -> str:
    links = document["links"]
    hot = links["hottest"]
    if not hot:
        return ""
    return render(
        [
            column(f"hottest {len(hot)} of\n{links['count']} links", [each["name"] for each in hot], text=True),
            column("moved\n(B)", [each["bytes"] for each in hot]),
            column("mean\n(GB/s)", [_rate(each["gbs"]) for each in hot]),
            column("of at most\n(GB/s)", [f"{each['bw_gbs']:g}" for each in hot]),
            column("used", [f"{each['utilization']:.1%}" for each in hot]),
            column("busy\n(us)", [_us(each["busy_ns"]) for each in hot]),
        ],
        width,
    )


def _sync(document: dict[str, Any], result: "Result", width: int) -> str:
    sync = document["sync"]
    workers = sync["workers"]
    least = "one SIP" if sync["lookahead_ns"] is None else f"at least {sync['lookahead_ns']:g} ns"
    line = f"sync: {sync['rounds']} windows of {least}, {sync['messages']} messages, {document['events']} events"
    hops = sum(link.packets for link in result.links)
    cpu_s = sum(each["cpu_s"] for each in workers)
    if cpu_s >= LONG_S:
        line += f"\npacket-hops: {hops}, {hops / cpu_s:.0f} in a second of CPU time"
    table = render(
        [
            column("worker\n(pid)", [each["pid"] for each in workers]),
            column("SIPs", [" ".join(map(str, each["sips"])) for each in workers], text=True),
            column("events", [each["events"] for each in workers]),
            column("events per\nwindow", [f"{each['events'] / max(1, sync['rounds']):.0f}" for each in workers]),
            column("cpu\n(s)", [f"{each['cpu_s']:.2f}" for each in workers]),
            column("waited", [f"{each['wait_share']:.0%}" for each in workers]),
        ],
        width,
    )
    return f"{line}\n{table}"


def _close(document: dict[str, Any], result: "Result") -> str:
    lines = []
    if document["audit"] == "ok":
        lines.append(
            f"audit: ok ({result.kernels} kernels retired, bytes in = bytes out on {document['links']['count']} links, "
            "nobody waits)"
        )
    else:
        lines.append(f"audit: {document['audit']}")
    if document["digest"] is not None:
        lines.append(f"digest: {document['digest']}")
    checked = "nothing was checked" if document["wrong"] is None else f"{document['wrong']} wrong"
    lines.append(f"simulated {format_time(result.sim_time)} in {result.wall_s:.2f} s; {checked}")
    return "\n".join(lines)
