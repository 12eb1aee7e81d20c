"""The oracle configuration that is ASTRA-sim's analytical network: whole messages, no buffer limits, whole ns.

There a link sends one message at a time in order of request, a message moves on when its tail is in, and its
serialisation is cut to whole nanoseconds; 1 GB is 2^30 bytes. Legal for oracles only: a device has finite buffers.
"""

from itertools import pairwise

from kernbench.common.units import FS_PER_NS, FS_PER_S, BytesPerSecond, Fs
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, Fifo
from kernbench.sim_engine.link import Channel, Link
from kernbench.sim_engine.packet import MessageClass, Packet

NEVER_FULL = 1 << 62
END: Fs = 10**18


class FlooredLink(Link):
    """A link whose serialisation is cut to whole nanoseconds."""

    __slots__ = ()

    def _round_up(self, now: Fs, size: int, exact: Fs | None) -> Fs:
        if exact is None:
            exact = self._exact[size] = size * FS_PER_S // self.bw // FS_PER_NS * FS_PER_NS
        return now + exact


class StoreAndForward(Fifo):
    """A queue before one link, shared by all that comes: a message enters when its tail is in, and ends here or goes on."""

    __slots__ = ("_ended",)

    def __init__(self, engine: Engine, link: Link, ended: list[Packet]) -> None:
        super().__init__(engine, link, 0, _unlimited)
        self._ended = ended

    def arrive(self, packet: Packet) -> None:
        """Wait for the tail of what begins to arrive."""
        self._engine.call_at(packet.tail, self.enter, packet)

    def enter(self, packet: Packet) -> None:
        """Queue a message that is here whole."""
        packet.head = packet.tail
        if packet.hop == len(packet.route):
            self._ended.append(packet)
        else:
            super().arrive(packet)


class Ring:
    """A ring with a link each way between neighbours; messages enter at time 0 and go the shorter way, ties clockwise."""

    def __init__(self, nodes: int, bw: BytesPerSecond, latency: Fs, link_type: type[Link]) -> None:
        self.engine = Engine()
        self.nodes = nodes
        self._ended: list[Packet] = []
        self._sent = 0
        self._ways: list[list[Channel]] = []
        self._queues: list[list[StoreAndForward]] = []
        for way, step in enumerate((1, -1)):
            links = [link_type(self.engine, f"{way}.{n}", way * nodes + n, bw, latency, 0, 1) for n in range(nodes)]
            channels = [Channel(link, 0, NEVER_FULL) for link in links]
            queues = [StoreAndForward(self.engine, link, self._ended) for link in links]
            for node, channel in enumerate(channels):
                queues[(node + step) % nodes].end(channel)
            self._ways.append(channels)
            self._queues.append(queues)

    def send(self, source: int, destination: int, size: int) -> None:
        """Queue a message at its source, whole, at time 0."""
        clockwise = (destination - source) % self.nodes
        way, step, hops = (0, 1, clockwise) if 2 * clockwise <= self.nodes else (1, -1, self.nodes - clockwise)
        route = tuple(self._ways[way][(source + step * hop) % self.nodes] for hop in range(hops))
        self._sent += 1
        packet = Packet(
            route, size, MessageClass.REQUEST, source, destination, self._sent, size, 0, 0, last=True, payload=None
        )
        self._queues[way][source].enter(packet)

    def run(self) -> Fs:
        """When the last message has arrived."""
        self.engine.advance(END)
        assert len(self._ended) == self._sent, "a message is still under way"
        return max(packet.tail for packet in self._ended)


def relay(hops: int, size: int, bw: BytesPerSecond, latency: Fs) -> Fs:
    """One message over store-and-forward hops."""
    ring = Ring(2 * hops + 1, bw, latency, FlooredLink)
    ring.send(0, hops, size)
    return ring.run()


def all_to_all(nodes: int, size: int, bw: BytesPerSecond, latency: Fs, link_type: type[Link]) -> Fs:
    """Every node of a ring sends a message to every other at time 0."""
    ring = Ring(nodes, bw, latency, link_type)
    for source in range(nodes):
        for destination in range(nodes):
            if source != destination:
                ring.send(source, destination, size)
    return ring.run()


class Landing:
    """Keeps the packets that arrive."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []

    def deliver(self, packet: Packet) -> None:
        """Keep a packet."""
        self.packets.append(packet)


def cut_through(hops: int, size: int, bw: BytesPerSecond, latency: Fs) -> Fs:
    """One message over hops that forward from its head on: the ordinary FIFOs, one whole packet."""
    engine, landing = Engine(), Landing()
    links = [FlooredLink(engine, f"l{i}", i, bw, latency, 0, 1) for i in range(hops)]
    channels = [Channel(link, 0, NEVER_FULL) for link in links]
    for channel, _ in pairwise(channels):
        Fifo(engine, channel.link, 0, channel.give_back).end(channel)
    Drain(engine, links[-1], landing, _unlimited).end(channels[-1])
    packet = Packet((*channels,), size, MessageClass.REQUEST, 0, hops, 1, size, 0, 0, last=True, payload=None)
    source = StoreAndForward(engine, links[0], landing.packets)
    source.enter(packet)
    engine.advance(END)
    return landing.packets[0].tail


def _unlimited(_amount: int, _time: Fs) -> None:
    """Nobody counts the space of an unlimited buffer."""
