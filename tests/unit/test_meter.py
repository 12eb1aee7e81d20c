"""Utilisation in buckets of simulated time: exact sums, whatever the widths."""

import random

from kernbench.telemetry.meter import BUCKETS, Meter, merge, utilisation
from kernbench.telemetry.rows import Utilisation


class Wire:
    """A link that is busy when the test says so."""

    def __init__(self, name):
        self.name = name
        self.busy = self.busy_until = self.bytes_in = 0

    def start(self, now, time, size):
        assert self.busy_until <= now
        self.busy += time
        self.busy_until = now + time
        self.bytes_in += size


def test_a_packet_across_an_edge_is_divided_and_its_bytes_count_where_it_starts():
    wire, readings = Wire("a"), []
    meter = Meter(lambda: [wire], 100, readings.append)
    wire.start(70, 80, 5)
    meter.reach(150, 1)
    meter.close()
    assert utilisation(readings) == Utilisation(100, {"a": [30, 50]}, {"a": [5, 0]})


def test_buckets_double_so_that_there_are_never_more_than_the_most():
    wire, readings = Wire("a"), []
    meter = Meter(lambda: [wire], 100, readings.append)
    for now in range(0, 100 * BUCKETS * 5, 250):
        meter.reach(now, 10**6)
        wire.start(now, 125, 1)
    meter.close()
    found = utilisation(readings)
    assert (found.width, len(found.busy["a"]) <= BUCKETS, sum(found.busy["a"])) == (800, True, wire.busy)
    assert set(found.busy["a"][:-1]) <= {375, 400, 425}


def test_a_long_rest_costs_few_readings():
    wire, readings = Wire("a"), []
    meter = Meter(lambda: [wire], 100, readings.append)
    wire.start(0, 10, 1)
    meter.reach(10**15, 10**6)
    meter.close()
    assert (len(readings) <= BUCKETS + 1, sum(utilisation(readings).busy["a"])) == (True, 10)


def test_sums_are_the_totals_for_any_traffic_and_links_that_join_late():
    draw = random.Random(3)
    wires, used, readings = [Wire(str(n)) for n in range(5)], [], []
    meter = Meter(lambda: used, 64, readings.append)
    now = 0
    for _ in range(3000):
        now += draw.choice((1, 7, 40, 900))
        if now >= meter.edge:
            meter.reach(now, 10**6)
        wire = draw.choice(wires)
        if wire not in used:
            used.append(wire)
        if wire.busy_until <= now:
            wire.start(now, draw.randrange(1, 500), draw.randrange(1, 100))
    meter.close()
    found = utilisation(readings)
    assert {name: sum(column) for name, column in found.busy.items()} == {wire.name: wire.busy for wire in used}
    assert {name: sum(column) for name, column in found.moved.items()} == {wire.name: wire.bytes_in for wire in used}
    assert all(0 <= amount <= found.width for column in found.busy.values() for amount in column[:-1])


def test_sips_with_different_widths_merge_into_the_widest():
    one = Utilisation(100, {"a": [1, 2, 3]}, {"a": [4, 5, 6]})
    two = Utilisation(200, {"b": [7]}, {"b": [8]})
    assert merge([one, two]) == Utilisation(200, {"a": [3, 3], "b": [7, 0]}, {"a": [9, 6], "b": [8, 0]})


def test_buckets_widen_where_little_happens_in_each():
    wires, readings = [Wire(str(n)) for n in range(100)], []
    meter = Meter(lambda: wires, 100, readings.append)
    for now in range(0, 25_000, 100):
        wires[now // 100 % 100].start(now, 10, 1)
        meter.reach(now + 99, now // 100)
    meter.close()
    found = utilisation(readings)
    assert (found.width > 100, sum(sum(column) for column in found.busy.values())) == (True, 2500)
