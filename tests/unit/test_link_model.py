"""The link model on small hand-made networks: exact times, sharing, back-pressure."""

from itertools import pairwise

from kernbench.common.units import gbs, ns, transfer_time
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Drain, Fifo
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.link import Channel, Link
from kernbench.sim_engine.packet import MessageClass
from kernbench.sim_engine.port import Port

MIB = 2**20


class Line:
    """Links in a row with a sink behind the last; sources may enter at any of them."""

    def __init__(self, bandwidths, *, hop=ns(10), credit=ns(3), buffer=16384, quantum=1024):
        self.engine, self.quantum, self.arrivals, self.legs = Engine(), quantum, [], []
        self.journal = Journal()
        self.sink = self.port("sink", 999)
        self.sink.on(str, self.arrived)
        self.links = [Link(self.engine, f"l{i}", i, bw, hop, 0, credit) for i, bw in enumerate(bandwidths)]
        self.channels = []
        for i, link in enumerate(self.links):
            channel = Channel(link, 0, buffer)
            last = i == len(bandwidths) - 1
            end = Drain(self.engine, link, self.sink, channel.give_back) if last else None
            (end or Fifo(self.engine, link, i, channel.give_back)).end(channel)
            self.channels.append(channel)

    def port(self, name, number):
        return Port(self.engine, name, number, self, self.journal)

    def source(self, name, number, entry=0):
        port = self.port(name, number)
        port.entry = entry
        return port

    def route(self, src, dst, kind):
        return tuple(self.channels[src.entry :])

    def number(self, name):
        return 999

    def name_of(self, number):
        return str(number)

    def arrived(self, payload, packet):
        self.arrivals.append((payload, self.engine.now))
        self.legs.append(self.sink.leg(packet))

    def run(self):
        self.engine.advance(10**18)


def send(port, size, payload="x", lane=0):
    port.send("sink", MessageClass.REQUEST, size, payload, lane=lane)


def test_a_lone_stream_takes_its_hops_plus_one_serialisation():
    line = Line([gbs(256)] * 10)
    send(line.source("a", 1), MIB)
    line.run()
    assert line.arrivals == [("x", 10 * ns(10) + transfer_time(MIB, gbs(256)))]


def test_a_bandwidth_that_does_not_divide_leaves_no_rounding_behind():
    line = Line([gbs(3), gbs(7)])
    send(line.source("a", 1), MIB)
    line.run()
    assert line.arrivals == [("x", 2 * ns(10) + transfer_time(MIB, gbs(3)))]


def test_the_slowest_link_sets_the_time_of_a_stream_wherever_it_stands():
    """First packets wait for nobody; behind the bottleneck the tail follows one hop later."""
    times = []
    for bandwidths in ([50, 256, 256], [256, 50, 256], [256, 256, 50]):
        line = Line([gbs(bw) for bw in bandwidths])
        send(line.source("a", 1), MIB)
        line.run()
        times.append(line.arrivals[0][1])
    assert times == [3 * ns(10) + transfer_time(MIB, gbs(50))] * 3


def test_parts_of_a_latency_sum_to_it_and_a_stream_behind_a_slow_link_is_serialisation():
    line = Line([gbs(256), gbs(50)], buffer=MIB)
    send(line.source("a", 1), 65536)
    line.run()
    (leg,) = line.legs
    assert leg.parts == {"wire": ns(20), "overhead": 0, "serialisation": transfer_time(65536, gbs(50))}


def test_two_persistent_inputs_share_a_link_equally():
    line = Line([gbs(64)])
    send(line.source("a", 1), MIB, "a")
    send(line.source("b", 2), MIB, "b")
    line.run()
    end = transfer_time(2 * MIB, gbs(64)) + ns(10)
    assert sorted(time for _, time in line.arrivals) == [end - transfer_time(1024, gbs(64)), end]


def test_a_merging_line_serves_its_ports_round_robin():
    """Four nodes send to the end: shares of the last link are 1/8, 1/8, 1/4, 1/2, as routers with round-robin give."""
    line = Line([gbs(64)] * 4)
    for entry in range(4):
        port = line.source(str(entry), entry, entry)
        for _ in range(64):
            send(port, 1024, str(entry))
    line.engine.advance(transfer_time(64 * 1024, gbs(64)))
    counts = [sum(1 for name, _ in line.arrivals[8:] if name == str(entry)) for entry in range(4)]
    total = sum(counts)
    assert [round(8 * count / total) for count in counts] == [1, 1, 2, 4]


def test_small_buffers_throttle_to_one_buffer_per_round_trip():
    """A packet's space is back a hop and a credit delay after it started, if it leaves at once."""
    hop, credit = ns(100), ns(50)
    line = Line([gbs(64), gbs(64)], hop=hop, credit=credit, buffer=1024)
    port = line.source("a", 1)
    for _ in range(20):
        send(port, 1024)
    line.run()
    times = [time for _, time in line.arrivals]
    assert {after - before for before, after in pairwise(times)} == {hop + credit}


def test_a_wake_up_due_at_this_very_instant_is_not_lost():
    """Credits that come back at the instant the link frees let the stream go on without a gap."""
    serialisation = transfer_time(1024, gbs(64))
    line = Line([gbs(64), gbs(64)], hop=ns(10), credit=2 * serialisation - ns(10), buffer=2048)
    send(line.source("a", 1), 64 * 1024)
    line.run()
    assert line.arrivals == [("x", 2 * ns(10) + transfer_time(64 * 1024, gbs(64)))]


def test_bytes_in_equal_bytes_out_and_credits_come_home():
    line = Line([gbs(64)] * 3)
    send(line.source("a", 1), 100_000)
    line.run()
    assert [(link.bytes_in, link.bytes_out) for link in line.links] == [(100_000, 100_000)] * 3
    assert [channel.outstanding() for channel in line.channels] == [0, 0, 0]
