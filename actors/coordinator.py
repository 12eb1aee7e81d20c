"""The coordinator: spreads the SIPs of a job over workers, runs it, checks the books and tells how it went."""

from collections.abc import Sequence

import msgspec

from actors import failure
from actors.control import GRACE_S, Control, Hooks
from actors.limits import Limits, Overdue
from actors.transports.base import Transport
from actors.transports.inproc import InProcess
from actors.transports.process import Processes
from kernbench.common.errors import (
    AuditError,
    CausalityError,
    DeadlockError,
    KernbenchError,
    LimitError,
    SimulationError,
    UsageError,
    WorkerError,
)
from kernbench.common.messages.island import Failure, Job, Outcome, SipOutcome
from kernbench.common.units import Fs, format_time

DOUBTS = (AuditError, CausalityError, WorkerError)
"""Errors of the simulation, not of what it simulates."""
TOLD = 6
"""Waiters that the message of a deadlock lists; the error's `waiters` has all."""


class WorkerStats(msgspec.Struct, frozen=True):
    """What one worker did; times are of the wall clock and never part of a result."""

    pid: int
    sips: tuple[int, ...]
    events: int
    cpu_s: float
    wall_s: float
    wait_share: float


class SyncStats(msgspec.Struct, frozen=True):
    """How the SIPs were kept in step; `windows`, `messages` and `events` do not depend on the workers."""

    lookahead_fs: Fs
    windows: int
    messages: int
    events: int
    workers: tuple[WorkerStats, ...]

    @property
    def events_per_window(self) -> float:
        """Below about 50 per worker a second worker does not pay."""
        return self.events / max(1, self.windows)


class JobResult(msgspec.Struct, frozen=True):
    """What a run left: one report per SIP, in SIP order; `stopped` says why it was cut short, or is empty."""

    reports: tuple[bytes, ...]
    stats: SyncStats
    sim_time: Fs
    stopped: str = ""


def run_job(
    job: Job,
    workers: int,
    transport: Transport | None = None,
    hooks: Hooks | None = None,
    limits: Limits | None = None,
) -> JobResult:
    """Run `job` over `workers` islands (at most one per SIP); raises what a SIP raised, in the caller's process.

    Without a transport one worker is this process, and more are processes.
    """
    if workers < 1 or job.sips < 1:
        raise UsageError(f"{workers} workers for {job.sips} SIPs: there must be at least one of each")
    blocks = assign(job.sips, workers, job.affinity)
    if transport is None:
        transport = InProcess() if len(blocks) == 1 else Processes()
    with Control(hooks or Hooks(), limits) as control:
        try:
            outcomes = transport.run(job, blocks, control)
        except Overdue as overdue:
            raise LimitError(
                f"{overdue.reason}: the run did not stop at a window within {GRACE_S:g} s and was ended; nothing of it is "
                "kept but its records; a kernel or bench that loops without asking the device for anything looks like this"
            ) from None
    return _settle(outcomes)


def assign(sips: int, workers: int, affinity: Sequence[tuple[int, int, Fs]] = ()) -> list[list[int]]:
    """Blocks of SIPs, sizes as equal as can be: each grows from its lowest SIP along the shortest links out of it."""
    workers = min(workers, sips)
    near: dict[int, dict[int, Fs]] = {sip: {} for sip in range(sips)}
    for one, other, latency in affinity:
        for a, b in ((one, other), (other, one)):
            near[a][b] = min(latency, near[a].get(b, latency))
    free = list(range(sips))
    blocks = []
    for index in range(workers):
        block = [free.pop(0)]
        while len(block) < sips // workers + (index < sips % workers):
            reach = [(latency, sip) for member in block for sip, latency in near[member].items() if sip in free]
            chosen = min(reach)[1] if reach else free[0]
            free.remove(chosen)
            block.append(chosen)
        blocks.append(sorted(block))
    return blocks


def _settle(outcomes: Sequence[Outcome]) -> JobResult:
    """The result, or the error that the user is to see: what broke before what followed from it."""
    sips = sorted((sip for outcome in outcomes for sip in outcome.sips), key=lambda sip: sip.sip)
    end = outcomes[0].end
    failures = [item for outcome in outcomes for item in outcome.failures]
    if end in ("finished", "deadlock"):
        _check_books(sips)
    reports = tuple(sip.report for sip in sips)
    if failures:
        raise _with_reports(failure.unpack(_with_waiters(failure.first(failures), sips)), reports)
    now = max(sip.now for sip in sips)
    if end == "deadlock":
        raise _with_reports(_deadlock(sips, now), reports)
    stats = SyncStats(
        outcomes[0].lookahead,
        outcomes[0].windows,
        sum(sum(sip.sent.values()) for sip in sips),
        sum(sip.events for sip in sips),
        tuple(_worker_stats(outcome) for outcome in outcomes),
    )
    return JobResult(reports, stats, now, outcomes[0].reason)


def _with_reports(error: KernbenchError, reports: tuple[bytes, ...]) -> KernbenchError:
    """The error with what the SIPs report; where the simulation itself is in doubt, nothing that they say is kept."""
    if isinstance(error, SimulationError) and not isinstance(error, DOUBTS):
        error.reports = reports
    return error


def _with_waiters(broken: Failure, sips: Sequence[SipOutcome]) -> Failure:
    """What broke, and what each other SIP waited for just then, a line each."""
    if broken.waiters:
        return broken
    return msgspec.structs.replace(broken, waiters=tuple(sip.waiters[0] for sip in sips if sip.waiters))


def _check_books(sips: Sequence[SipOutcome]) -> None:
    """Every message that one SIP sent, another one received; no peer's word is taken for it."""
    for source in sips:
        for target in sips:
            sent, received = source.sent.get(target.sip, 0), target.received.get(source.sip, 0)
            if sent != received:
                raise WorkerError(
                    f"sip{source.sip} sent {sent} messages to sip{target.sip}, which received {received}: "
                    "messages were lost on their way; this is a fault of the transport, not of the model",
                    where=f"sip{target.sip}",
                    sim_time_fs=target.now,
                )


def _deadlock(sips: Sequence[SipOutcome], now: Fs) -> DeadlockError:
    waiters = tuple(line for sip in sips for line in sip.waiters)
    stuck = " ".join(f"sip{sip.sip}" for sip in sips if sip.live)
    told = "; ".join(waiters[:TOLD]) or "nobody says for what"
    more = f"; and {len(waiters) - TOLD} more" if len(waiters) > TOLD else ""
    return DeadlockError(
        f"deadlock at {format_time(now)} of simulated time: nothing can happen any more, but {stuck} still "
        f"{'wait' if ' ' in stuck else 'waits'}: {told}{more}",
        where=stuck,
        sim_time_fs=now,
        waiters=waiters,
    )


def _worker_stats(outcome: Outcome) -> WorkerStats:
    return WorkerStats(
        outcome.pid,
        tuple(sip.sip for sip in outcome.sips),
        sum(sip.events for sip in outcome.sips),
        outcome.cpu_s,
        outcome.wall_s,
        outcome.wait_s / outcome.wall_s if outcome.wall_s else 0.0,
    )
