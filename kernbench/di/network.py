"""The network of one SIP as wired: links and their lanes made from the compiled graph when a route first uses them."""

from kernbench.common.messages.fabric import FabricMessage, FabricPacket
from kernbench.common.units import Fs
from kernbench.components.component import Forwarder
from kernbench.components.fabric_port import FabricSender, credit_sender
from kernbench.components.hbm_ctrl import HbmCtrl
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, Fifo, GatedDrain
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.link import Channel, Link
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port
from kernbench.topology import graph
from kernbench.topology.compile import Topology

PHASES = ("first", "transit", "last", "d0", "d1")
_LANES = 64
"""Lane numbers of one link: message class x 8 + phase; a transmitter shared by several links numbers them in blocks."""
_NODE_BITS = 24
NO_PEER: Fs = 2**62
"""The lookahead of a SIP that nobody can hear: later than any event."""


class SipNetwork:
    """Finds routes and carries packets inside a SIP; what leaves it goes to the outbox, numbered per destination.

    Lanes come into being with the first route over them. Their numbers, and so every round-robin, are those of the
    compiled graph: the order of coming into being reaches no result. `published` are the links that start in this SIP,
    in compiled order; `used` those of them with a lane, in the order of their first.
    """

    def __init__(self, engine: Engine, journal: Journal, topology: Topology, sip: int) -> None:
        self.sip = sip
        self.quantum = topology.quantum
        self.outbox: list[FabricMessage] = []
        self._engine = engine
        self._journal = journal
        self._topology = topology
        self._ports: dict[str, Port] = {}
        self._forwarders: dict[str, Forwarder] = {}
        self._gated: dict[str, HbmCtrl] = {}
        self._numbers = [topology.numbers(each) for each in range(topology.sips)]
        self._names = [topology.names(each) for each in range(topology.sips)]
        self._specs = {link.name: link for link in topology.links(sip)}
        self.links = {
            spec.name: Link(engine, f"sip{sip}.{spec.name}", rank, spec.bw, spec.wire, spec.overhead, spec.credit_delay)
            for rank, spec in enumerate(topology.links(sip))
        }
        self._order = {name: rank for rank, name in enumerate(self.links)}
        self.transmitters: dict[str, Link] = {}
        self.receivers: dict[int, Link] = {}
        for link in topology.fabric:
            if sip in (link.source, link.destination):
                self._add_fabric(link)
        self.published = [*self.links.values(), *self.transmitters.values()]
        self.used: list[Link] = []
        self._channels: dict[tuple[str | int, int], Channel] = {}
        self._fabric_fifos: dict[tuple[int, int], Fifo] = {}
        self._routes: dict[tuple[str, str, MessageClass], tuple[Channel, ...]] = {}
        self._sequences: dict[int, int] = {}

    def _add_fabric(self, link: graph.FabricLink) -> None:
        rank = len(self.links) + link.index
        if link.source == self.sip:
            if link.wire_name not in self.transmitters:
                self.transmitters[link.wire_name] = Link(
                    self._engine, link.wire_name, rank, link.bw, link.latency, 0, link.credit_delay
                )
        else:  # the receiving end: it transmits nothing but books what arrives
            self.receivers[link.index] = Link(
                self._engine, link.wire_name, rank, link.bw, link.latency, 0, link.credit_delay
            )

    @property
    def lookahead(self) -> Fs:
        """How much later than its cause anything of this SIP can arrive at another one."""
        delays = [link.latency for link in self._topology.fabric if link.source == self.sip]
        delays += [link.credit_delay for link in self._topology.fabric if link.destination == self.sip]
        return min(delays, default=NO_PEER)

    def add_port(self, node: str) -> Port:
        """Make the port of an endpoint."""
        port = Port(self._engine, f"sip{self.sip}.{node}", self.number(f"sip{self.sip}.{node}"), self, self._journal)
        self._ports[node] = port
        return port

    def add_forwarder(self, node: str, forwarder: Forwarder) -> None:
        """Register hardware that passes packets on."""
        self._forwarders[node] = forwarder

    def add_gate(self, node: str, controller: HbmCtrl) -> None:
        """Have an endpoint's requests wait until it admits them."""
        self._gated[node] = controller

    def audit(self) -> list[str]:
        """No transfer is queued and every link credit is home once those under way have arrived."""
        lines = [
            f"{port.name}: {port.queued()} transfer(s) did not leave" for port in self._ports.values() if port.queued()
        ]
        lines += [
            f"{channel.link.name}: {channel.outstanding()} bytes of lane {channel.lane}'s buffer did not come back"
            for channel in self._channels.values()
            if channel.outstanding()
        ]
        return lines

    # -- what ports ask --------------------------------------------------------------------------------------------

    def number(self, name: str) -> int:
        """Give an endpoint's number, unique over all SIPs."""
        sip, node = _split(name)
        return sip << _NODE_BITS | self._numbers[sip][node]

    def name_of(self, number: int) -> str:
        """Give the name of the endpoint with this number."""
        sip = number >> _NODE_BITS
        return f"sip{sip}.{self._names[sip][number & (1 << _NODE_BITS) - 1]}"

    def route(self, src: Port, dst: str, kind: MessageClass) -> tuple[Channel, ...]:
        """Find the channels of this SIP from `src` to `dst`, or as far as the link that leaves the SIP."""
        return self._route(src.name, dst, kind)

    def _route(self, src: str, dst: str, kind: MessageClass) -> tuple[Channel, ...]:
        key = (src, dst, kind)
        found = self._routes.get(key)
        if found is None:
            sip, node = _split(dst)
            hops = self._topology.route(self.sip, _split(src)[1], sip, node)
            found = self._routes[key] = tuple(self._channel(hop, kind) for hop in hops)
        return found

    # -- lanes -----------------------------------------------------------------------------------------------------

    def _channel(self, hop: graph.Hop, kind: MessageClass) -> Channel:
        lane = kind * 8 + PHASES.index(hop.phase)
        found = self._channels.get((hop.link, lane))
        if found is None:
            found = self._inside(hop.link, lane, kind) if isinstance(hop.link, str) else self._outside(hop.link, lane)
            self._channels[hop.link, lane] = found
            if found.link not in self.used:
                self.used.append(found.link)
        return found

    def _inside(self, name: str, lane: int, kind: MessageClass) -> Channel:
        spec, link = self._specs[name], self.links[name]
        channel = Channel(link, lane, spec.buffer)
        give_back = channel.give_back
        landing: Fifo | Drain | GatedDrain
        if spec.dst in self._forwarders:
            landing = self._forwarders[spec.dst].input(link, self._order[name] * _LANES + lane, give_back)
        elif kind is MessageClass.REQUEST and spec.dst in self._gated:
            controller = self._gated[spec.dst]
            landing = GatedDrain(self._engine, link, self._ports[spec.dst], controller, give_back)
            controller.gate(landing)
        else:
            landing = Drain(self._engine, link, self._ports[spec.dst], give_back)
        landing.end(channel)
        return channel

    def _outside(self, index: int, lane: int) -> Channel:
        spec = self._topology.fabric[index]
        link = self.transmitters[spec.wire_name]
        channel = Channel(link, spec.index * _LANES + lane, spec.buffer)
        channel.land = FabricSender(self, spec.destination, index, lane, self.name_of).expect
        return channel

    def _arrivals(self, index: int, lane: int) -> Fifo:
        found = self._fabric_fifos.get((index, lane))
        if found is None:
            spec = self._topology.fabric[index]
            give_back = credit_sender(self, spec.source, index, lane)
            order = (len(self._order) + index) * _LANES + lane
            found = self._forwarders[spec.dst].input(self.receivers[index], order, give_back)
            self._fabric_fifos[index, lane] = found
        return found

    @property
    def messages(self) -> int:
        """How many messages it has sent to other SIPs."""
        return sum(self._sequences.values())

    # -- other SIPs ------------------------------------------------------------------------------------------------

    def next_sequence(self, destination: int) -> int:
        """Give the next number towards a SIP: 0, 1, 2, ..."""
        sequence = self._sequences.get(destination, 0)
        self._sequences[destination] = sequence + 1
        return sequence

    def post(self, message: FabricMessage) -> None:
        """Take a message that leaves the SIP."""
        self._journal.cross(self._engine.now, message)
        self.outbox.append(message)

    def receive(self, message: FabricMessage) -> None:
        """Take a message of another SIP at its arrival."""
        self._journal.cross(self._engine.now, message)
        if not isinstance(message, FabricPacket):
            self._channels[message.link, message.lane].give_back(message.amount, message.arrival)
            return
        fifo = self._arrivals(message.link, message.lane)
        spec = self._topology.fabric[message.link]
        kind = MessageClass(message.kind)
        packet = Packet(
            self._route(f"sip{self.sip}.{spec.dst}", message.dst, kind),
            message.size,
            kind,
            self.number(message.src),
            self.number(message.dst),
            message.transfer,
            message.total,
            message.created,
            message.arrival,
            last=message.last,
            payload=message.payload,
        )
        packet.tail = message.tail
        packet.slowest = message.slowest
        packet.waits = list(message.waits)
        fifo.take(packet)


def _split(name: str) -> tuple[int, str]:
    sip, _, node = name.partition(".")
    return int(sip[3:]), node
