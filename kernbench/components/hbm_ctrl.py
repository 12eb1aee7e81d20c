"""High-bandwidth memory controller: requests in, streams and acknowledgements out, one queue per slice."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any, Literal

import msgspec

from kernbench.common.completion import Leg
from kernbench.common.messages.memory import (
    AtomicRequest,
    AtomicResponse,
    ReadRequest,
    ReadResponse,
    WriteAck,
    WriteRequest,
)
from kernbench.common.units import BytesPerSecond, Fs
from kernbench.components.component import Component
from kernbench.components.hbm_banked import BankedTiming
from kernbench.components.hbm_dram import DramConfig
from kernbench.components.hbm_flat import FlatTiming
from kernbench.components.hbm_timing import Timing, WriteService
from kernbench.components.memory import Memory
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import GatedDrain
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port

ACK_BYTES = 32
"""Size of a write acknowledgement on the network: one flit of control."""

MOST_OUTSTANDING = 2**16
"""Answers of one controller."""


class HbmCtrlConfig(DramConfig, frozen=True):
    """`mode` says what serves the `slices`: `simple` or `banked`, which alone reads the keys of `DramConfig`.

    The simple mode serves streams at `efficiency`, a share of the raw bandwidth (refresh, turnaround, misses).
    `outstanding` is how many requests it holds whose answers have not left; `capacity_bytes` is the cube's memory.
    """

    mode: Literal["simple", "banked"] = "simple"
    slices: int = 4
    simple_efficiency: Fraction = msgspec.field(name="efficiency", default=Fraction(4, 5))
    overhead: Fs = msgspec.field(name="overhead_ns", default=0)
    outstanding: int = 64
    capacity: int = msgspec.field(name="capacity_bytes", default=2**34)

    def __post_init__(self) -> None:
        """Refuse what is no share, and more answers than there is memory to simulate: each has a queue of its own."""
        super().__post_init__()
        if self.outstanding > MOST_OUTSTANDING:
            raise ValueError(f"expected at most {MOST_OUTSTANDING}, got {self.outstanding}")
        if not Fraction(1, 100) <= self.simple_efficiency <= 1:
            raise ValueError(f"expected a share from 0.01 to 1, got {float(self.simple_efficiency):g}")

    def unused(self) -> dict[str, str]:
        """What only the other mode reads."""
        if self.mode == "banked":
            return {"efficiency": "mode: banked does not read it; its banks lose time by what they do"}
        names = [field.encode_name for field in msgspec.structs.fields(DramConfig)]
        return dict.fromkeys(names, "mode: simple does not read it; give hbm_ctrl.mode=banked")

    @property
    def efficiency(self) -> Fraction:
        """The share of the raw bandwidth at which bytes are served; banks lose the rest by what they do."""
        return {"simple": self.simple_efficiency, "banked": Fraction(1)}[self.mode]


def _simple(config: HbmCtrlConfig, _engine: Engine, slice_bw: BytesPerSecond, quantum: int) -> Timing:
    return FlatTiming(config.slices, int(slice_bw * config.efficiency), quantum)


def _banked(config: HbmCtrlConfig, engine: Engine, slice_bw: BytesPerSecond, quantum: int) -> Timing:
    return BankedTiming(config, engine, config.slices, slice_bw, quantum)


TIMINGS: dict[str, Callable[[HbmCtrlConfig, Engine, BytesPerSecond, int], Timing]] = {
    "simple": _simple,
    "banked": _banked,
}
"""What `mode` names: who decides when requests are served."""


class HbmCtrl(Component):
    """Takes reads, writes and atomic changes, has its timing serve them, and answers; the point of order for the bytes it owns.

    A read samples and a write lands when the last of its bytes is served; the answer follows. A request is admitted
    only when one of `outstanding` answer buffers is free. Without `values` it keeps time and answers without bytes.
    """

    config: HbmCtrlConfig

    def __init__(
        self, name: str, config: HbmCtrlConfig, engine: Engine, port: Port, slice_bw: BytesPerSecond, quantum: int
    ) -> None:
        super().__init__(name, engine)
        self.config = config
        self.memory = Memory()
        self.values = True
        self._port = port
        self._timing = TIMINGS[config.mode](config, engine, slice_bw, quantum)
        # A heap of (usable from, slot): the slot decides a place in round-robin, so one that frees at this very instant
        # waits 1 fs; else the order of the instant's events would choose between it and the others.
        self._free_slots: list[tuple[Fs, int]] = [(0, slot) for slot in range(config.outstanding)]
        self._admitted_at: Fs = -1
        self._gates: list[GatedDrain] = []
        self._slots: dict[int, int] = {}
        self._writes: dict[int, WriteService] = {}
        self._due: list[tuple[Fs, int, Callable[[], None]]] = []
        self._arrivals = 0
        port.on(ReadRequest, self._read)
        port.on(WriteRequest, self._write)
        port.on(AtomicRequest, self._atomic)
        port.on_quantum(self._quantum_arrived)

    @property
    def received(self) -> int:
        """Bytes of packets that came: as long as it stays, no slice has got anything to do."""
        return self._port.received

    def worked(self, now: Fs) -> list[Fs]:
        """How long each slice has served until `now`; anybody may read it at any time."""
        return self._timing.worked(now)

    def rests(self, now: Fs) -> bool:
        """Whether no slice serves at `now` or later unless a packet comes."""
        return self._timing.rests(now)

    def gate(self, drain: GatedDrain) -> None:
        """Register a lane whose requests wait for `admit`."""
        self._gates.append(drain)

    def admit(self, packet: Packet) -> bool:
        """Take a request if its answer has a buffer. Only the last packet of a write asks for an answer.

        Packets that waited here are all there: they come in 1 fs apart, so that their order at the slices is theirs.
        """
        now = self.engine.now
        if now == self._admitted_at:
            self.engine.call_at(now + 1, self._retry)
            return False
        if packet.last:
            free = self._free_slots
            if not free or free[0][0] > now:
                self._retry_soon()
                return False
            self._slots[packet.transfer] = heappop(free)[1]
        self._admitted_at = now
        return True

    def _release(self, slot: int) -> None:
        heappush(self._free_slots, (self.engine.now + 1, slot))
        if any(len(drain) for drain in self._gates):
            self._retry_soon()

    def _retry_soon(self) -> None:
        if self._free_slots:
            self.engine.call_at(max(self._free_slots[0][0], self.engine.now), self._retry)

    def _retry(self, _: object) -> None:
        for drain in self._gates:
            drain.retry()

    def _quantum_arrived(self, packet: Packet) -> None:
        request = packet.payload
        if type(request) is WriteRequest:
            write = self._writes.get(packet.transfer)
            if write is None:
                write = self._writes[packet.transfer] = self._timing.write(packet.transfer, request.segments)
            write.take(packet.size, packet.tail)

    def _write(self, request: WriteRequest, packet: Packet) -> None:
        write, slot, order = self._writes.pop(packet.transfer), self._slots.pop(packet.transfer), self._number()
        way = self._port.leg(packet)

        def served(end: Fs, parts: dict[str, Fs]) -> None:
            ack = WriteAck(request.tag, (way, self._leg(packet.tail, end, parts)))

            def land() -> None:
                if request.data is not None:
                    self.memory.write(request.segments, request.data)
                self._port.send(
                    request.reply_to,
                    MessageClass.RESPONSE,
                    ACK_BYTES,
                    ack,
                    lane=slot,
                    departed=lambda _: self._release(slot),
                )

            self._at(end, order, land)

        write.close(packet.tail, served)

    def _read(self, request: ReadRequest, packet: Packet) -> None:
        slot, order = self._slots.pop(packet.transfer), self._number()
        way = self._port.leg(packet)
        response = ReadResponse(request.tag, request.segments, None, ())

        def sample() -> None:
            if self.values:
                response.data = self.memory.read(request.segments)

        def served(end: Fs, parts: dict[str, Fs]) -> None:
            response.legs = (way, self._leg(packet.tail, end, parts))
            self._at(end, order, sample)

        def started(ready: Sequence[Fs]) -> None:
            self._port.send(
                request.reply_to,
                MessageClass.RESPONSE,
                request.size,
                response,
                lane=slot,
                ready=ready,
                departed=lambda _: self._release(slot),
            )

        self._timing.read(packet.transfer, request.segments, packet.tail, started, served)

    def _atomic(self, request: AtomicRequest, packet: Packet) -> None:
        """Read and write the segments; they change in one instant, when both are served."""
        slot, order = self._slots.pop(packet.transfer), self._number()
        way, start = self._port.leg(packet), packet.tail
        services: list[tuple[Fs, dict[str, Fs]]] = []

        def served(end: Fs, parts: dict[str, Fs]) -> None:
            services.append((end, parts))
            if len(services) == 2:  # the read's and the write's
                last, spent = max(services, key=lambda service: service[0])
                self._at(last, order, lambda: land((way, self._leg(start, last, spent))))

        def land(legs: tuple[Leg, ...]) -> None:
            old = None
            if request.exchange is not None and self.values:
                changed, old = request.exchange(self.memory.read(request.segments))
                self.memory.write(request.segments, changed)
            self._port.send(
                request.reply_to,
                MessageClass.RESPONSE,
                max(request.returned, ACK_BYTES),
                AtomicResponse(request.tag, old, legs),
                lane=slot,
                departed=lambda _: self._release(slot),
            )

        self._timing.read(packet.transfer, request.segments, start, lambda _: None, served)
        write = self._timing.write(packet.transfer, request.segments)
        write.take(sum(segment.length for segment in request.segments), start)
        write.close(start, served)

    def _leg(self, start: Fs, end: Fs, parts: dict[str, Fs]) -> Leg:
        """Describe the time at the slices."""
        return Leg(self.name, self.name, 0, start, end, parts)

    def _number(self) -> int:
        """Count requests as they arrive: effects of one instant happen in this order."""
        self._arrivals += 1
        return self._arrivals

    def _at(self, time: Fs, order: int, action: Callable[[], None]) -> None:
        """Act at `time`; actions of one instant happen in order of arrival."""
        heappush(self._due, (time, order, action))
        self.engine.call_at(time, self._run_due, time)

    def _run_due(self, now: Any) -> None:
        due = self._due
        while due and due[0][0] <= now:
            heappop(due)[2]()

    def waiters(self) -> list[str]:
        """Name writes that are incomplete and requests that wait for an answer buffer."""
        lines = [f"{self.name}: a write waits for the rest of its data" for _ in self._writes]
        lines += [
            f"{self.name}: {len(drain)} request(s) wait for an answer buffer" for drain in self._gates if len(drain)
        ]
        return lines

    def audit(self) -> list[str]:
        """Nothing is held at the end, and the timing's books balance."""
        lines = self.waiters()
        if len(self._free_slots) != self.config.outstanding:
            lines.append(f"{self.name}: {self.config.outstanding - len(self._free_slots)} answer(s) never left")
        lines += [f"{self.name}: {line}" for line in self._timing.audit(self.engine.now)]
        return lines
