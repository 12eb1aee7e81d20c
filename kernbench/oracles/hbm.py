"""A memory controller on its own, asked for more than it can serve: the share of its peak that a pattern gets."""

import itertools
from collections.abc import Callable, Generator, Iterator
from fractions import Fraction
from random import Random
from typing import TypeAlias

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.messages.memory import ReadRequest, ReadResponse, Segment, WriteAck, WriteRequest
from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs, exact, ns, to_ns
from kernbench.components.hbm_ctrl import HbmCtrl, HbmCtrlConfig
from kernbench.components.hbm_dram import BURST
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, GatedDrain
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.link import Channel, Link
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port

QUANTUM = 1024
REQUEST_BYTES = 32
UNDER_WAY = 96
"""Bursts for each pseudo-channel that wait or are served: half as many again as its two queues hold."""

HEADROOM = 16
"""The links to and from the controller carry so many times what it serves: they never decide."""

HOP: Fs = ns(1)


Places: TypeAlias = Callable[[int, Random], Generator[int, bool, None]]
"""Numbers of the places that requests go to, of so many there are; it is sent whether the next one writes."""


def _one_stream(_count: int, _random: Random) -> Generator[int, bool, None]:
    yield 0
    place = -1
    while True:
        yield (place := place + 1)


def _two_streams(count: int, _random: Random) -> Generator[int, bool, None]:
    done = [0, count // 2]
    write = yield 0
    while True:
        done[write] += 1
        write = yield done[write] - 1


def _anywhere(count: int, random: Random) -> Generator[int, bool, None]:
    yield 0
    while True:
        yield random.randrange(count)


class Pattern(msgspec.Struct, frozen=True):
    """What is asked: requests of `size` bytes, `reads` of them reads, at `places`."""

    name: str
    size: int
    reads: Fraction
    places: Places


_READS: dict[str, tuple[int, Places]] = {"sequential": (QUANTUM, _one_stream), "random": (BURST, _anywhere)}
_MIXES: dict[str, Places] = {"mixed": _one_stream, "copy": _two_streams}


class HbmResult(msgspec.Struct, frozen=True):
    """What one slice delivered: the share of its raw bandwidth, and the time of a request in its queues and banks."""

    share_of_peak: float
    gbs: float
    read_gbs: float
    write_gbs: float
    mean_latency_ns: float
    requests: int


def parse_pattern(text: str) -> Pattern:
    """`sequential`, `random` (32 B reads), or `mixed:SHARE` or `copy:SHARE` with the share of reads."""
    kind, _, share = text.partition(":")
    if text in _READS:
        size, places = _READS[text]
        return Pattern(text, size, Fraction(1), places)
    try:
        reads = exact(share)
        places = _MIXES[kind]
    except (ValueError, KeyError):
        reads = Fraction(-1)
    if not 0 <= reads <= 1:
        raise UsageError(
            f"--pattern {text}: expected sequential, random, mixed:SHARE or copy:SHARE with a share of reads such as 0.67"
        )
    return Pattern(text, QUANTUM, reads, places)


class Memory:
    """One slice behind a pair of fast links, and who asks it in a closed loop."""

    quantum = QUANTUM

    def __init__(self, pattern: Pattern, config: HbmCtrlConfig, slice_bw: BytesPerSecond, seed: int) -> None:
        self.engine = Engine()
        self._names = ("asker", "memory")
        ports = [Port(self.engine, name, number, self, Journal()) for number, name in enumerate(self._names)]
        self._asker = ports[0]
        outstanding = UNDER_WAY * config.pseudo_channels * BURST // pattern.size
        config = msgspec.structs.replace(config, slices=1, outstanding=outstanding)
        self.controller = HbmCtrl("memory", config, self.engine, ports[1], slice_bw, QUANTUM)
        links = [Link(self.engine, name, 0, HEADROOM * slice_bw, HOP, 0, HOP) for name in self._names]
        self._ways = [Channel(link, 0, 64 * QUANTUM) for link in links]
        out, back = self._ways
        gate = GatedDrain(self.engine, out.link, ports[1], self.controller, out.give_back)
        gate.end(out)
        self.controller.gate(gate)
        Drain(self.engine, back.link, self._asker, back.give_back).end(back)
        self._asker.on(ReadResponse, self._answered)
        self._asker.on(WriteAck, self._answered)
        self._requests = _requests(pattern, config.capacity, seed)
        self._size = pattern.size
        self._writes: set[int] = set()
        self.answers: list[tuple[Fs, Fs, bool]] = []
        for _ in range(2 * outstanding):
            self._ask()

    def _ask(self) -> None:
        tag, offset, write = next(self._requests)
        segments = (Segment(0, offset, self._size, 0),)
        if write:
            self._writes.add(tag)
            request = WriteRequest(tag, "asker", segments, self._size, None)
            self._asker.send("memory", MessageClass.REQUEST, self._size, request, key=tag)
        else:
            read = ReadRequest(tag, "asker", segments, self._size)
            self._asker.send("memory", MessageClass.REQUEST, REQUEST_BYTES, read, key=tag)

    def _answered(self, answer: ReadResponse | WriteAck, _packet: Packet) -> None:
        service = answer.legs[-1]
        self.answers.append((self.engine.now, service.end - service.start, answer.tag in self._writes))
        self._writes.discard(answer.tag)
        self._ask()

    # -- what ports ask --------------------------------------------------------------------------------------------

    def route(self, src: Port, _dst: str, _kind: MessageClass) -> tuple[Channel, ...]:
        """The one link that leaves an end."""
        return (self._ways[src.number],)

    def number(self, name: str) -> int:
        """The place of an end."""
        return self._names.index(name)

    def name_of(self, number: int) -> str:
        """The end at a place."""
        return self._names[number]


def _requests(pattern: Pattern, capacity: int, seed: int) -> Iterator[tuple[int, int, bool]]:
    """Number, offset and direction for ever; directions take turns so that every run of requests has the share."""
    count = capacity // pattern.size
    places = pattern.places(count, Random(seed))  # noqa: S311  # a reproducible stream
    next(places)
    for tag in itertools.count():
        write = int((tag + 1) * pattern.reads) == int(tag * pattern.reads)
        yield tag, places.send(write) % count * pattern.size, write


def measure_hbm(
    pattern: Pattern, slice_bw: BytesPerSecond, refreshes: int, seed: int, config: HbmCtrlConfig | None = None
) -> HbmResult:
    """Measure a slice over `refreshes` refresh intervals after a first one."""
    config = HbmCtrlConfig(mode="banked") if config is None else config
    memory = Memory(pattern, config, slice_bw, seed)
    start = config.refresh_interval
    end = start * (1 + refreshes)
    memory.engine.advance(end)
    answers = [(took, write) for time, took, write in memory.answers if time >= start]
    written = sum(write for _, write in answers) * pattern.size
    total = len(answers) * pattern.size
    seconds = Fraction(end - start, FS_PER_S)
    return HbmResult(
        share_of_peak=float(total / seconds / slice_bw),
        gbs=float(total / seconds / 10**9),
        read_gbs=float((total - written) / seconds / 10**9),
        write_gbs=float(written / seconds / 10**9),
        mean_latency_ns=to_ns(sum(took for took, _ in answers)) / len(answers),
        requests=len(answers),
    )
