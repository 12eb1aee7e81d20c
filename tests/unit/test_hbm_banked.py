"""The banked memory: what one burst, and what a few together, take in a DRAM with open rows."""

import random
from fractions import Fraction
from itertools import groupby, pairwise

import msgspec
import pytest

from kernbench.common.errors import TopologyError
from kernbench.common.messages.host import MemoryReadMsg, MemoryWriteMsg
from kernbench.common.messages.memory import Segment
from kernbench.common.units import gbs, ns
from kernbench.components.hbm_address_map import AddressMap
from kernbench.components.hbm_banked import BankedTiming
from kernbench.components.hbm_dram import DramConfig
from kernbench.policy.placement import Local
from kernbench.sim_engine.engine import Engine
from kernbench.topology.compile import compile_topology
from kernbench.topology.load import load

BANKED = ("sip.cube_mesh=2x1", "sip.cube.hbm_ctrl.mode=banked")
NEXT_BANK = 32 * 1024
"""Bytes of a row in each bank group and pseudo-channel: as far away is the next bank."""
NEXT_ROW = 8 * NEXT_BANK
"""As far away is the next row; the banks have turned by one."""
SAME_BANK_NEXT_ROW = NEXT_ROW + 7 * NEXT_BANK
CLOSED = ns("33.125")  # tRCD 19.375, tCL 12.5, a burst 1.25
OPEN = ns("13.75")


class Slice:
    """One slice of 8 pseudo-channels of 25.6 GB/s that is asked at given times; `ends` by name, in ns."""

    def __init__(self, **config):
        self.engine = Engine()
        self.timing = BankedTiming(DramConfig(**config), self.engine, 1, gbs("204.8"), 1024)
        self.ends = {}
        self.parts = {}
        self._keys = 0

    def read(self, name, time, offset, size=32):
        self._keys += 1
        key = self._keys
        segments = (Segment(0, offset, size, 0),)
        self.engine.call_at(
            time, lambda _: self.timing.read(key, segments, time, lambda _ready: None, self._served(name))
        )

    def write(self, name, time, offset, size=32):
        self._keys += 1
        key = self._keys

        def arrive(_):
            service = self.timing.write(key, (Segment(0, offset, size, 0),))
            service.take(size, time)
            service.close(time, self._served(name))

        self.engine.call_at(time, arrive)

    def _served(self, name):
        def served(end, parts):
            self.ends[name] = end
            self.parts[name] = parts

        return served

    def run(self):
        self.engine.advance(10**12)
        assert self.timing.audit(10**12) == []
        return self.ends


def test_a_burst_of_a_closed_row_waits_for_its_activation_and_one_of_an_open_row_does_not():
    memory = Slice()
    memory.read("closed", 0, 0)
    memory.read("open", ns(500), 0)
    assert memory.run() == {"closed": CLOSED, "open": ns(500) + OPEN}
    opening = {"serialisation": ns("1.25"), "overhead": CLOSED - ns("1.25"), "hbm_busy": 0}
    assert memory.parts["closed"] == opening


def test_another_row_of_the_bank_waits_for_the_precharge_too():
    memory = Slice()
    memory.read("one", 0, 0)
    memory.read("other", ns(500), SAME_BANK_NEXT_ROW)
    assert memory.run()["other"] == ns(500) + ns("16.25") + CLOSED
    assert memory.parts["other"]["hbm_busy"] == ns("16.25")


def test_a_row_stays_open_for_tras_and_its_bank_is_activated_once_in_trc():
    memory = Slice()
    memory.read("one", 0, 0)
    memory.read("other", 1, SAME_BANK_NEXT_ROW)
    assert memory.run()["other"] == ns(45) + CLOSED


def test_the_fifth_activation_waits_until_tfaw_is_over():
    memory = Slice()
    for group in range(4):
        memory.read(group, 0, 32 * group)
    memory.read(4, 0, NEXT_BANK)
    assert list(memory.run().values()) == [CLOSED + ns(text) for text in ("0", "2.5", "5", "7.5", "15")]


def test_columns_of_one_bank_group_are_tccd_l_apart_and_others_a_burst():
    memory = Slice()
    for offset in (0, 32, 1024, 1056):  # two groups, two columns of each
        memory.read(("warm", offset), 0, offset)
        memory.read(offset, ns(500), offset)
    ends = memory.run()
    assert [ends[offset] - ends[0] for offset in (32, 1024, 1056)] == [ns("1.25"), ns("2.5"), ns("3.75")]


@pytest.mark.parametrize(
    ("offset", "turnaround"),
    [(1024, "6.25"), (1056, "4.375")],
    ids=["the same bank group", "another bank group"],
)
def test_a_read_behind_a_write_waits_for_the_write_data_and_twtr(offset, turnaround):
    memory = Slice()
    memory.read("warm", 0, 0)
    memory.read("warm too", 0, offset)
    memory.write("write", ns(500), 0)
    memory.read("read", ns(500) + 1, offset)
    ends = memory.run()
    assert ends["write"] == ns(500) + ns("7.5")
    assert ends["read"] - ends["write"] == ns(turnaround) + OPEN


