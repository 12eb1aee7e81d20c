"""Links in a row with a sink behind the last, measured where a closed form is exact."""

from collections.abc import Sequence
from fractions import Fraction

from kernbench.common.units import BytesPerSecond, Fs, gbs, ns, transfer_time
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, Fifo
from kernbench.sim_engine.injector import Injector, Transfer
from kernbench.sim_engine.link import Channel, Link
from kernbench.sim_engine.packet import MessageClass, Packet

QUANTUM = 1024
END: Fs = 10**18


class Line:
    """A chain of links; `send` lets a source of its own inject at any of them. Arrivals are (source, time, bytes)."""

    def __init__(
        self, bandwidths: Sequence[BytesPerSecond], hop: Fs, credit: Fs, buffer: int, quantum: int = QUANTUM
    ) -> None:
        self.engine = Engine()
        self.arrivals: list[tuple[int, Fs, int]] = []
        self._quantum = quantum
        self._sources = 0
        links = [Link(self.engine, f"l{i}", i, bw, hop, 0, credit) for i, bw in enumerate(bandwidths)]
        self._channels = tuple(Channel(link, 0, buffer) for link in links)
        for order, channel in enumerate(self._channels[:-1]):
            # Above every injector's order, so that round-robin begins with the node's own.
            Fifo(self.engine, channel.link, 1000 + order, channel.give_back).end(channel)
        last = self._channels[-1]
        Drain(self.engine, last.link, self, last.give_back).end(last)

    def send(self, size: int, entry: int = 0) -> None:
        """Inject a transfer at time 0 before link `entry`."""
        source = self._sources
        self._sources += 1
        injector = Injector(self.engine, source, source, self._quantum)
        injector.push(Transfer(self._channels[entry:], 0, MessageClass.REQUEST, size, None, 0, source, None, None), 0)

    def deliver(self, packet: Packet) -> None:
        """Note an arrival."""
        self.arrivals.append((packet.src, packet.tail, packet.size))

    def run(self, until: Fs = END) -> None:
        """Run to the end, or strictly before a time."""
        self.engine.advance(until)


def lone_transfer(bandwidths: Sequence[BytesPerSecond], hop: Fs, size: int) -> Fs:
    """The time of one transfer alone on a line of links."""
    line = Line(bandwidths, hop, ns(3), 16 * QUANTUM)
    line.send(size)
    line.run()
    return line.arrivals[-1][1]


def shared_end(rank: int, inputs: int, bandwidth: BytesPerSecond, hop: Fs, size: int) -> Fs:
    """When the first (rank 0) or last (-1) of equal transfers through one link ends."""
    line = Line([bandwidth], hop, ns(3), 16 * QUANTUM)
    for _ in range(inputs):
        line.send(size)
    line.run()
    return sorted({source: time for source, time, _ in line.arrivals}.values())[rank]


def merging_shares(nodes: int, rounds: int) -> list[Fraction]:
    """The share of the last link that each node of a line gets when all send to its end for ever."""
    round_of = 1 << (nodes - 1)  # packets in which every node has its turn
    line = Line([gbs(64)] * nodes, ns(10), ns(3), 16 * QUANTUM)
    for entry in range(nodes):
        line.send(2 * rounds * round_of * QUANTUM, entry)
    line.run(transfer_time(2 * rounds * round_of * QUANTUM, gbs(64)))
    window = [source for source, _, _ in line.arrivals[rounds * round_of // 2 :][: rounds * round_of]]
    return [Fraction(window.count(node), len(window)) for node in range(nodes)]


def throttled_period(hop: Fs, credit: Fs, buffer: int, bandwidth: BytesPerSecond, packets: int) -> Fraction:
    """The time from packet to packet (fs) where a buffer holds a single packet and the next link never waits."""
    line = Line([bandwidth, bandwidth], hop, credit, buffer, quantum=buffer)
    line.send(packets * buffer)
    line.run()
    return Fraction(line.arrivals[-1][1] - line.arrivals[0][1], packets - 1)
