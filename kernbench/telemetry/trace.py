"""A trace of a run for Perfetto: tracks of engines, links and phases, messages as arrows, utilisation as counters."""
# ruff: noqa: PLC0415  # perfetto is imported when a trace is written, not when a command is listed

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import msgspec

from kernbench.common.errors import OutputError, UsageError
from kernbench.common.units import Fs, format_size
from kernbench.telemetry.rows import OperationRow, PacketRow
from kernbench.telemetry.trace_plan import Grain, Plan, Window, plan
from kernbench.telemetry.trace_records import RunRecords
from kernbench.telemetry.trace_track import (
    Lanes,
    Slice,
    Track,
    counter_track,
    kernel_track,
    link_track,
    phase_track,
    unit_track,
)

BUDGET = 64 * 2**20
LEAST_BUDGET = 2**16
COUNTER_SHARE = 20
"""Percent of the budget that counters may take; of the links the busiest have theirs."""
TEXT_BYTES = 4096
"""Kept free for names of operations and kernels and for the end of the file."""


class TraceWriter(Protocol):
    """A form of trace files."""

    slice_bytes: int
    track_bytes: int
    counter_bytes: int

    @property
    def written(self) -> int:
        """Bytes so far."""

    @property
    def tracks(self) -> int:
        """Tracks so far."""

    def slice(self, track: Track, lane: int, each: Slice) -> None:
        """Write a slice."""

    def counter(self, track: Track, time: Fs, percent: float) -> None:
        """Write a value of a counter."""

    def close(self) -> None:
        """End the file."""


class TraceSummary(msgspec.Struct, frozen=True):
    """What went into a trace; `notes` are sentences on what did not, or not as it was recorded."""

    file: str
    form: str
    bytes: int
    budget: int
    start: Fs
    end: Fs | None
    tracks: int
    slices: int
    flows: int
    counters: int
    phases: int
    kernels: int
    operations: int
    packets: int
    notes: tuple[str, ...]


def _perfetto(file: IO[bytes]) -> TraceWriter:
    from kernbench.telemetry.trace_perfetto import PerfettoWriter

    return PerfettoWriter(file)


def _chrome(file: IO[bytes]) -> TraceWriter:
    from kernbench.telemetry.trace_chrome import ChromeWriter

    return ChromeWriter(file)


FORMS: dict[str, Callable[[IO[bytes]], TraceWriter]] = {"perfetto": _perfetto, "json": _chrome}


def write_trace(
    records: RunRecords, path: Path, *, form: str = "perfetto", window: Window | None = None, budget: int = BUDGET
) -> TraceSummary:
    """Write what a run recorded to `path`, at most `budget` bytes; all of the file appears, or nothing."""
    if budget < LEAST_BUDGET:
        raise UsageError(f"a trace of {format_size(budget)} holds nothing; give --budget {format_size(LEAST_BUDGET)}")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file, such as {path / 'trace.pftrace'}")
    if path.exists() and not path.is_file():  # a device or a pipe would be gone
        raise OutputError(f"{path} is no ordinary file, and a trace would take its place; name another")
    target = Path(os.path.realpath(path))  # a link stays one
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        try:
            with temporary.open("wb") as file:
                trace = _Trace(records, FORMS[form](file), window or Window(), budget)
                trace.write()
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror}; name a file in a folder that can") from error
    except ValueError as error:  # a time below 0 in a file that somebody made
        raise UsageError(f"the records of the run hold what no trace can: {error}; name another run") from error
    return trace.summary(path, form, path.stat().st_size)


class _Counter(NamedTuple):
    """A counter's track, its changes in percent, and the bytes that they take at most."""

    track: Track
    values: list[tuple[Fs, float]]
    size: int


