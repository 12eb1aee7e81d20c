"""The roofline of each kernel: what it did, what the machine allows, where the time of its engines went, and why."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from kernbench.common.units import FS_PER_S, Fs, rate_gbs, to_ns
from kernbench.reporting.engine import REASONS, blocking_document, engine_times
from kernbench.reporting.interval import Interval, length, union
from kernbench.reporting.link import most_used_within
from kernbench.reporting.share import ratio
from kernbench.runtime_api.roof import MATRIX, MEMORY, VECTOR, Roof, Work
from kernbench.telemetry.layout import Layout
from kernbench.telemetry.rows import KernelRow, OperationRow
from kernbench.telemetry.trace_records import RunRecords

RoofOf = Callable[[int, Sequence[str]], Roof]
"""The roof of a launch on these PEs (`cube00.pe0`) of a SIP."""
MostUsed = Callable[[list[Interval]], tuple[str, float] | None]
"""The link that used most of its bandwidth within some windows, and its share; None where that was not recorded."""

FIELDS = {"gemm": "matrix", "math": "vector", "load": "read", "store": "written"}
"""What the amount of an operation adds to, by its kind; messages between PEs move no memory."""
MOVES = ("read", "written")
ENGINES = {MATRIX: "gemm", VECTOR: "math"}
"""The kind of engine that does what may bound a kernel; bytes keep no engine: a channel takes the next when it has asked."""
HOT = 0.7
"""A link that uses more of its bandwidth during a kernel is named."""
ALL = 0.95
"""PEs that ran programs for less of a kernel's time than this are said to."""


class Launch(msgspec.Struct):
    """One launch on one SIP: its shares of PEs, and what their operations did."""

    sip: int
    kernels: list[KernelRow] = []
    operations: int = 0
    done: dict[str, int] = {}
    moving: dict[str, list[Interval]] = {}

    @property
    def window(self) -> tuple[Fs, Fs]:
        """From the first share's start to the last one's end."""
        return min(row.start for row in self.kernels), max(row.end for row in self.kernels)

    @property
    def shares(self) -> list[KernelRow]:
        """Those PEs that had a program; all of them if none had an operation."""
        return [row for row in self.kernels if row.operations] or self.kernels

    @property
    def pes(self) -> list[str]:
        """Their PEs, without the SIP."""
        return [row.pe.partition(".")[2] for row in self.shares]


def roofline_documents(records: RunRecords, roof_of: RoofOf) -> list[dict[str, Any]]:
    """A line for each kernel and number of PEs, in order of first start; times are sums over launches and SIPs."""
    groups: dict[tuple[str, int], list[Launch]] = {}
    for launch in _launches(list(records.kernels()), records.operations()):
        groups.setdefault((launch.kernels[0].kernel, len(launch.shares)), []).append(launch)
    buckets = records.utilisation()
    rates = {link.name: link.bw for link in records.links()}
    most_used: MostUsed = (lambda _: None) if buckets is None else partial(most_used_within, buckets, rates)
    return [_line(name, launches, roof_of, records.layout, most_used) for (name, _), launches in groups.items()]


def _launches(kernels: list[KernelRow], operations: Iterable[OperationRow]) -> list[Launch]:
    """All launches in order of their starts, each with the operations of its programs."""
    launches: dict[tuple[str, int], Launch] = {}
    shares: dict[str, list[KernelRow]] = {}
    for row in sorted(kernels, key=lambda row: (row.start, row.end, row.pe)):
        sip = row.pe.partition(".")[0]
        launches.setdefault((sip, row.launch), Launch(int(sip[3:]))).kernels.append(row)
        shares.setdefault(row.pe, []).append(row)
    starts = {pe: [row.start for row in rows] for pe, rows in shares.items()}
    for operation in operations:
        place = bisect_right(starts.get(operation.pe, []), operation.issued)
        if not place:
            continue
        row = shares[operation.pe][place - 1]
        launch = launches[row.pe.partition(".")[0], row.launch]
        launch.operations += 1
        field = FIELDS.get(operation.kind)
        if field is not None:
            launch.done[field] = launch.done.get(field, 0) + operation.amount
        if field in MOVES:
            launch.moving.setdefault(operation.pe, []).append((operation.start, operation.end))
    return list(launches.values())


