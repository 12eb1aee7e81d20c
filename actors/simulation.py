"""Simulation and Result: the one entry of the command line, of sweeps and of pytest."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from actors.control import Hooks
from actors.coordinator import JobResult, SyncStats, assign, run_job
from actors.limits import Limits
from actors.records import recorded
from actors.row_result import RowResult, complete_rows
from kernbench.common.errors import AuditError, SimulationError, UsageError
from kernbench.common.messages.island import Job, Tamper
from kernbench.common.messages.recording import Recording
from kernbench.common.messages.report import LinkReport, SipReport
from kernbench.common.units import FS_PER_S, Fs
from kernbench.di.device import SipDevice
from kernbench.di.layout import layout_of
from kernbench.di.ranked_sip import RunSpec
from kernbench.runtime_api.bench import BenchRef, check_arguments, end_load, find_bench
from kernbench.topology.compile import Topology, compile_topology
from kernbench.topology.load import Source, load

if TYPE_CHECKING:
    from actors.transports.mpi import Mpi

THIN = 100
"""Events per window, all SIPs together, below which a second process costs more than it gains (about 50 per worker)."""
HOPS, EVENTS_PER_HOP = 12, 1.8
"""What a quantum of a collective meets inside a SIP by default, and what a hop takes (measured on all-reduces)."""

CROWDED = "; more ranks than cores: those that wait give their core away, and the run is slow"

FACTORY = "kernbench.di.ranked_sip:build"


class Result(msgspec.Struct, frozen=True):
    """What a run gave: rows, times (fs), digests, books and synchronisation figures.

    `digest` holds for any number of workers; `stopped` says why the run was cut short, or is empty.
    """

    bench: str
    arguments: dict[str, Any]
    sips: int
    rows: tuple[RowResult, ...]
    sim_time: Fs
    digest: str
    digest_time: str
    digest_values: str
    kernels: int
    links: tuple[LinkReport, ...]
    stats: SyncStats
    workers_reason: str
    build_s: float
    wall_s: float
    stopped: str
    reports: tuple[SipReport, ...]

    @property
    def wrong(self) -> int | None:
        """Wrong elements over all rows; None when nothing was checked."""
        counts = [row.wrong for row in self.rows if row.wrong is not None]
        return sum(counts) if counts else None


class Kept(msgspec.Struct, frozen=True):
    """What is left of a run that failed: the rows that all ranks had given, and the time of the last event (fs)."""

    rows: tuple[RowResult, ...]
    sim_time: Fs | None


class Simulation:
    """A machine to run benches on; each run is independent and may be repeated.

    `topology` is a file, a loaded Source, or None for ./topology.yaml or the packaged one; `overrides` are `key=value`.
    `device` runs one rank on that SIP of the topology and leaves the others idle. `sinks` are observers (`module:Class`)
    made in the process of each SIP; they reach no result. `telemetry` is the directory for records, or a Recording.
    `mpi` runs the SIPs on the ranks of an MPI job, as many as `workers`.
    """

    def __init__(
        self,
        topology: str | Path | Source | None = None,
        *,
        sips: int | None = None,
        workers: int | str = 1,
        overrides: Sequence[str] = (),
        device: int | None = None,
        seed: int = 0,
        values: bool = True,
        poison: bool = False,
        max_events: int | None = None,
        sinks: Sequence[str] = (),
        tamper: Tamper | None = None,
        telemetry: Recording | str | Path | None = None,
        mpi: "Mpi | None" = None,
    ) -> None:
        begin = time.perf_counter()
        source = topology if isinstance(topology, Source) else load(topology, overrides)
        self.source = source
        self.topology: Topology = compile_topology(source, _checked_sips(sips))
        # All SIPs have the same parts: building one here finds a wrong kind or config with its place in the file.
        self._device = SipDevice(self.topology, 0)
        total = self.topology.sips
        if device is not None and not 0 <= device < total:
            raise UsageError(f"--device sip:{device}: the topology has {total} SIPs; use sip:0 to sip:{total - 1}")
        self.ranks = tuple(range(total)) if device is None else (device,)
        self.seed = seed
        self.values = values
        self._poison = _checked_poison(poison, values=values)
        if mpi is not None and workers == "auto":
            workers = min(mpi.ranks, total)
        self.workers, self.workers_reason = _workers(workers, self.topology, len(self.ranks))
        if mpi is not None and mpi.crowded:
            self.workers_reason += CROWDED
        self._mpi = mpi
        self._max_events = max_events
        self._sinks = tuple(sinks)
        self._tamper = tamper or Tamper()
        self._recording: Recording | None = None
        if telemetry is not None:
            self.record(telemetry)
        self.build_s = time.perf_counter() - begin

    @property
    def transport(self) -> str:
        """How the SIPs reach each other: `inproc`, `process` or `mpi`."""
        if self._mpi is not None:
            return "mpi"
        return "inproc" if self.workers == 1 else "process"

    def record(self, telemetry: Recording | str | Path) -> None:
        """Leave records of the next runs in a directory; each run wants one of its own."""
        recording = telemetry if isinstance(telemetry, Recording) else Recording(str(telemetry))
        self._recording = msgspec.structs.replace(recording, directory=str(Path(recording.directory).absolute()))

    def run(
        self,
        bench: str | Path | BenchRef | Callable[..., Any],
        *,
        hooks: Hooks | None = None,
        timeout_s: float | None = None,
        max_memory: int | None = None,
        **arguments: Any,
    ) -> Result:
        """Run a bench on every rank: by name, by file, or a function at the top level of a file.

        `timeout_s` and `max_memory` (bytes resident, all processes together) cut the run short: see `Result.stopped`.
        Raises what went wrong as a KernbenchError (see `kept`); a wrong value is not an error but counted in
        `Result.wrong`.
        """
        end_load()
        ref = find_bench(bench)
        checked = check_arguments(ref, arguments)
        recording = self._recording
        spec = RunSpec(
            self.topology.effective(),
            ref,
            checked,
            self.ranks,
            self.seed,
            self.values,
            self._sinks,
            recording,
            self._poison,
        )
        job = Job(
            FACTORY,
            msgspec.msgpack.encode(spec),
            self.topology.sips,
            tuple((link.source, link.destination, link.latency) for link in self.topology.fabric),
            self._max_events,
            self._tamper,
            recording,
        )
        layout = None
        if recording is not None:
            blocks = assign(job.sips, self.workers, job.affinity)
            layout = layout_of(self.topology, self._device, ref.name, checked, blocks)
        with recorded(recording, layout, hooks) as watched:
            begin = time.perf_counter()
            outcome = run_job(job, self.workers, self._mpi, watched, Limits(timeout_s, max_memory))
            wall = time.perf_counter() - begin
        return self._result(ref.name, checked, outcome, wall)

    def kept(self, error: SimulationError) -> Kept:
        """What a failed run gave before; nothing where the SIPs cannot be asked or believed."""
        reports = _decoded(error.reports)
        last = max((report.last_event for report in reports), default=None)
        return Kept(complete_rows(reports, self.ranks), last)

    def _result(self, name: str, arguments: Mapping[str, Any], outcome: JobResult, wall: float) -> Result:
        reports = _decoded(outcome.reports)
        links, unbalanced = _merge_links(reports)
        if unbalanced and not outcome.stopped:
            raise AuditError(f"the audit failed: {unbalanced[0]}", where="fabric", waiters=tuple(unbalanced))
        digest_time = _fold(report.digest_time for report in reports)
        digest_values = _fold(report.digest_values for report in reports)
        return Result(
            bench=name,
            arguments=msgspec.to_builtins(dict(arguments)),
            sips=len(reports),
            rows=complete_rows(reports, self.ranks),
            sim_time=max(report.last_event for report in reports),
            digest=_fold((digest_time, digest_values)),
            digest_time=digest_time,
            digest_values=digest_values,
            kernels=sum(report.kernels for report in reports),
            links=tuple(links),
            stats=outcome.stats,
            workers_reason=self.workers_reason,
            build_s=self.build_s,
            wall_s=wall,
            stopped=outcome.stopped,
            reports=reports,
        )


def _checked_poison(poison: bool, *, values: bool) -> bool:
    if poison and not values:
        raise UsageError("--poison watches bytes, and --values off moves none; leave one of them out")
    return poison


def _checked_sips(sips: int | None) -> int | None:
    if sips is not None and not 1 <= sips <= 64:
        raise UsageError(f"--sips {sips}: expected 1 to 64")
    return sips


def _workers(workers: int | str, topology: Topology, ranks: int) -> tuple[int, str]:
    """How many islands to use, and why."""
    sips = topology.sips
    if workers == "auto":
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        chosen, events = min(usable, sips), _events_per_window(topology) * sips
        if ranks == 1:
            return 1, "auto: only one SIP has anything to do"
        if chosen > 1 and events < THIN:
            return 1, f"auto: about {events} events a window if the fabric is busy, too thin below {THIN}"
        return (
            chosen,
            f"auto: min({usable} usable cores, {sips} SIPs); about {events} events a window if the fabric is busy",
        )
    if not isinstance(workers, int) or workers < 1:
        raise UsageError(f"--workers {workers}: expected a number from 1, or auto")
    if workers > sips:
        return sips, f"{workers} asked for: one per SIP is the most"
    return workers, "as asked"


def _events_per_window(topology: Topology) -> int:
    """Events of one SIP within a window of one lookahead when its slowest fabric link is busy each way.

    Each quantum over that link takes about `EVENTS_PER_HOP` events at each of about a dozen hops in its SIP.
    """
    if not topology.fabric:
        return 0
    lookahead = min(min(link.latency, link.credit_delay) for link in topology.fabric)
    quanta = min(link.bw for link in topology.fabric) * lookahead // FS_PER_S // topology.quantum
    return int(2 * quanta * HOPS * EVENTS_PER_HOP)


def _decoded(reports: Sequence[bytes]) -> tuple[SipReport, ...]:
    return tuple(msgspec.json.decode(each, type=SipReport) for each in reports)


def _fold(parts: Any) -> str:
    from hashlib import blake2b  # noqa: PLC0415  # only here

    return blake2b("\n".join(parts).encode(), digest_size=16).hexdigest()


def _merge_links(reports: Sequence[SipReport]) -> tuple[list[LinkReport], list[str]]:
    """Join the two ends of links between SIPs; say where bytes in are not bytes out."""
    merged: dict[str, LinkReport] = {}
    received: dict[str, int] = {}
    for report in reports:
        for link in report.links:
            if link.packets:
                merged[link.name] = link
            else:
                received[link.name] = received.get(link.name, 0) + link.bytes_out
    lines = []
    for name, link in merged.items():
        if link.bytes_out == 0:
            arrived = received.get(name, 0)
            merged[name] = msgspec.structs.replace(link, bytes_out=arrived)
            if arrived != link.bytes_in:
                lines.append(f"{name}: {link.bytes_in} bytes went in, {arrived} came out")
    lines += [
        f"{name}: nothing went in, {arrived} came out" for name, arrived in received.items() if name not in merged
    ]
    return list(merged.values()), lines
