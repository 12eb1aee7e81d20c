"""When operations start and why not: order, readiness, queues, TCM, and where each unit's time went."""

import random
from heapq import heappush

import numpy as np
import pytest

from kernbench.common.units import ns
from kernbench.components.pe_scheduler import PARTS
from kernbench.sim_engine.engine import NORMAL, Engine
from kernbench.triton_emu import language as tl

KIB = 1024


def test_a_lone_load_and_store_take_their_issue_transfer_and_latency(rig):
    def copy(x, out):
        i = tl.arange(0, 256)
        tl.store(out + i, tl.load(x + i))

    device = rig(bw=64 * 10**9, channels=1)
    took = device.launch(copy, 1, device.tensor(np.zeros(256, np.float32)), device.tensor(np.zeros(256, np.float32)))
    assert took == ns(16) + ns(100) + ns(16) + ns(100)


def test_operations_are_issued_one_issue_time_apart(rig):
    def fill():
        for _ in range(5):
            tl.zeros((64,), tl.float32)

    assert rig().launch(fill, 1) == ns(5)


def test_a_later_ready_operation_runs_past_an_earlier_one_that_waits(rig):
    """The first sum waits 132 ns for its load; four independent ones run meanwhile."""

    def kernel(x):
        loaded = tl.load(x + tl.arange(0, 256))
        tl.sum(loaded)
        for _ in range(4):
            tl.zeros((64 * 20,), tl.float32)

    device = rig()
    assert device.launch(kernel, 1, device.tensor(np.zeros(256, np.float32))) == ns(132) + ns(4 + 6)


def test_sends_on_one_queue_keep_program_order_even_when_the_second_is_ready_first(rig):
    def kernel(x, out):
        i = tl.arange(0, 256)
        first = tl.load(x + i) + 1
        tl.send(first, to="q")
        tl.send(tl.full((256,), 9, tl.float32), to="q")
        tl.store(out + i, tl.recv((256,), tl.float32, from_="q") * 10 + tl.recv((256,), tl.float32, from_="q"))

    device = rig()
    out = device.tensor(np.zeros(256, np.float32))
    device.launch(kernel, 1, device.tensor(np.zeros(256, np.float32)), out)
    assert set(out.numpy()) == {19.0}


def test_a_send_without_a_credit_does_not_hold_up_another_queue(rig):
    def kernel(out):
        i = tl.arange(0, 4)
        for number in range(3):
            tl.send(tl.full((4,), number, tl.float32), to="slow")
        tl.send(tl.full((4,), 7, tl.float32), to="quick")
        tl.store(out + i, tl.recv((4,), tl.float32, from_="quick"))
        for number in range(3):
            tl.store(out + 4 * (number + 1) + i, tl.recv((4,), tl.float32, from_="slow"))

    device = rig(slots=2)
    out = device.tensor(np.zeros(16, np.float32))
    device.launch(kernel, 1, out)
    assert out.numpy()[::4].tolist() == [7, 0, 1, 2]


def test_a_flush_goes_on_when_the_last_byte_has_left_not_when_the_store_is_done(rig):
    """1 KiB at 64 GB/s leaves in 16 ns and is stored 100 ns later; the load after a flush takes as long once more."""

    def kernel(x, out):
        i = tl.arange(0, 256)
        tl.store(out + i, tl.zeros((256,), tl.float32))
        tl.flush()
        tl.load(x + i)

    device = rig(bw=64 * 10**9, channels=1)
    took = device.launch(kernel, 1, *(device.tensor(np.zeros(256, np.float32)) for _ in range(2)))
    assert took == ns(4) + ns(16) + ns(16) + ns(100)


def test_a_flush_of_a_message_that_finds_no_slot_says_what_it_waits_for(rig):
    def kernel():
        for _ in range(2):
            tl.send(tl.zeros((4,), tl.float32), to="q")
        tl.flush()

    device = rig(slots=1)
    with pytest.raises(AssertionError):
        device.launch(kernel, 1)
    line = kernel.__code__.co_firstlineno
    assert f"at {__file__}:{line + 3} waits for its stores and messages to leave" in device.waiters[0]


def test_a_received_block_keeps_its_slot_until_its_last_reader_and_takes_no_tcm(rig):
    def kernel(out):
        i = tl.arange(0, 4)
        for number in range(6):
            tl.send(tl.full((4,), number, tl.float32), to="q")
            block = tl.recv((4,), tl.float32, from_="q")
            tl.store(out + 4 * number + i, block)

    device = rig(slots=1, tcm=32)
    out = device.tensor(np.zeros(24, np.float32))
    device.launch(kernel, 1, out)
    assert (out.numpy()[::4].tolist(), device.pes[0].tcm.peak <= 32) == ([0, 1, 2, 3, 4, 5], True)


def test_a_program_that_waits_for_what_nobody_sends_says_what_and_where(rig):
    def kernel():
        block = tl.recv((4,), tl.float32, from_="left")
        if tl.sum(block) > 0:
            pass

    device = rig()
    with pytest.raises(AssertionError):
        device.launch(kernel, 1)
    line = kernel.__code__.co_firstlineno
    who = "sip0.cube00.pe0.cpu program 0 of kernel"
    assert device.waiters == [
        f"{who} at {__file__}:{line + 2} waits for the value of math at {__file__}:{line + 2}",
        f"{who}: 2 math wait for earlier operations",
        f"{who}: recv on queue left at {__file__}:{line + 1} has begun and does not end",
    ]