def _line(
    name: str, launches: list[Launch], roof_of: RoofOf, layout: Layout | None, most_used: MostUsed
) -> dict[str, Any]:
    windows = [launch.window for launch in launches]
    time = sum(end - start for start, end in windows)
    done = {field: sum(launch.done.get(field, 0) for launch in launches) for field in FIELDS.values()}
    work, roof = Work(**done), roof_of(launches[0].sip, launches[0].pes)
    bound, least = roof.bound(work)
    shares = [row for launch in launches for row in launch.shares]
    ran = sum(row.end - row.start for row in shares)
    moving = sum(length(union(stretches)) for launch in launches for stretches in launch.moving.values())
    link = most_used(union(windows))
    line = {
        "kernel": name,
        "pes": roof.pes,
        "launches": len(launches),
        "time_fs": time,
        "time_ns": to_ns(time),
        "matrix_flops": work.matrix,
        "vector_flops": work.vector,
        "read_bytes": work.read,
        "written_bytes": work.written,
        "flop_per_byte": work.intensity,
        "tflops": _tera(work.flops, time),
        "peak_tflops": roof.peak(work) / 10**12,
        "gbs": rate_gbs(work.moved, time),
        "peak_gbs": roof.bytes_per_second / 10**9,
        "bound": bound,
        "roof_ns": to_ns(least),
        "roof_share": ratio(least, time),
        "running_share": ratio(ran, roof.pes * time),
        "moving_share": ratio(moving, ran),
        "most_used_link": None if link is None else {"name": link[0], "share": link[1]},
        "engines": blocking_document(engine_times(shares), layout),
        "complete": all(each.operations == sum(row.operations for row in each.kernels) for each in launches),
    }
    return {**line, "why": _why(line, roof, work)}


def _tera(amount: int, time: Fs) -> float:
    return amount * FS_PER_S / time / 10**12 if time else 0.0


def _why(line: dict[str, Any], roof: Roof, work: Work) -> str:
    """Why the kernel takes as long as it does: how much of it is the bound, and what else the rest was."""
    bound = line["bound"]
    what = {MATRIX: "the arrays", VECTOR: "the vector units", MEMORY: "moving the bytes"}[bound]
    said = [f"{what} alone would take {line['roof_share']:.1%} of its time"]
    if line["running_share"] < ALL:
        said.append(f"PEs ran programs for {line['running_share']:.1%} of it, the rest is start and tail")
    ran = [f"while programs ran, loads or stores were under way for {line['moving_share']:.1%}"]
    ran += [_engine(engine, roof, work) for engine in line["engines"] if engine["engines"] == ENGINES.get(bound)]
    said.append(", ".join(ran))
    link = line["most_used_link"]
    if link is not None and link["share"] > HOT:
        said.append(f"{link['name']} used {link['share']:.1%} of its bandwidth")
    if not line["complete"]:
        said.append("operations had no room in the records, so counts are too low")
    return "; ".join(said)


def _engine(engine: dict[str, Any], roof: Roof, work: Work) -> str:
    """How busy the engines of one kind were while programs ran, how fast while busy, and what else their time went to."""
    parts, percent = engine["parts_fs"], engine["percent"]
    amount, peak = (work.matrix, roof.matrix) if engine["engines"] == "gemm" else (work.vector, roof.vector)
    text = f"{engine['engines']} was busy for {percent['busy']:.1f}%"
    if parts["busy"] and peak:
        text += f" at {amount * FS_PER_S * roof.pes / (parts['busy'] * peak):.1%} of its peak"
    other = max((reason for reason in parts if reason != "busy"), key=lambda reason: parts[reason])
    return f"{text}, else mostly {other.replace('_', ' ')} ({REASONS[other]}), {percent[other]:.1f}%"
