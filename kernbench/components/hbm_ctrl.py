"""High-bandwidth memory controller: requests in, streams and acknowledgements out, one queue per slice."""

from collections.abc import Callable
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any

import msgspec

from kernbench.common.completion import Leg
from kernbench.common.messages.memory import ReadRequest, ReadResponse, Segment, WriteAck, WriteRequest
from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs
from kernbench.components.component import Component, Config
from kernbench.components.memory import Memory
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import GatedDrain
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port

ACK_BYTES = 32
"""Size of a write acknowledgement on the network: one flit of control."""


class HbmCtrlConfig(Config, frozen=True):
    """`slices` queues; `efficiency` is the share of raw bandwidth that streams achieve (refresh, turnaround, misses).

    `outstanding` is how many requests it holds whose answers have not left; `capacity_bytes` is the cube's memory.
    """

    slices: int = 4
    efficiency: Fraction = Fraction(4, 5)
    overhead: Fs = msgspec.field(name="overhead_ns", default=0)
    outstanding: int = 64
    capacity: int = msgspec.field(name="capacity_bytes", default=2**34)

    def __post_init__(self) -> None:
        """Refuse what is no share."""
        if not Fraction(1, 100) <= self.efficiency <= 1:
            raise ValueError(f"expected a share from 0.01 to 1, got {float(self.efficiency):g}")


