"""The receiving end of a channel: a buffer that offers its oldest packet to the next channel, or to an endpoint."""

from collections.abc import Callable
from typing import Protocol

from kernbench.common.units import Fs
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.link import Channel, Link, Source
from kernbench.sim_engine.packet import Packet, Reason

_HEAD_OF_LINE, _OWN_STREAM, _TARGET_BUSY = Reason.HEAD_OF_LINE.value, Reason.OWN_STREAM.value, Reason.TARGET_BUSY.value

GiveBack = Callable[[int, Fs], None]


class Fifo(Source):
    """A lane's input buffer at a node that forwards. One read port: the next packet is offered once the tail has left.

    `give_back(bytes, time)` returns link credits to the sender; they are usable there at `time`.
    """

    __slots__ = (
        "_engine",
        "_give_back",
        "_link",
        "_packets",
        "_previous",
        "_read_until",
    )

    def __init__(self, engine: Engine, link: Link, order: int, give_back: GiveBack) -> None:
        super().__init__(order)
        self._engine = engine
        self._link = link
        self._give_back = give_back
        self._packets: list[Packet] = []
        self._read_until: Fs = 0
        self._previous = -1

    def __len__(self) -> int:
        return len(self._packets)

    def end(self, channel: Channel) -> None:
        """Be where the packets of a channel arrive."""
        channel.arrive = self.arrive

    def arrive(self, packet: Packet) -> None:
        """Take in the head of a packet, in an event of its own: it goes on at once where nobody else can be in its way."""
        now = packet.head
        if not self._packets and now >= self._read_until:
            free_at = packet.route[packet.hop].start_at_once(packet, self.order, now)
            if free_at:
                link = self._link
                link.bytes_out += packet.size
                self._previous = packet.transfer
                self._read_until = free_at
                self._give_back(packet.size, now + link.credit_delay)
                return
        self.take(packet)

    def take(self, packet: Packet) -> None:
        """Take in the head of a packet, as one of several things that happen in an event."""
        self._link.bytes_out += packet.size
        packets = self._packets
        packets.append(packet)
        if len(packets) == 1:
            now = packet.head
            if now >= self._read_until:
                self.head = packet
                self.since = now
                packet.route[packet.hop].request(self)
            else:
                self._engine.call_at(self._read_until, self._offer)

    def _offer(self, _: object) -> None:
        packet = self._packets[0]
        now = self._engine._now  # noqa: SLF001  # the hot path reads the clock directly
        waited = now - packet.head
        if waited:
            reason = _OWN_STREAM if self._previous == packet.transfer else _HEAD_OF_LINE
            packet.waits[reason] += waited
            self._link.blocked[reason] += waited
        self.head = packet
        self.since = now
        packet.route[packet.hop].request(self)

    def granted(self, now: Fs, free_at: Fs, /) -> None:
        """Let the head go; its space goes back to the sender as it starts to leave."""
        packets = self._packets
        packet = packets.pop(0)
        self._previous = packet.transfer
        self._read_until = free_at
        self._give_back(packet.size, now + self._link.credit_delay)
        if packets:
            self._engine.call_at(free_at, self._offer)


class Endpoint(Protocol):
    """What consumes packets at the end of their route."""

    def deliver(self, packet: Packet) -> None:
        """Take a packet whose tail has just arrived."""


class Drain:
    """The end of a lane whose packets are consumed without sending anything: nothing ever waits here."""

    __slots__ = ("_endpoint", "_engine", "_give_back", "_link")

    def __init__(self, engine: Engine, link: Link, endpoint: Endpoint, give_back: GiveBack) -> None:
        self._engine = engine
        self._link = link
        self._endpoint = endpoint
        self._give_back = give_back

    def end(self, channel: Channel) -> None:
        """Be where the packets of a channel arrive."""
        channel.land = self._expect

    def _expect(self, packet: Packet) -> None:
        """Consume from the head on; the endpoint has it when the tail is there."""
        self._give_back(packet.size, packet.head + self._link.credit_delay)
        self._engine.call_at(packet.tail, self._deliver, packet)

    def _deliver(self, packet: Packet) -> None:
        self._link.bytes_out += packet.size
        self._endpoint.deliver(packet)


class Gate(Protocol):
    """What admits a packet only when it can hold what the packet will make it send."""

    def admit(self, packet: Packet) -> bool:
        """Reserve for the packet and say yes, or say no and later call `GatedDrain.retry`."""


class GatedDrain:
    """The end of a lane whose packets wait until the endpoint has room for their consequences."""

    __slots__ = ("_endpoint", "_engine", "_gate", "_give_back", "_link", "_packets", "_read_until", "_refused_at")

    def __init__(self, engine: Engine, link: Link, endpoint: Endpoint, gate: Gate, give_back: GiveBack) -> None:
        self._engine = engine
        self._link = link
        self._endpoint = endpoint
        self._gate = gate
        self._give_back = give_back
        self._packets: list[Packet] = []
        self._read_until: Fs = 0
        self._refused_at: Fs = -1

    def __len__(self) -> int:
        return len(self._packets)

    def end(self, channel: Channel) -> None:
        """Be where the packets of a channel arrive."""
        channel.arrive = self._arrive

    def _arrive(self, packet: Packet) -> None:
        self._link.bytes_out += packet.size
        self._packets.append(packet)
        if len(self._packets) == 1 and self._refused_at < 0:
            self._consider(None)

    def retry(self) -> None:
        """Look again after the endpoint has made room."""
        if self._refused_at >= 0:
            self._refused_at = -1
            self._consider(None)

    def _consider(self, _: object) -> None:
        if not self._packets or self._refused_at >= 0:
            return
        now = self._engine._now  # noqa: SLF001
        if now < self._read_until:
            self._engine.call_at(self._read_until, self._consider)
            return
        packet = self._packets[0]
        if not self._gate.admit(packet):
            self._refused_at = now
            return
        self._packets.pop(0)
        packet.waits[_TARGET_BUSY] += now - packet.head
        self._link.blocked[_TARGET_BUSY] += now - packet.head
        self._give_back(packet.size, now + self._link.credit_delay)
        packet.head = now
        packet.tail = done = max(packet.tail, now)
        self._read_until = done
        self._engine.call_at(done, self._deliver, packet)
        if self._packets:
            self._engine.call_at(done, self._consider)

    def _deliver(self, packet: Packet) -> None:
        self._endpoint.deliver(packet)