def test_a_write_behind_a_read_waits_for_trtw():
    memory = Slice()
    memory.read("warm", 0, 0)
    memory.read("read", ns(500), 0)
    memory.write("write", ns(500) + 1, 1024)
    assert memory.run()["write"] == ns(500) + ns("12.5") + ns("7.5")


def test_a_refresh_closes_all_rows_and_takes_trfc():
    memory = Slice()
    memory.read("before", 0, 0)
    memory.read("in it", ns(3900), 0)
    memory.read("long after", ns(7700), 0)
    ends = memory.run()
    assert ends["in it"] == ns(3900) + ns(350) + CLOSED
    assert ends["long after"] == ns(7700) + OPEN


def test_a_hit_overtakes_an_older_request_whose_bank_must_be_closed_first():
    memory = Slice()
    memory.read("warm", 0, 0)
    memory.read("other row", ns(500), SAME_BANK_NEXT_ROW)
    memory.read("hit", ns(500), 1024)
    ends = memory.run()
    assert ends["hit"] == ns(500) + OPEN
    assert ends["other row"] > ends["hit"]


def test_writes_wait_for_each_other_so_that_few_turnarounds_serve_many():
    """Written bursts among more reads than can be served land in batches of about 20: from 26 to 6 in the queue."""
    memory = Slice()
    for number in range(400):
        memory.read(("read", number), number * ns(1), 128 * 8 * (number % 32))
        if number % 2:
            memory.write(("write", number), number * ns(1), (1 + number % 6) * NEXT_BANK + 1024 * (number // 12))
    order = [name[0] for name, _ in sorted(memory.run().items(), key=lambda item: item[1])]
    batches = [len(list(batch)) for name, batch in groupby(order[:300]) if name == "write"]
    assert batches[2:4] == [20, 20]  # once there are enough reads to wait behind


def test_who_has_lost_patience_is_next():
    """A lone write among reads that never end would wait for a full queue of writes."""

    def landed(patience):
        memory = Slice(patience=patience)
        memory.write("write", ns(100), NEXT_BANK)
        for number in range(400):
            memory.read(number, number * ns(1), 128 * 8 * (number % 32))
        return memory.run()["write"] - ns(100)

    assert ns(200) < landed(ns(200)) < ns(350)  # some reads were before it on the way to the queues
    assert landed(ns(2000)) > ns(600)  # when there is nothing to read any more


@pytest.mark.parametrize(("first", "second"), [("read", "write"), ("write", "read"), ("write", "write")])
def test_overlapping_requests_end_in_order_of_arrival(first, second):
    memory = Slice()
    getattr(memory, first)("first", 0, 0, 1024)
    getattr(memory, second)("second", 1, 512, 32)
    ends = memory.run()
    assert ends["first"] < ends["second"]


def test_the_answer_of_a_long_read_streams_while_it_is_served():
    memory = Slice()
    found = []
    segments = (Segment(0, 0, 16384, 0),)

    def started(ready):
        found.append((memory.engine.now, len(ready), ready))

    memory.engine.call_at(0, lambda _: memory.timing.read(1, segments, 0, started, memory._served("long")))
    memory.engine.advance(1)
    at, quanta, ready = found[0]
    times = [ready[quantum] for quantum in range(quanta)]
    memory.run()
    assert (at, quanta, times[-1]) == (0, 16, memory.ends["long"])
    # 1 KiB is four bursts of each pseudo-channel, 5 ns; the first waits for four activations.
    assert [after - before for before, after in pairwise(times)][4:] == [ns(5)] * 11


def requests(seed, count=300):
    stream = random.Random(seed)
    for number in range(count):
        yield number, stream.randrange(ns(600)) // 8 * 8, stream.randrange(64) * 4096, stream.random() < 0.4


def served(order, **config):
    memory = Slice(**config)
    for number, time, offset, write in order:
        (memory.write if write else memory.read)(number, time, offset, 32 + offset % 7 * 32)
    return memory.run()


@pytest.mark.parametrize("seed", range(4))
def test_any_requests_are_all_served_after_they_arrive_and_the_bus_is_never_shared(seed):
    given = list(requests(seed))
    ends = served(given)
    assert len(ends) == len(given)
    assert all(ends[number] >= time + ns("7.5") for number, time, _, _ in given)


EFFECTS = {
    "pseudo_channels": 4, "bank_groups": 2, "banks": 4, "row_size": 512, "read_queue": 2, "write_queue": 4,
    "write_high": Fraction(3, 10), "write_low": Fraction(7, 10), "patience": ns(100),
}  # fmt: skip


def crowd():
    """Bursts in a few rows of two pseudo-channels, faster than they are served, before and after a refresh."""
    stream = random.Random(5)
    for number in range(360):
        place = stream.randrange(24) * NEXT_BANK + 1024 * stream.randrange(32) + 32 * stream.randrange(8)
        yield number, ns(3500) + number * ns(2), place, stream.random() < 0.4


@pytest.fixture(scope="module")
def usual():
    return served(crowd())


@pytest.mark.parametrize("field", [field.name for field in msgspec.structs.fields(DramConfig)])
def test_every_key_of_the_banked_mode_has_an_effect(field, usual):
    """Twice the time, or another number, and some request of a crowd ends at another time."""
    changed = EFFECTS.get(field) or 2 * getattr(DramConfig(), field)
    assert served(crowd(), **{field: changed}) != usual


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("trefi_ns=700", r"trefi_ns 700 ns must be at least 2 x \(trfc_ns \+ trc_ns\) = 790 ns"),
        ("row_bytes=1000", "expected a multiple of 32, got 1000"),
        ("write_high=1.5", "expected a share above 0 and at most 1, got 1.5"),
        ("write_high=0.1", "write_low is at most write_high, below which writes stop; got 0.2 and 0.1"),
        ("banks=65", "expected at most 64, got 65"),
        ("t_four_activates=15", "unknown key of hbm_ctrl"),
        ("mode=fast", "mode: expected simple or banked"),
    ],
)
def test_a_wrong_key_is_an_error_at_its_line(sim, setting, words):
    with pytest.raises(TopologyError, match=words):
        sim(sips=1, overrides=(*BANKED, f"sip.cube.hbm_ctrl.{setting}")).run(there_and_back)


