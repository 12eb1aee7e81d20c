"""An endpoint's way into and out of the network: it injects transfers as streams of quanta and dispatches payloads."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from kernbench.common.completion import Leg
from kernbench.common.units import Fs, transfer_time
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.injector import Injector, Transfer
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.link import Channel
from kernbench.sim_engine.packet import MessageClass, Packet, Reason

_QUEUEING = tuple(
    (reason.name.lower(), reason.value)
    for reason in (Reason.LINK_BUSY, Reason.NO_CREDIT, Reason.HEAD_OF_LINE, Reason.TARGET_BUSY)
)
_OWN_STREAM, _WIRE, _OVERHEAD = Reason.OWN_STREAM.value, Reason.WIRE.value, Reason.OVERHEAD.value

Handler = Callable[[Any, Packet], None]


class Network(Protocol):
    """What finds the way: the channels from one endpoint to another for a class of messages."""

    quantum: int

    def route(self, src: "Port", dst: str, kind: MessageClass) -> tuple[Channel, ...]:
        """Find the channels of this SIP from `src` to `dst`, or as far as the link that leaves the SIP."""

    def number(self, name: str) -> int:
        """Give an endpoint's number, unique over all SIPs."""

    def name_of(self, number: int) -> str:
        """Give the name of the endpoint with this number."""


class Port:
    """The network side of one endpoint.

    `send` injects a message; a payload that arrives goes to the handler of its type. Handlers run when the tail is in.
    """

    def __init__(self, engine: Engine, name: str, number: int, network: Network, journal: Journal) -> None:
        self.engine = engine
        self.name = name
        self.number = number
        self._network = network
        self._journal = journal
        self._injectors: dict[Any, Injector] = {}
        self._handlers: dict[type, Handler] = {}
        self._quantum_handler: Callable[[Packet], None] | None = None
        self._sent = 0
        self.received = 0

    def on(self, payload_type: type, handler: Handler) -> None:
        """Have `handler(payload, packet)` called for payloads of this type."""
        self._handlers[payload_type] = handler

    def on_quantum(self, handler: Callable[[Packet], None]) -> None:
        """Have `handler(packet)` called for every packet, before the payload's handler."""
        self._quantum_handler = handler

    def send(
        self,
        dst: str,
        kind: MessageClass,
        size: int,
        payload: Any,
        *,
        lane: int = 0,
        key: Any = 0,
        ready: Sequence[Fs] | None = None,
        departed: Callable[[Fs], None] | None = None,
    ) -> None:
        """Inject `size` bytes for `dst`. Each `lane` is an injection queue of its own; see `Injector.push` for `key`.

        Quantum i exists from `ready[i]` on (fs, not decreasing); without it all are there at once.
        """
        assert size > 0, f"{self.name}: a message to {dst} has {size} bytes"
        network = self._network
        route = network.route(self, dst, kind)
        injector = self._injectors.get((lane, kind))
        if injector is None:
            order = lane * 64 + kind
            injector = self._injectors[lane, kind] = Injector(self.engine, self.number, order, network.quantum)
        self._sent += 1
        identity = self.number << 32 | self._sent
        injector.push(
            Transfer(route, network.number(dst), kind, size, payload, self.engine._now, identity, ready, departed),  # noqa: SLF001
            key,
        )

    def deliver(self, packet: Packet) -> None:
        """Take a packet whose tail has just arrived."""
        self.received += packet.size
        self._journal.deliver(packet.tail, packet.src, self.number, packet.kind, packet.size)
        if self._quantum_handler is not None:
            self._quantum_handler(packet)
        if packet.last:
            payload = packet.payload
            book_route(packet)
            handler = self._handlers.get(type(payload))
            assert handler is not None, f"{self.name} has no handler for {type(payload).__name__}"
            handler(payload, packet)

    def leg(self, packet: Packet, since: Fs | None = None) -> Leg:
        """Describe the way of a packet that arrived: wire, overhead, serialisation, waits by reason; they sum to its age.

        `since` leaves out the time before its last quantum existed, which somebody else accounts for.
        """
        start = packet.created if since is None else since
        waits = packet.waits
        parts = {name: waits[reason] for name, reason in _QUEUEING if waits[reason]}
        parts["wire"] = waits[_WIRE]
        parts["overhead"] = waits[_OVERHEAD]
        own = packet.tail - packet.head + waits[_OWN_STREAM] - (start - packet.created)
        # What the stream took beyond its bytes over the slowest link was others' traffic between its quanta.
        alone = min(own, transfer_time(packet.total, packet.slowest))
        parts["serialisation"] = alone
        if own > alone:
            parts["link_busy"] = parts.get("link_busy", 0) + own - alone
        assert sum(parts.values()) == packet.tail - start, f"parts {parts} of a packet to {self.name} do not sum"
        return Leg(self._network.name_of(packet.src), self.name, packet.size, start, packet.tail, parts)

    def sender(self, packet: Packet) -> str:
        """Name the endpoint that sent a packet."""
        return self._network.name_of(packet.src)

    def queued(self) -> int:
        """Transfers that have not left yet."""
        return sum(len(injector) for injector in self._injectors.values())


def book_route(packet: Packet) -> None:
    """Add the fixed latencies of the route to a packet that has reached its end (or the end of this SIP)."""
    slowest = packet.slowest
    wire = overhead = 0
    for channel in packet.route:
        link = channel.link
        wire += link.wire
        overhead += link.overhead
        if not slowest or link.bw < slowest:
            slowest = link.bw
    packet.waits[_WIRE] += wire
    packet.waits[_OVERHEAD] += overhead
    packet.slowest = slowest