def test_a_queue_of_depth_two_stalls_the_program_and_loses_nothing(rig):
    def kernel(x, out):
        i = tl.arange(0, 64)
        for part in range(16):
            tl.store(out + part * 64 + i, tl.load(x + part * 64 + i) + 1)

    data = np.arange(1024, dtype=np.float32)
    times = {}
    for depth in (1, 2, 64):
        device = rig(depth=depth)
        out = device.tensor(np.zeros(1024, np.float32))
        times[depth] = device.launch(kernel, 1, device.tensor(data), out)
        assert np.array_equal(out.numpy(), data + 1)
    assert times[1] > times[2] > times[64]


def mixed(seed):
    """A kernel of 60 random steps over every unit."""
    choose = random.Random(seed)
    plan = [choose.choice(("load", "sum", "dot", "store", "pass")) for _ in range(60)]

    def kernel(x, out):
        i = tl.arange(0, 32)
        tile = x + i[:, None] * 32 + i[None, :]
        block = tl.load(tile)
        for step in plan:
            if step == "load":
                block = tl.load(tile)
            elif step == "sum":
                block = block + tl.sum(block, 0)
            elif step == "dot":
                block = tl.dot(block, block)
            elif step == "store":
                tl.store(out + i[:, None] * 32 + i[None, :], block)
            else:
                tl.send(block, to="q")
                block = tl.recv((32, 32), tl.float32, from_="q")

    return kernel


class Shuffled(Engine):
    """An engine that runs ordinary events of one instant in any order."""

    def __init__(self, seed):
        super().__init__()
        self._random = random.Random(seed)

    def call_later(self, delay, function, argument=None):
        self.call_at(self.now + delay, function, argument)

    def call_at(self, time, function, argument=None, priority=NORMAL):
        heappush(self._calls, (time, priority, self._random.getrandbits(60), function, argument))


def test_the_order_of_events_within_an_instant_changes_nothing(rig):
    def outcome(engine):
        device = rig(tcm=14 * KIB, depth=3, engine=engine, pes=2)
        out = device.tensor(np.zeros((32, 32), np.float32))
        took = device.launch(mixed(0), 4, device.tensor(np.ones((32, 32), np.float32)), out)
        return took, [pe.scheduler.partition() for pe in device.pes], out.numpy().tobytes()

    assert {repr(outcome(engine)) for engine in (Engine(), *map(Shuffled, range(4)))} == {repr(outcome(Engine()))}


@pytest.mark.parametrize("seed", range(3))
def test_the_parts_of_each_units_time_sum_exactly_to_the_kernels(rig, seed):
    device = rig(tcm=12 * KIB, depth=3)
    device.launch(
        mixed(seed), 2, device.tensor(np.ones((32, 32), np.float32)), device.tensor(np.zeros((32, 32), np.float32))
    )
    scheduler = device.pes[0].scheduler
    partition = scheduler.partition()
    assert {name: sum(parts.values()) for name, parts in partition.items()} == dict.fromkeys(
        partition, scheduler.elapsed
    )
    loads = device.pes[0].loads
    assert [partition[unit.name]["busy"] for unit in loads] == [unit.busy for unit in loads]
    assert all(tuple(parts) == PARTS for parts in partition.values())


def test_a_block_in_a_reference_cycle_is_held_to_the_programs_end(rig):
    def kernel():
        for _ in range(3):
            cycle = [tl.zeros((KIB,), tl.float32)]
            cycle.append(cycle)

    device = rig(tcm=16 * KIB)
    device.launch(kernel, 2)
    assert (device.pes[0].tcm.peak, device.pes[0].tcm.used) == (12 * KIB, 0)


def test_adding_a_product_to_acc_is_one_operation_with_an_accumulator(rig):
    def kernel(x, out):
        i = tl.arange(0, 32)
        tile = i[:, None] * 32 + i[None, :]
        acc = tl.zeros((32, 32), tl.float32)
        for _ in range(3):
            block = tl.load(x + tile)
            acc += tl.dot(block, block)
        tl.store(out + tile, acc)

    device = rig()
    x = np.random.default_rng(0).integers(-9, 9, (32, 32)).astype(np.float32)
    out = device.tensor(np.zeros((32, 32), np.float32))
    device.launch(kernel, 1, device.tensor(x), out)
    assert np.array_equal(out.numpy(), 3 * (x @ x))
    assert device.pes[0].scheduler.operations == 1 + 3 * 2 + 1


def test_a_product_that_the_program_keeps_is_not_absorbed_by_an_addition(rig):
    def kernel(x, out):
        i = tl.arange(0, 32)
        tile = i[:, None] * 32 + i[None, :]
        block = tl.load(x + tile)
        product = tl.dot(block, block)
        total = block + product
        tl.store(out + tile, total * product)

    device = rig()
    x = np.random.default_rng(0).integers(-9, 9, (32, 32)).astype(np.float32)
    out = device.tensor(np.zeros((32, 32), np.float32))
    device.launch(kernel, 1, device.tensor(x), out)
    assert np.array_equal(out.numpy(), (x + x @ x) * (x @ x))


def test_a_pe_without_programs_is_done_1_fs_later(rig):
    device = rig(pes=3)
    assert device.launch(lambda: tl.zeros((1,), tl.float32), 1) == ns(1)
    assert [pe.cpu.programs for pe in device.pes] == [1, 0, 0]
