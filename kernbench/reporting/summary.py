"""The report of one run as a document: bottleneck, critical path, blocking, overlap, rows, links, and what is missing."""

from collections import Counter
from pathlib import Path
from typing import Any

from kernbench.common.units import Fs, to_ns
from kernbench.reporting.engine import blocking_document, engine_documents, engine_times
from kernbench.reporting.interval import Interval, length, union
from kernbench.reporting.link import link_documents, most_used_within, waiting_document
from kernbench.reporting.overlap import overlap_documents, sip_of, sip_times
from kernbench.reporting.path import CriticalPath, path_document
from kernbench.reporting.share import percents, ratio
from kernbench.telemetry.layout import Layout
from kernbench.telemetry.rows import KernelRow, LinkRow, OperationRow
from kernbench.telemetry.trace_records import RunRecords

BOUND = 0.7
"""A link that is used, or an engine that is busy, for more than this share of the time of kernels is said to bound the run."""


def summarise(records: RunRecords, directory: Path) -> dict[str, Any]:
    """The document of a run; what it did not record is null or empty and named in `missing`."""
    fate = _fate(records)  # asked before the document: what has ended by then has written it
    document = records.document or {}
    layout = records.layout
    operations, kernels, links = list(records.operations()), list(records.kernels()), list(records.links())
    buckets = records.utilisation()
    if buckets is not None and not buckets.busy:
        buckets = None
    end = document.get("sim_time_fs")
    sim_time: Fs = end if end is not None else _last(operations, kernels)
    times = engine_times(kernels)
    dropped = records.dropped
    followed = _followed(kernels, operations) if dropped else kernels
    kernel_time = union((kernel.start, kernel.end) for kernel in kernels)
    busiest = ratio(max((parts[0] for parts in times.values()), default=0), length(kernel_time))
    link_lines = link_documents(links, sim_time, buckets)
    engines = engine_documents(times, layout)
    path = path_document(CriticalPath(operations, followed).pieces())
    within = None
    if buckets is not None:
        within = most_used_within(buckets, {link.name: link.bw for link in links}, kernel_time)
    return {
        "run": str(directory),
        "bench": document.get("bench") or (None if layout is None else layout.bench),
        "sips": document.get("sips") or (None if layout is None else layout.sips),
        "topology": document.get("topology"),
        "status": document.get("status"),
        "sim_time_fs": sim_time,
        "sim_time_ns": to_ns(sim_time),
        "digest": document.get("digest"),
        "missing": [
            *_missing(document, fate, layout, operations, kernels, links, has_buckets=buckets is not None),
            *(f"{said}: what it held is missing here" for said in records.damaged),
            *_dropped(dropped),
        ],
        "bottleneck": _bottleneck(link_lines, engines, within, path, busiest),
        "critical_path": path,
        "engines": blocking_document(times, layout),
        "busiest_engines": engines[:8],
        "waiting": waiting_document(links),
        "overlap": overlap_documents(sip_times(operations), _windows(followed)),
        "operations": _operations(operations),
        "rows": document.get("rows", []),
        "roofline": document.get("roofline"),
        "links": link_lines,
    }


def _windows(kernels: list[KernelRow]) -> dict[int, list[Interval]]:
    """The time in which each SIP ran kernels."""
    found: dict[int, list[Interval]] = {}
    for kernel in kernels:
        found.setdefault(sip_of(kernel.pe), []).append((kernel.start, kernel.end))
    return {sip: union(each) for sip, each in found.items()}


def _followed(kernels: list[KernelRow], operations: list[OperationRow]) -> list[KernelRow]:
    """Kernels with all their operations: what a PE did once there was no room is not known, so no path leads through it."""
    left = Counter(row.pe for row in operations)
    found = []
    for kernel in sorted(kernels, key=lambda row: (row.start, row.end)):
        left[kernel.pe] -= kernel.operations
        if left[kernel.pe] >= 0:
            found.append(kernel)
    return found


def _last(operations: list[OperationRow], kernels: list[KernelRow]) -> Fs:
    return max((row.end for rows in (operations, kernels) for row in rows), default=0)