def test_the_defaults_of_the_config_are_those_of_the_topology():
    node = next(node for node in compile_topology(load(None, []), 1).nodes(0) if node.kind == "hbm_ctrl")
    fields = msgspec.structs.fields(DramConfig)
    assert {field.encode_name: field.default for field in fields} == {
        field.encode_name: node.config[field.encode_name] for field in fields
    }


def test_each_burst_has_a_place_of_its_own_and_neighbours_change_bank_group_then_pseudo_channel():
    places = list(AddressMap(DramConfig()).bursts(0, 16 * NEXT_BANK))
    assert [place[:2] for place in places[:5]] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    counts = {place: places.count(place) for place in places[:: 31 * 32]}
    assert set(counts.values()) == {32}  # the columns of a row


# -- the whole machine ---------------------------------------------------------------------------------------------


def there_and_back(torch):
    """Two writes and a read of the same bytes, none waited for, then one after the other."""
    rank = torch._rank
    address = torch.empty(5000, dtype=torch.int8, placement=Local(0, 1)).data_ptr()
    handles = [
        rank.submit(message)
        for message in (
            MemoryWriteMsg(address, 5000, bytes(5000)),
            MemoryWriteMsg(address, 5000, bytes([7]) * 5000),
            MemoryReadMsg(address, 5000),
        )
    ]
    done = [rank.wait(handle) for handle in handles]
    sums = [sum(leg.parts.values()) == leg.end - leg.start for each in done for leg in each.trace.legs]
    whole = [sum(leg.end - leg.start for leg in each.trace.legs) == each.latency for each in done]
    return torch.Row({"read": done[2].data == bytes([7]) * 5000, "sums": all(sums), "whole": all(whole)}, 0, rank.now())


def test_a_read_behind_a_write_has_its_values_and_the_parts_of_both_sum(sim):
    row = sim(sips=1, overrides=BANKED).run(there_and_back).rows[0].columns
    assert row == {"read": True, "sums": True, "whole": True}


def test_the_number_of_workers_reaches_no_result_in_banked_mode(sim):
    digests = {
        sim(sips=2, workers=workers, overrides=BANKED).run("allreduce", sizes="4KiB").digest for workers in (1, 2)
    }
    assert len(digests) == 1


def test_a_slice_is_told_to_have_served_at_most_what_its_buses_did_and_at_the_end_exactly_that():
    memory = Slice(refresh_interval=ns(10**6))
    draw = random.Random(4)
    for name in range(60):
        memory.read(name, draw.randrange(0, ns(400)), 32 * draw.randrange(2**16))
    told = []
    for time in range(0, ns(2000), ns(7)):
        memory.engine.call_at(
            time, lambda now: told.append((now, *memory.timing.worked(now), memory.timing.rests(now))), time
        )
    ends = memory.run().values()
    burst, latency = memory.timing.burst, DramConfig().read_latency
    for now, worked, rests in told:
        # A burst is on its bus, by its column command, for `burst` before `latency` before its end.
        did = sum(max(0, min(burst, now - (end - latency - burst))) for end in ends)
        assert 0 <= worked <= did // 8
        if rests:
            assert worked == did // 8
    assert told[-1][1:] == (60 * burst // 8, True)
    assert {rests for _, _, rests in told} == {True, False}


def test_a_memory_does_not_rest_while_a_request_waits_for_an_earlier_one_or_a_write_is_under_way():
    memory = Slice()
    memory.write("first", 0, 0)
    memory.read("behind it", 0, 0)
    rests = {}
    for time in range(0, ns(60), ns(1)):
        memory.engine.call_at(time, lambda now: rests.__setitem__(now, memory.timing.rests(now)), time)
    last = max(memory.run().values())
    assert ns(20) < last < ns(50)
    assert rests == {time: time >= last for time in range(0, ns(60), ns(1))}
    service = memory.timing.write(99, (Segment(0, 0, 64, 0),))
    service.take(32, 10**12)
    service.take(32, 10**12)
    assert not memory.timing.rests(10**12)
