"""A measured step: its legs with their parts, where its bytes were held back, and the closed form beside it."""

from collections.abc import Sequence
from typing import Any

import msgspec

from actors.simulation import Simulation
from kernbench.common.completion import Leg
from kernbench.common.errors import SimulationError
from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs, transfer_time
from kernbench.probing import programs
from kernbench.probing.case import Variant
from kernbench.probing.closed_form import Stage, data_way, stages
from kernbench.probing.facts import Facts, WayLink
from kernbench.probing.recorder import SINK, Grants, LinkRecorder
from kernbench.probing.route import Passage, carried, trace
from kernbench.probing.step import Launch, Put, Step, encode

MOVEMENT = ("wire", "overhead", "serialisation")
NO_SLOT = "no_slot_credit"


class Bottleneck(msgspec.Struct, frozen=True):
    """What was busy longest while the bytes moved: a link or a memory slice."""

    name: str
    bw: BytesPerSecond
    busy: Fs


class MeasuredLeg(msgspec.Struct, frozen=True):
    """A leg with the way of its last packet (none at a memory or in a PE) and its closed form."""

    leg: Leg
    passages: tuple[Passage, ...]
    closed_form: Fs


class Measurement(msgspec.Struct, frozen=True):
    """One step on an idle machine. Times in fs; the parts of all legs sum to `latency`."""

    variant: Variant
    start: Fs
    end: Fs
    legs: tuple[MeasuredLeg, ...]
    bottleneck: Bottleneck

    @property
    def latency(self) -> Fs:
        """From the step's start to the end of its last leg."""
        return self.end - self.start

    @property
    def closed_form(self) -> Fs:
        """The latency that topology and size say."""
        return sum(each.closed_form for each in self.legs)

    @property
    def parts(self) -> dict[str, Fs]:
        """Where the time went, over all legs; movement first, then each reason of waiting that there was."""
        parts: dict[str, Fs] = dict.fromkeys(MOVEMENT, 0)
        for each in self.legs:
            for part, time in each.leg.parts.items():
                parts[part] = parts.get(part, 0) + time
        return {part: time for part, time in parts.items() if time or part in MOVEMENT}

    @property
    def size(self) -> int:
        """Bytes of data that the step moves; 0 for a launch."""
        return self.variant.step.size

    @property
    def bandwidth(self) -> BytesPerSecond:
        """Effective bandwidth: the step's bytes over its whole latency."""
        return self.size * FS_PER_S // self.latency

    @property
    def utilisation(self) -> float:
        """Effective bandwidth over that of the bottleneck."""
        return self.bandwidth / self.bottleneck.bw


def measure(simulation: Simulation, variants: Sequence[Variant]) -> tuple[Measurement, ...]:
    """Carry out steps one after another; the simulation has been made with `SINKS`."""
    facts = Facts(simulation.topology)
    rows, grants = _run(simulation, [variant.step for variant in variants])
    return tuple(_measured(facts, variant, rows[number], grants) for number, variant in enumerate(variants))


def latencies(simulation: Simulation, steps: Sequence[Step]) -> list[Fs]:
    """The latencies alone."""
    facts = Facts(simulation.topology)
    rows, grants = _run(simulation, steps)
    return [
        sum(leg.leg.end - leg.leg.start for leg in _legs(facts, step, rows[number], grants))
        for number, step in enumerate(steps)
    ]


SINKS = (SINK,)
"""What a simulation that measures must be made with."""

Rows = dict[str, dict[str, Any]]
"""The rows of one step: of its initiator under "", of its receiver under the receiver's name."""


def _run(simulation: Simulation, steps: Sequence[Step]) -> tuple[list[Rows], Grants]:
    result = simulation.run(programs.measure, plan=encode(tuple(steps)))
    rows: list[Rows] = [{} for _ in steps]
    for report in result.reports:
        for row in report.rows:
            rows[row["step"]][row.get("to", "")] = row
    return rows, LinkRecorder.collect()


def _measured(facts: Facts, variant: Variant, rows: Rows, grants: Grants) -> Measurement:
    legs = _legs(facts, variant.step, rows, grants)
    start, end = legs[0].leg.start, legs[-1].leg.end
    total = sum(sum(each.leg.parts.values()) for each in legs)
    assert total == end - start, f"{variant.name}: parts of {total} fs do not sum to {end - start} fs"
    return Measurement(variant, start, end, legs, _bottleneck(facts, variant.step, grants, start, end))


def _legs(facts: Facts, step: Step, rows: Rows, grants: Grants) -> tuple[MeasuredLeg, ...]:
    expected = stages(facts, step)
    match step:
        case Put():
            return _put_legs(facts, step, expected, rows, grants)
        case Launch():
            return _launch_legs(facts, expected, rows[""], grants)
        case _:
            given = msgspec.convert(rows[""]["legs"], tuple[Leg, ...])
            return tuple(
                MeasuredLeg(leg, _passages(facts, stage, grants, leg.start, leg.end), stage.time)
                for leg, stage in zip(given, expected, strict=True)
            )