class _Trace:
    """One trace while it is written."""

    def __init__(self, records: RunRecords, writer: TraceWriter, window: Window, budget: int) -> None:
        self._records = records
        self._writer = writer
        self._window = window
        self._budget = budget
        self._lanes = Lanes()
        self._counts = dict.fromkeys(("slices", "counters", "flows", "phases", "kernels", "left_out"), 0)
        self._plan: Plan | None = None
        self._notes: list[str] = []

    def write(self) -> None:
        """Write the coarse things first: what the budget cuts off is the fine end."""
        for phase in sorted(
            self._window.rows(self._records.phases()), key=lambda row: (row.sip, row.start, -row.end, row.name)
        ):
            self._slice(phase_track(phase.sip), Slice(phase.name, phase.start, phase.end), "phases")
        for kernel in self._window.rows(self._records.kernels()):
            arguments = (("launch", kernel.launch), ("operations", kernel.operations))
            self._slice(kernel_track(kernel.pe), Slice(kernel.kernel, kernel.start, kernel.end, arguments), "kernels")
        counters = self._chosen_counters()
        reserved = TEXT_BYTES + sum(counter.size for counter in counters)
        room = self._budget - self._writer.written - reserved
        chosen = self._plan = plan(
            self._records, self._window, room, self._writer.slice_bytes, self._writer.track_bytes
        )
        self._rows(self._window.rows(self._records.operations()), chosen.operations, self._operation, reserved)
        self._rows(self._window.rows(self._records.packets()), chosen.packets, _packet, reserved)
        for counter in counters:
            for time, percent in counter.values:
                self._writer.counter(counter.track, time, percent)
            self._counts["counters"] += len(counter.values)
        self._writer.close()
        self._note(chosen)

    def summary(self, path: Path, form: str, size: int) -> TraceSummary:
        """What was written."""
        chosen = self._plan
        assert chosen is not None
        counts = self._counts
        return TraceSummary(
            file=str(path), form=form, bytes=size, budget=self._budget, start=self._window.start, end=self._window.end,
            tracks=self._writer.tracks, slices=counts["slices"], flows=counts["flows"], counters=counts["counters"],
            phases=counts["phases"], kernels=counts["kernels"], operations=chosen.operation_rows,
            packets=chosen.packet_rows, notes=tuple(self._notes),
        )  # fmt: skip

    def _operation(self, row: OperationRow) -> tuple[Track, Slice]:
        assert self._plan is not None
        flow = row.flow if row.flow in self._plan.flows else ""
        arguments = (
            ("kernel", row.kernel), ("sequence", row.sequence), ("amount", row.amount), ("waited_fs", row.start - row.ready),
        )  # fmt: skip
        sends = row.kind == "send"
        return unit_track(row.unit), Slice(
            row.kind, row.start, row.end, arguments, flow if sends else "", "" if sends else flow
        )

    def _rows(
        self, rows: Iterable[Any], grain: Grain, describe: Callable[[Any], tuple[Track, Slice]], reserved: int
    ) -> None:
        """Write rows, those of one track that end in one bucket together."""
        pending: dict[str, _Bundle] = {}
        for row in rows:
            track, each = describe(row)
            bundle = pending.get(track.name)
            if bundle is not None and grain.width and bundle.bucket == each.end // grain.width:
                bundle.add(each)
                continue
            if bundle is not None:
                self._slice(track, bundle.slice(), reserved=reserved)
            pending[track.name] = _Bundle(track, each, each.end // grain.width if grain.width else 0)
        for bundle in pending.values():
            self._slice(bundle.track, bundle.slice(), reserved=reserved)

    def _slice(self, track: Track, each: Slice, count: str = "", reserved: int = TEXT_BYTES) -> None:
        need = self._writer.slice_bytes + self._writer.track_bytes * (1 + len(track.groups))
        if self._writer.written + need + reserved > self._budget:
            self._counts["left_out"] += 1
            return
        self._writer.slice(track, self._lanes.lane(track.name, each.start, each.end), each)
        self._counts["slices"] += 1
        if each.arrives:
            self._counts["flows"] += 1
        if count:
            self._counts[count] += 1

    def _chosen_counters(self) -> list[_Counter]:
        """The links that get a counter, the busiest first, as many as fit into the share of the budget."""
        buckets = self._records.utilisation()
        if buckets is None:
            return []
        room = self._budget * COUNTER_SHARE // 100
        chosen: list[_Counter] = []
        for name in sorted(buckets.busy, key=lambda name: (-sum(buckets.busy[name]), name)):
            values = self._changes(buckets.busy[name], buckets.width)
            size = self._writer.track_bytes * 3 + self._writer.counter_bytes * len(values)
            if size > room:
                self._notes.append(
                    f"utilisation of the {len(chosen)} busiest of {len(buckets.busy)} links fits into the budget"
                )
                break
            room -= size
            chosen.append(_Counter(counter_track(name), values, size))
        return chosen

    def _changes(self, busy: list[Fs], width: Fs) -> list[tuple[Fs, float]]:
        """When, inside the window, the percentage becomes another one, and which."""
        found: list[tuple[Fs, float]] = []
        for number, time in enumerate([*busy, 0]):
            value = round(100 * time / width, 3)
            if (not found or value != found[-1][1]) and self._window.holds(number * width, (number + 1) * width):
                found.append((number * width, value))
        return found

    def _note(self, chosen: Plan) -> None:
        for word, rows, grain in (
            ("operations", chosen.operation_rows, chosen.operations),
            ("packets", chosen.packet_rows, chosen.packets),
        ):
            if rows and grain.width:
                self._notes.append(f"{rows} {word} are {grain}: {grain.slices} slices; a larger --budget shows each")
        if chosen.operations.width:
            self._notes.append("merged operations have no arrows")
        self._notes += [f"{said}: what it held is missing here" for said in self._records.damaged]
        for word, count in (
            ("operations and kernels", self._records.dropped),
            ("packets", self._records.dropped_packets),
        ):
            if count:
                self._notes.append(f"{count} {word} had no room in the records; the trace has the earlier ones")
        if self._counts["left_out"]:
            self._notes.append(f"{self._counts['left_out']} slices did not fit into {format_size(self._budget)}")
        for word, rows in (("operations", chosen.operation_rows), ("kernels", self._counts["kernels"])):
            if not rows:
                self._notes.append(f"the run recorded no {word} in this time")


class _Bundle:
    """Slices of one track that are drawn as one."""

    def __init__(self, track: Track, first: Slice, bucket: int) -> None:
        self.track = track
        self.bucket = bucket
        self._first = first
        self._start, self._end = first.start, first.end
        self._busy = first.end - first.start
        self._names = {first.name: 1}

    def add(self, each: Slice) -> None:
        """Take one more."""
        self._start, self._end = min(self._start, each.start), max(self._end, each.end)
        self._busy += each.end - each.start
        self._names[each.name] = self._names.get(each.name, 0) + 1

    def slice(self) -> Slice:
        """The slice that stands for all: the first as it is when it stayed alone."""
        count = sum(self._names.values())
        if count == 1:
            return self._first
        name = ", ".join(sorted(self._names))  # without numbers, so that names stay few
        arguments = (("count", count), ("total_fs", self._busy))
        return Slice(name, self._start, self._end, arguments)


def _packet(row: PacketRow) -> tuple[Track, Slice]:
    return link_track(row.link), Slice("packet", row.start, row.end, (("bytes", row.size),))
