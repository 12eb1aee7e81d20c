"""A ring all-reduce on the fabric alone: chunks on links, no kernel and no device around them."""

from kernbench.common.units import BytesPerSecond, Fs
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain
from kernbench.sim_engine.injector import Injector, Transfer
from kernbench.sim_engine.link import Channel, Link
from kernbench.sim_engine.packet import MessageClass, Packet

QUANTUM = 64 * 1024
"""A message up to this size is one packet: with one hop its size reaches no result, only the number of events."""
END: Fs = 10**18


class RingNode:
    """A rank: when a chunk is in, it passes one on, 2 (n - 1) times in all."""

    def __init__(self, engine: Engine, number: int, channel: Channel, chunk: int, steps: int) -> None:
        self.ended: Fs = 0
        self._engine = engine
        self._number = number
        self._channel = channel
        self._chunk = chunk
        self._left = steps
        self._injector = Injector(engine, number, 0, QUANTUM)

    def send(self) -> None:
        """Send the next chunk to the neighbour, unless all have been."""
        if self._left:
            self._left -= 1
            transfer = Transfer(
                (self._channel,), 0, MessageClass.IPCQ, self._chunk, None, self._engine.now, self._left, None, None
            )
            self._injector.push(transfer, 0)

    def deliver(self, packet: Packet) -> None:
        """Pass on when the last packet of a chunk is in."""
        if packet.last:
            self.ended = packet.tail
            self.send()


def all_reduce(ranks: int, size: int, bw: BytesPerSecond, latency: Fs) -> Fs:
    """When the last rank has its last chunk; buffers hold what a round trip of credits needs."""
    engine = Engine()
    links = [Link(engine, f"l{rank}", rank, bw, latency, 0, latency) for rank in range(ranks)]
    channels = [Channel(link, 0, 4 * QUANTUM) for link in links]
    nodes = [RingNode(engine, rank, channels[rank], size // ranks, 2 * (ranks - 1)) for rank in range(ranks)]
    for rank, channel in enumerate(channels):
        Drain(engine, channel.link, nodes[(rank + 1) % ranks], channel.give_back).end(channel)
    for node in nodes:
        node.send()
    engine.advance(END)
    return max(node.ended for node in nodes)