def _launch_legs(
    facts: Facts, expected: Sequence[Stage], row: dict[str, Any], grants: Grants
) -> tuple[MeasuredLeg, ...]:
    """Read back from the completion; each message left the moment the one before it was there."""
    legs: list[MeasuredLeg] = []
    end = row["end_fs"]
    for stage in reversed(expected):
        if stage.way is None:
            start, until = row["device"]
            legs.append(_work(stage, start, until))
        else:
            legs.append(_message(facts, stage, grants, end))
        end = legs[-1].leg.start
    return tuple(reversed(legs))


def _put_legs(
    facts: Facts, step: Put, expected: Sequence[Stage], rows: Rows, grants: Grants
) -> tuple[MeasuredLeg, ...]:
    """From the first packet's start over the last one's arrival to the slot credit's."""
    data, receive, credit = expected
    begun, ended = rows[""]["device"][0], rows[""]["end_fs"]
    waiting = rows[step.receiver]["device"]
    if waiting[0] > begun:
        raise SimulationError(
            f"the receiver {step.receiver} started {waiting[0] - begun} fs after its sender {step.sender}: what it waited "
            "is no latency of the queue; make programs.PATIENCE larger",
            where=step.receiver,
            sim_time_fs=begun,
        )
    back = _message(facts, credit, grants, ended)
    assert data.way is not None
    start = next(grant.start for grant in grants[data.way.links[0].name] if grant.start >= begun)
    passages = _passages(facts, data, grants, start, back.leg.start)
    there = _moved(data, start, passages, NO_SLOT)
    taken = min(back.leg.start - there.end, receive.time)
    parts = {"overhead": taken, "head_of_line": back.leg.start - there.end - taken}
    hand_over = Leg(receive.name, receive.name, 0, there.end, back.leg.start, parts)
    return MeasuredLeg(there, passages, data.time), MeasuredLeg(hand_over, (), receive.time), back


def _work(stage: Stage, start: Fs, end: Fs) -> MeasuredLeg:
    return MeasuredLeg(Leg(stage.name, stage.name, 0, start, end, {"overhead": end - start}), (), stage.time)


def _message(facts: Facts, stage: Stage, grants: Grants, end: Fs) -> MeasuredLeg:
    """A message of one packet; where it came to the first link is where it started there."""
    assert stage.way is not None
    found = _passages(facts, stage, grants, 0, end)
    start = found[0].start
    passages = (msgspec.structs.replace(found[0], arrived=start, behind=0), *found[1:])
    return MeasuredLeg(_moved(stage, start, passages, "no_credit"), passages, stage.time)


def _passages(facts: Facts, stage: Stage, grants: Grants, start: Fs, end: Fs) -> tuple[Passage, ...]:
    if stage.way is None:
        return ()
    return trace(stage.way, grants, _last_packet(facts, stage), start, end)


def _last_packet(facts: Facts, stage: Stage) -> int:
    """Bytes of the packet that ends a message; a put's slots are messages of their own."""
    slot = facts.config("ipcq").slot_bytes
    rest = stage.size % slot or min(stage.size, slot) if stage.way and _is_put(stage) else stage.size
    return rest % facts.quantum or min(rest, facts.quantum)


def _is_put(stage: Stage) -> bool:
    assert stage.way is not None
    return stage.way.src.endswith(".dma") and stage.way.dst.endswith(".dma")


def _moved(stage: Stage, start: Fs, passages: Sequence[Passage], held: str) -> Leg:
    """The parts of a message: what its bytes take on the slowest link is serialisation, the rest is waiting."""
    way = stage.way
    assert way is not None
    end = passages[-1].tail
    wire, overhead = sum(link.wire for link in way.links), sum(link.overhead for link in way.links)
    own = end - start - wire - overhead
    serialisation = min(own, transfer_time(stage.size, way.slowest.bw))
    parts = {"wire": wire, "overhead": overhead, "serialisation": serialisation}
    left = own - serialisation
    taken = min(left, sum(each.behind for each in passages)) if held != NO_SLOT else 0
    if taken:
        parts["link_busy"] = taken
    if left > taken:
        parts[held] = left - taken
    return Leg(way.src, way.dst, stage.size, start, end, parts)


def _bottleneck(facts: Facts, step: Step, grants: Grants, start: Fs, end: Fs) -> Bottleneck:
    """What was kept busy longest on the way of the data: a link by the bytes that it carried, or the memory slice.

    How long packets held a link says less: behind a slower link each holds it until its tail is there.
    """

    def needed(link: WayLink) -> Fs:
        return transfer_time(carried(link.name, grants, start, end), link.bw)

    link = max(data_way(facts, step).links, key=needed)
    found = Bottleneck(link.name, link.bw, needed(link))
    if isinstance(step, Put | Launch):
        return found
    served = transfer_time(step.size, facts.slice_bw)
    if served < found.busy:
        return found
    return Bottleneck(f"sip0.{facts.cubes[step.cube]}.hbm slice {step.slice}", facts.slice_bw, served)
