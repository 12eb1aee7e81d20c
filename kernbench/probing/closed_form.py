"""Closed forms of the steps: what topology and sizes say about each leg with nobody else about; no result is read.

A message of S bytes over links of hops h and lowest bandwidth B takes sum(h) + S / B. A memory slice serves the quanta
of a write as they come and makes those of a read one after another, so that service and links overlap.
"""

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs, transfer_time
from kernbench.components.fanout import CONTROL_BYTES
from kernbench.components.hbm_ctrl import ACK_BYTES
from kernbench.components.host import REQUEST_BYTES
from kernbench.components.ipcq import CREDIT_BYTES
from kernbench.probing.facts import Facts, Way
from kernbench.probing.step import Access, Launch, Put, Step

RETIREMENT: Fs = 1
"""From the end of a program to its report: see `PeCpu.run`."""


class Stage(msgspec.Struct, frozen=True):
    """One leg as it should be: a message of `size` bytes on a `way`, or (without one) work at the place `name`."""

    name: str
    way: Way | None
    size: int
    time: Fs


def stages(facts: Facts, step: Step) -> tuple[Stage, ...]:
    """The legs of a step in order; their times sum to its latency."""
    match step:
        case Access():
            return _access(facts, step)
        case Put():
            return _put(facts, step)
        case Launch():
            return _launch(facts, step)


def data_way(facts: Facts, step: Step) -> Way:
    """The way that the bytes of a step take."""
    match step:
        case Access():
            ends = (_initiator(step), f"sip0.{facts.cubes[step.cube]}.hbm")
            return facts.way(*ends) if step.write else facts.way(*reversed(ends))
        case Put():
            return facts.way(f"{step.sender}.dma", f"{step.receiver}.dma")
        case Launch():
            return facts.way("sip0.host", "sip0.io.cpu")


def _initiator(step: Access) -> str:
    return "sip0.host" if step.initiator == "host" else f"sip0.{step.initiator}.dma"


def _move(way: Way, size: int) -> Stage:
    return Stage("", way, size, way.latency + transfer_time(size, way.slowest.bw))


def _access(facts: Facts, step: Access) -> tuple[Stage, ...]:
    memory = f"sip0.{facts.cubes[step.cube]}.hbm"
    there, back = facts.way(_initiator(step), memory), facts.way(memory, _initiator(step))
    bw, size = facts.slice_bw, step.size
    if step.write:
        request = _move(there, size)
        came = [there.latency + transfer_time(size - rest, there.slowest.bw) for rest in _rests(size, facts.quantum)]
        done = _drained(came, _lefts(size, facts.quantum), bw)
        return request, Stage(memory, None, 0, done - request.time), _move(back, ACK_BYTES)
    served = transfer_time(size, bw)
    # Quanta are there as long before the slice's last byte as the bytes behind them take.
    ready = [served - rest * FS_PER_S // bw for rest in _rests(size, facts.quantum)]
    sent = _drained(ready, _lefts(size, facts.quantum), back.slowest.bw)
    response = Stage("", back, size, back.latency + sent - served)
    return _move(there, REQUEST_BYTES), Stage(memory, None, 0, served), response


def _rests(size: int, quantum: int) -> list[int]:
    """Bytes behind the first, the last but one and the last quantum of a stream."""
    count = -(-size // quantum)
    return [max(size - (index + 1) * quantum, 0) for index in sorted({0, max(count - 2, 0), count - 1})]


def _lefts(size: int, quantum: int) -> list[int]:
    """The same with those quanta themselves."""
    count = -(-size // quantum)
    return [size - index * quantum for index in sorted({0, max(count - 2, 0), count - 1})]


def _drained(came: Sequence[Fs], lefts: Sequence[int], bw: BytesPerSecond) -> Fs:
    """When a stream has passed a server of `bw`: it was idle last before one of those quanta came.

    Full quanta come at even distances, so of these only the first can matter, and the last before a shorter one.
    """
    return max(time + transfer_time(left, bw) for time, left in zip(came, lefts, strict=True))


def _put(facts: Facts, step: Put) -> tuple[Stage, ...]:
    """Slot i leaves when slot i - 1 has left and when slot i - n of n slots has been emptied and its credit is here."""
    there = facts.way(f"{step.sender}.dma", f"{step.receiver}.dma")
    back = facts.way(f"{step.receiver}.dma", f"{step.sender}.dma")
    ipcq = facts.config("ipcq")
    slot = min(ipcq.slot_bytes, step.size)
    round_trip = _move(there, slot).time + ipcq.recv + _move(back, CREDIT_BYTES).time
    rounds = (-(-step.size // slot) - 1) // ipcq.slots
    # Within a round of n slots nothing but the link holds back; from round to round the longer of the two does.
    last_round = step.size - rounds * ipcq.slots * slot
    bw = there.slowest.bw
    stream = max(transfer_time(step.size, bw), rounds * round_trip + transfer_time(last_round, bw))
    data = Stage("", there, step.size, there.latency + stream)
    return data, Stage(step.receiver, None, 0, ipcq.recv), _move(back, CREDIT_BYTES)


def _launch(facts: Facts, step: Launch) -> tuple[Stage, ...]:
    cube = step.pe.partition(".")[0]
    places = ("sip0.host", "sip0.io.cpu", f"sip0.{cube}.m_cpu", f"sip0.{step.pe}.cpu")
    down = [_move(facts.way(src, dst), CONTROL_BYTES) for src, dst in pairwise(places)]
    up = [_move(facts.way(dst, src), CONTROL_BYTES) for src, dst in pairwise(places)]
    return *down, Stage(f"sip0.{step.pe}", None, 0, RETIREMENT), *reversed(up)
