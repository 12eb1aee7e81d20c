"""What a packet-hop costs, with breakdown and counters on, in events of a bare SimPy callback loop of the same run."""

import statistics
import time

import simpy

from kernbench.common.units import gbs, ns
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, Fifo
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.link import Channel, Link
from kernbench.sim_engine.packet import MessageClass
from kernbench.sim_engine.port import Port

LINKS, PACKETS, EVENTS, ROUNDS = 10, 8192, 200_000, 5


class Chain:
    """A source, links in a row, a sink."""

    quantum = 1024

    def __init__(self) -> None:
        self.engine, journal = Engine(), Journal()
        self.source = Port(self.engine, "source", 0, self, journal)
        sink = Port(self.engine, "sink", 1, self, journal)
        sink.on(str, lambda _payload, _packet: None)
        self.links = [Link(self.engine, f"link{n}", n, gbs(256), ns(10), 0, ns(3)) for n in range(LINKS)]
        self._route = []
        for number, link in enumerate(self.links):
            channel = Channel(link, 0, 16384)
            last = number == LINKS - 1
            end = Drain(self.engine, link, sink, channel.give_back) if last else None
            (end or Fifo(self.engine, link, number, channel.give_back)).end(channel)
            self._route.append(channel)

    def route(self, src: Port, dst: str, kind: MessageClass) -> tuple[Channel, ...]:
        """The one way."""
        del src, dst, kind
        return tuple(self._route)

    def number(self, name: str) -> int:
        """Of the sink."""
        return int(name == "sink")

    def name_of(self, number: int) -> str:
        """Of either end."""
        return ("source", "sink")[number]


def hop_seconds() -> float:
    """Wall time per packet-hop of a stream over the chain."""
    chain = Chain()
    chain.source.send("sink", MessageClass.REQUEST, PACKETS * chain.quantum, "end")
    begin = time.perf_counter()
    chain.engine.advance(10**18)
    return (time.perf_counter() - begin) / sum(link.packets for link in chain.links)


def event_seconds() -> float:
    """Wall time per event of SimPy's own loop with a callback that schedules the next event."""
    environment, left = simpy.Environment(), [EVENTS]

    def again(_event: simpy.Event) -> None:
        left[0] -= 1
        if left[0] > 0:
            simpy.Timeout(environment, 10).callbacks.append(again)

    for start in range(10):
        simpy.Timeout(environment, start).callbacks.append(again)
    begin = time.perf_counter()
    environment.run()
    return (time.perf_counter() - begin) / EVENTS


def main() -> None:
    """Alternate the two and print medians and their ratio."""
    pairs = [(hop_seconds(), event_seconds()) for _ in range(ROUNDS)]
    hop, event = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratio = statistics.median(one / other for one, other in pairs)
    print(f"packet-hops/s: {1 / hop:,.0f}; bare SimPy callback events/s: {1 / event:,.0f}")
    print(f"a hop costs {ratio:.2f} bare events (median of {ROUNDS} pairs; at most 6)")
