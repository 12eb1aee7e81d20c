"""What an actor owns: one SIP's hardware and, if a rank runs on it, that rank's program."""

from functools import lru_cache
from importlib import import_module
from operator import attrgetter
from typing import Any

import msgspec

from kernbench.common.errors import AuditError, UsageError
from kernbench.common.messages.recording import Recording
from kernbench.common.messages.report import SipReport
from kernbench.common.units import Fs
from kernbench.di.device import SipDevice
from kernbench.di.machine import TopologyFacts
from kernbench.di.sip_observer import SipObserver
from kernbench.di.trial import Trial
from kernbench.runtime_api.bench import BenchRef
from kernbench.runtime_api.program import RankProgram
from kernbench.runtime_api.rank import Rank
from kernbench.sim_engine.sampled import SampledEngine
from kernbench.telemetry.phase_log import PhaseLog
from kernbench.telemetry.probe import Sink
from kernbench.topology.compile import Topology


class RunSpec(msgspec.Struct, frozen=True):
    """A run as it travels to the processes that carry it out; `ranks` lists the SIP of each rank.

    `sinks` name observers (`module:Class`), each made where its SIP lives and told the SIP's number.
    """

    topology: dict[str, str]
    bench: BenchRef
    arguments: dict[str, Any]
    ranks: tuple[int, ...]
    seed: int
    values: bool
    sinks: tuple[str, ...] = ()
    recording: Recording | None = None
    poison: bool = False


class RankedSip(SipDevice):
    """A SIP with its rank's program; what a SipActor steps and asks. `observer` is there when the run is recorded."""

    def __init__(self, topology: Topology, sip: int, spec: RunSpec) -> None:
        sampled = None if spec.recording is None else SampledEngine()
        super().__init__(topology, sip, sampled)
        self.phases = PhaseLog(sip, lambda: self.engine.now, self.engine.probe)
        self.observer: SipObserver | None = None
        if spec.recording is not None and sampled is not None:
            self.observer = SipObserver(self, sampled, topology, self.phases, spec.recording)
            self.observer.capture(spec.recording.packets)
        for name in spec.sinks:
            self.engine.probe.add(_make_sink(name, sip))
        if spec.poison:
            self.trap_unwritten()
        if not spec.values:
            self.keep_time_only()
        self._program: RankProgram | None = None
        if sip in spec.ranks:
            rank = Rank(
                spec.ranks.index(sip),
                len(spec.ranks),
                sip,
                self.pes,
                self.space,
                self.memories,
                _facts(topology),
                seed=spec.seed,
                values=spec.values,
                phases=self.phases,
            )
            self._program = RankProgram(rank, spec.bench, spec.arguments, Trial(topology, self, rank))

    def start(self) -> None:
        """Begin the rank's program, at time 0."""
        if self._program is not None:
            self.host.run(self._program)

    def promise(self) -> Fs:
        """Say when something can leave at the earliest: this device promises nothing beyond its next event."""
        return 0

    def status(self) -> dict[str, Any]:
        """What a monitor shows of the SIP between two windows."""
        return {"sip": self.sip, "time_fs": self.engine.now, "events": self.engine.events, "kernels": self.kernels}

    def finish(self) -> bytes:
        """Encode the report of a run that came to its end; raises AuditError when the books do not balance."""
        lines = self.audit()
        if lines:
            raise AuditError(
                f"the audit of {self.name} failed: {lines[0]}"
                + (f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""),
                where=self.name,
                sim_time_fs=self.engine.now,
                waiters=tuple(lines),
            )
        return self._report([])

    def partial(self) -> bytes:
        """Encode the report of a run that was cut short; what does not balance is listed, not raised."""
        return self._report(self.audit())

    def _report(self, audit: list[str]) -> bytes:
        links = self.link_reports()
        counters = ";".join(
            f"{each.name},{each.packets},{each.bytes_in},{each.bytes_out},{each.busy},{each.head_sum}" for each in links
        )
        digest_time = self.journal.close(counters)
        program = self._program
        return msgspec.json.encode(
            SipReport(
                sip=self.sip,
                digest_time=digest_time,
                digest_values="" if program is None else program.digest(),
                last_event=self.journal.last,
                finished_at=self.host.finished_at,
                kernels=self.kernels,
                links=links,
                rows=[] if program is None else program.rows,
                audit=audit,
            )
        )


def _make_sink(name: str, sip: int) -> Sink:
    module, _, qualname = name.partition(":")
    try:
        sink: Sink = attrgetter(qualname)(import_module(module))(sip)
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(f"sink {name!r} cannot be made: {error}; name it module:Class") from error
    return sink


def build(payload: bytes, sip: int) -> RankedSip:
    """Build SIP `sip` of an encoded RunSpec: the factory that islands call by name."""
    spec = msgspec.msgpack.decode(payload, type=RunSpec)
    return RankedSip(_compiled(tuple(spec.topology.items())), sip, spec)


@lru_cache(maxsize=1)
def _facts(topology: Topology) -> TopologyFacts:
    """One for all ranks of a process: paths and closed forms are found once."""
    return TopologyFacts(topology)


@lru_cache(maxsize=1)
def _compiled(effective: tuple[tuple[str, str], ...]) -> Topology:
    """One topology for all SIPs of a process: it never changes, and of 64 SIPs each had 25 MiB of its own."""
    return Topology.from_effective(dict(effective))