def _operations(rows: list[OperationRow]) -> list[dict[str, Any]]:
    """Operations by kind: how many, their time on engines, what they waited for an engine and what they moved."""
    kinds: dict[str, list[int]] = {}
    for row in rows:
        sums = kinds.setdefault(row.kind, [0, 0, 0, 0])
        for index, value in enumerate((1, row.end - row.start, row.start - row.ready, row.amount)):
            sums[index] += value
    order = sorted(kinds, key=lambda kind: (-kinds[kind][1], kind))
    shares = percents([kinds[kind][1] for kind in order])
    return [
        {
            "kind": kind,
            "count": kinds[kind][0],
            "time_ns": to_ns(kinds[kind][1]),
            "percent": share,
            "waited_ns": to_ns(kinds[kind][2]),
            "amount": kinds[kind][3],
        }
        for kind, share in zip(order, shares, strict=True)
    ]


def _bottleneck(
    links: list[dict[str, Any]],
    engines: list[dict[str, Any]],
    within: tuple[str, float] | None,
    path: dict[str, Any] | None,
    busiest: float,
) -> dict[str, Any]:
    link = links[0] if links and links[0]["bytes"] else None
    engine = engines[0] if engines else None
    found = {
        "link": None if link is None else {"name": link["name"], "share": link["utilization"]},
        "link_in_kernels": None if within is None else {"name": within[0], "share": within[1]},
        "engine": None if engine is None else {"name": engine["name"], "share": engine["busy_share"]},
    }
    # The kernels of its PE may be a small part of all: what bounds the run is told by its share of the time of all.
    working = None if engine is None else {"name": engine["name"], "share": busiest}
    return {**found, "verdict": _verdict(found, working, path)}


def _verdict(found: dict[str, Any], engine: dict[str, Any] | None, path: dict[str, Any] | None) -> str:
    """What bounds the run, in a sentence; the engine's share is of the time while kernels ran."""
    link = found["link_in_kernels"] or found["link"]
    best = max((each for each in (link, engine) if each is not None), key=lambda each: each["share"], default=None)
    if best is None:
        return "nothing ran on the device, or nothing of it was recorded"
    when = "while kernels ran" if best is engine or found["link_in_kernels"] else "over the whole run"
    of = "was busy for {:.1%} of the time" if best is engine else "used {:.1%} of its bandwidth"
    said = f"{of.format(best['share'])} {when}"
    if best["share"] > BOUND:
        return f"{best['name']} {said} and bounds the run"
    said = f"no link and no engine bounds the run: {best['name']}, ahead of all others, {said}"
    if path is None:
        return said
    first = next((each for each in path["by_kind"] if each["kind"] != "launch"), path["by_kind"][0])
    return f"{said}; of the critical path {first['percent']:.1f} % is {first['kind']}"


def _fate(records: RunRecords) -> str:
    """Why a run has no document."""
    if records.live:
        return "the run goes on"
    return "the run was killed" if records.killed else "the run wrote none"


def _missing(
    document: dict[str, Any],
    fate: str,
    layout: Layout | None,
    operations: list[OperationRow],
    kernels: list[KernelRow],
    links: list[LinkRow],
    *,
    has_buckets: bool,
) -> list[str]:
    """Sentences on what the run did not leave behind, and why."""
    found = []
    status = document.get("status")
    if not document:
        found.append(f"run.json: {fate}, so rows, totals and digest are not there")
    elif status and status.get("exit") not in (0, None):
        found.append(f"the run ended with exit code {status['exit']}: {status['message']}")
    if layout is None:
        found.append("layout: the run was not recorded (--no-record), so engines, links and times are not there")
        return found
    if not links:
        found.append("links: the run left no books of links")
    if not kernels:
        found.append("kernels: none ended, so the time of engines is not divided")
    if not operations:
        found.append("operations: none ended, so there is no critical path and no overlap")
    if not has_buckets:
        found.append("utilisation over time: not recorded")
    return found


def _dropped(count: int) -> list[str]:
    """A sentence on rows that had no room."""
    if not count:
        return []
    return [
        f"rows: {count} of operations and kernels had no room in the records: what is said of them is of the earlier ones"
    ]
