"""Contention: PEs that ask one memory slice at once, what each of them gets, and what they wait for."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from actors.simulation import Result, Simulation
from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs
from kernbench.probing import programs
from kernbench.probing.facts import Facts
from kernbench.probing.measurement import MOVEMENT
from kernbench.probing.step import Crowd
from kernbench.sim_engine.packet import REASONS

COUNTS = (1, 2, 4, 8)
"""Numbers of initiators that are tried; all PEs of the SIP come last."""

REQUESTS = 16
"""Requests of each initiator, all asked for at once."""

REQUEST_BYTES = 4096

PATTERNS = {"contention-read": False, "contention-write": True}
"""The patterns by name: whether the PEs write."""

AT_THE_MEMORY = ("hbm_busy", "target_busy")


class Contention(msgspec.Struct, frozen=True):
    """What a crowd got. Latencies (fs) are of single requests, from their command's arrival at the DMA to the answer.

    `shares` are the bytes that each initiator had got of all bytes when the first of them was through; `waits` sums the
    waiting of all requests by reason; `place` is where most of the greatest reason was waited.
    """

    pattern: str
    target: str
    shares: tuple[float, ...]
    p50: Fs
    p95: Fs
    p99: Fs
    worst: Fs
    bandwidth: BytesPerSecond
    target_bw: BytesPerSecond
    waits: dict[str, Fs]
    place: str

    @property
    def initiators(self) -> int:
        """How many asked."""
        return len(self.shares)

    @property
    def reason(self) -> str:
        """What was waited for most; empty when nobody waited."""
        return max(self.waits, key=lambda reason: self.waits[reason], default="")


class _Request(NamedTuple):
    pe: str
    start: Fs
    end: Fs
    parts: dict[str, Fs]


def contend(simulation: Simulation, pattern: str, counts: Sequence[int] = COUNTS) -> Iterator[Contention]:
    """Try 1, 2, 4, 8 and all PEs of a SIP, nearest cubes first, against the first slice of its first cube."""
    facts = Facts(simulation.topology)
    for count in [*(count for count in counts if count < len(facts.pes)), len(facts.pes)]:
        crowd = Crowd(facts.pes[:count], 0, 0, REQUEST_BYTES, REQUESTS, PATTERNS[pattern])
        result = simulation.run(programs.contend, crowd=msgspec.json.encode(crowd).decode())
        yield _seen(facts, pattern, crowd, result)


def _seen(facts: Facts, pattern: str, crowd: Crowd, result: Result) -> Contention:
    requests = [_Request(*each) for each in result.rows[0].columns["requests"]]
    ends: dict[str, Fs] = {}
    waits: dict[str, Fs] = {}
    for each in requests:
        ends[each.pe] = max(ends.get(each.pe, 0), each.end)
        for part, time in each.parts.items():
            if part not in MOVEMENT and time:
                waits[part] = waits.get(part, 0) + time
    first = min(ends.values())
    through = [each.pe for each in requests if each.end <= first]
    latencies = sorted(each.end - each.start for each in requests)
    span = max(ends.values()) - min(each.start for each in requests)
    target = f"sip0.{facts.cubes[crowd.cube]}.hbm"
    return Contention(
        pattern=pattern,
        target=f"{target} slice {crowd.slice}",
        shares=tuple(through.count(pe) / len(through) for pe in crowd.initiators),
        p50=_percentile(latencies, 50),
        p95=_percentile(latencies, 95),
        p99=_percentile(latencies, 99),
        worst=latencies[-1],
        bandwidth=len(requests) * crowd.size * FS_PER_S // span,
        target_bw=facts.slice_bw,
        waits=waits,
        place=_place(result, target, waits),
    )


def _percentile(ordered: Sequence[Fs], percent: int) -> Fs:
    """The smallest value that so many percent do not exceed."""
    return ordered[-(-len(ordered) * percent // 100) - 1]


def _place(result: Result, target: str, waits: dict[str, Fs]) -> str:
    reason = max(waits, key=lambda each: waits[each], default="")
    if not reason or reason in AT_THE_MEMORY:
        return target if reason else ""
    if reason not in REASONS:
        return "the PEs' DMAs"
    index = REASONS.index(reason)
    link = max(result.links, key=lambda each: each.blocked[index])
    # What waits behind others of its own DMA has not come to a link.
    return link.name if link.blocked[index] else "the PEs' DMAs"