class Slice:
    """One slice: it serves in order of arrival, back to back, so that a run ends where the sum of its bytes ends."""

    __slots__ = ("_bw", "_bytes", "_start", "busy", "free_at")

    def __init__(self, bw: BytesPerSecond) -> None:
        self._bw = bw
        self._start: Fs = 0
        self._bytes = 0
        self.free_at: Fs = 0
        self.busy: Fs = 0

    def serve(self, now: Fs, size: int) -> Fs:
        """Queue `size` bytes and return when they are done."""
        if now > self.free_at:
            self._start = now
            self._bytes = 0
        begin = max(now, self.free_at)
        self._bytes += size
        self.free_at = end = self._start - (-self._bytes * FS_PER_S // self._bw)
        self.busy += end - begin
        return end


class HbmCtrl(Component):
    """Serves reads and writes in arrival order; the point of order for the bytes it owns.

    A read samples and a write lands when the last of its bytes is served; the answer follows. A request is admitted
    only when one of `outstanding` answer buffers is free.
    """

    config: HbmCtrlConfig

    def __init__(
        self, name: str, config: HbmCtrlConfig, engine: Engine, port: Port, slice_bw: BytesPerSecond, quantum: int
    ) -> None:
        super().__init__(name, engine)
        self.config = config
        self.memory = Memory()
        self._port = port
        self._quantum = quantum
        self.bw = int(slice_bw * config.efficiency)
        self.slices = [Slice(self.bw) for _ in range(config.slices)]
        # A heap of (usable from, slot): the slot decides a place in round-robin, so one that frees at this very instant
        # waits 1 fs; else the order of the instant's events would choose between it and the others.
        self._free_slots: list[tuple[Fs, int]] = [(0, slot) for slot in range(config.outstanding)]
        self._admitted_at: Fs = -1
        self._gates: list[GatedDrain] = []
        self._slots: dict[int, int] = {}
        self._writes: dict[int, _Write] = {}
        self._due: list[tuple[Fs, int, Callable[[], None]]] = []
        self._arrivals = 0
        port.on(ReadRequest, self._read)
        port.on(WriteRequest, self._write)
        port.on_quantum(self._quantum_arrived)

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
                write = self._writes[packet.transfer] = _Write(request.segments, self.bw, len(self.slices))
            for number, length in write.take(packet.size):
                write.end = max(write.end, self.slices[number].serve(packet.tail, length))
                write.end_alone = max(write.end_alone, write.alone[number].serve(packet.tail, length))

    def _write(self, request: WriteRequest, packet: Packet) -> None:
        write, slot = self._writes.pop(packet.transfer), self._slots.pop(packet.transfer)
        end = write.end
        legs = (self._port.leg(packet), self._service(packet.tail, end, write.end_alone - packet.tail))

        def land() -> None:
            if request.data is not None:
                self.memory.write(request.segments, request.data)
            self._port.send(
                request.reply_to,
                MessageClass.RESPONSE,
                ACK_BYTES,
                WriteAck(request.tag, legs),
                lane=slot,
                departed=lambda _: self._release(slot),
            )

        self._at(end, land)

    def _read(self, request: ReadRequest, packet: Packet) -> None:
        slot = self._slots.pop(packet.transfer)
        now = packet.tail
        ready: list[Fs] = []
        end = now
        left = self._quantum
        for segment in request.segments:
            served = self.slices[segment.slice].serve(now, segment.length)
            # Quanta that end inside this segment are there before its last byte.
            remaining = segment.length
            while remaining >= left:
                remaining -= left
                left = self._quantum
                end = max(end, served - remaining * FS_PER_S // self.bw)
                ready.append(end)
            left -= remaining
            end = max(end, served)
        if left < self._quantum:
            ready.append(end)
        alone = self._alone(request.segments)
        response = ReadResponse(
            request.tag, request.segments, None, (self._port.leg(packet), self._service(now, end, alone))
        )

        def sample() -> None:
            response.data = self.memory.read(request.segments)

        self._at(end, sample)
        self._port.send(
            request.reply_to,
            MessageClass.RESPONSE,
            request.size,
            response,
            lane=slot,
            ready=ready,
            departed=lambda _: self._release(slot),
        )

    def _alone(self, segments: tuple[Segment, ...]) -> Fs:
        """Time that segments take when nobody else is served."""
        loads = [0] * len(self.slices)
        for segment in segments:
            loads[segment.slice] += segment.length
        return -(-max(loads) * FS_PER_S // self.bw)

    def _service(self, start: Fs, end: Fs, alone: Fs) -> Leg:
        """Describe the time at the slices: what the bytes alone take is serialisation, the rest queueing."""
        serialisation = min(alone, end - start)
        return Leg(
            self.name,
            self.name,
            0,
            start,
            end,
            {"serialisation": serialisation, "hbm_busy": end - start - serialisation},
        )

    def _at(self, time: Fs, action: Callable[[], None]) -> None:
        """Act at `time`; actions of one instant happen in order of arrival."""
        self._arrivals += 1
        heappush(self._due, (time, self._arrivals, action))
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
        """Nothing is held at the end, and no slice was busy longer than time went on."""
        lines = self.waiters()
        if len(self._free_slots) != self.config.outstanding:
            lines.append(f"{self.name}: {self.config.outstanding - len(self._free_slots)} answer(s) never left")
        lines += [
            f"{self.name}: slice {number} busy {each.busy} fs of {self.engine.now} fs"
            for number, each in enumerate(self.slices)
            if each.busy > self.engine.now
        ]
        return lines


class _Write:
    """How far a stream of write data has come through its segments."""

    __slots__ = ("_at", "_segments", "_within", "alone", "end", "end_alone")

    def __init__(self, segments: tuple[Segment, ...], bw: BytesPerSecond, slices: int) -> None:
        self._segments = segments
        self._at = 0
        self._within = 0
        self.end: Fs = 0
        self.end_alone: Fs = 0
        self.alone = [Slice(bw) for _ in range(slices)]  # what the same data would take with nobody else served

    def take(self, size: int) -> list[tuple[int, int]]:
        """Give (slice, bytes) for the next `size` bytes."""
        pieces = []
        while size:
            segment = self._segments[self._at]
            length = min(size, segment.length - self._within)
            pieces.append((segment.slice, length))
            size -= length
            self._within += length
            if self._within == segment.length:
                self._at += 1
                self._within = 0
        return pieces
