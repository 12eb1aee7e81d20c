"""A fabric port: where packets and link credits cross between SIPs as messages with final times."""

from collections.abc import Callable
from typing import Protocol

from kernbench.common.messages.fabric import FabricMessage, FabricPacket, LinkCredit
from kernbench.common.units import Fs
from kernbench.components.component import Forwarder, Forwarding
from kernbench.sim_engine.packet import Packet
from kernbench.sim_engine.port import book_route


class FabricPortConfig(Forwarding, frozen=True):
    """`overhead_ns`: fixed time to enter the port from inside the SIP."""


class Outbox(Protocol):
    """Collects what leaves a SIP and numbers it per destination."""

    sip: int

    def next_sequence(self, destination: int) -> int:
        """Give the next number towards a SIP: 0, 1, 2, ..."""

    def post(self, message: FabricMessage) -> None:
        """Take a message that leaves the SIP."""


class FabricPort(Forwarder):
    """The SIP's end of a link to a neighbour. Packets of either direction pass it; see `FabricSender`, `credit_sender`."""

    config: FabricPortConfig


class FabricSender:
    """The far end of an outgoing lane, as this SIP sees it: a packet that starts becomes a message."""

    __slots__ = ("_destination", "_lane", "_link", "_name_of", "_outbox")

    def __init__(self, outbox: Outbox, destination: int, link: int, lane: int, name_of: Callable[[int], str]) -> None:
        self._outbox = outbox
        self._destination = destination
        self._link = link
        self._lane = lane
        self._name_of = name_of

    def expect(self, packet: Packet) -> None:
        """Post a packet that has started; the channel holds the whole packet's credit, so its times are final."""
        book_route(packet)
        name_of = self._name_of
        self._outbox.post(
            FabricPacket(
                packet.head,
                self._outbox.sip,
                self._outbox.next_sequence(self._destination),
                self._destination,
                self._link,
                self._lane,
                packet.tail,
                packet.size,
                packet.created,
                tuple(packet.waits),
                packet.transfer,
                packet.total,
                packet.slowest,
                packet.kind,
                packet.last,
                name_of(packet.src),
                name_of(packet.dst),
                packet.payload if packet.last else None,
            )
        )


def credit_sender(outbox: Outbox, source: int, link: int, lane: int) -> Callable[[int, Fs], None]:
    """Make the `give_back` of an incoming lane: freed space goes back to the sender as a message."""

    def give_back(amount: int, time: Fs) -> None:
        outbox.post(LinkCredit(time, outbox.sip, outbox.next_sequence(source), source, link, lane, amount))

    return give_back
