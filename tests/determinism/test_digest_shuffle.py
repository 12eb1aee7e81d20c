"""Events of one instant and priority may happen in any order: none of them is seen in a result."""

import random
from heapq import heappush

import numpy as np
import pytest

import kernbench.triton_emu.language as tl
from kernbench.sim_engine import engine
from kernbench.triton_emu.jit import jit

SMALL = ("sip.cube_mesh=2x1",)


@jit
def crowd(out_ptr, x_ptr, count, SIZE: tl.constexpr):
    """Every program reads all of x, which everybody else reads too, and writes its own part of out."""
    total = tl.zeros((SIZE,), tl.float32)
    for start in range(0, count, SIZE):
        total = total + tl.load(x_ptr + start + tl.arange(0, SIZE))
    tl.store(out_ptr + tl.program_id(0) * SIZE + tl.arange(0, SIZE), total)


def bench(torch, *, count: int = 4096, SIZE: int = 512, programs: int = 16):
    """All PEs at once on the same slices, then all ranks at once on the same links."""
    dist = torch.distributed
    dist.init_process_group(channels=4)
    x = torch.from_numpy(np.arange(count).astype(np.float32) % 7)
    out = torch.empty(programs * SIZE)
    crowd[(programs,)](out, x, count, SIZE)
    work = dist.all_reduce(out)
    return torch.Row({}, work.start, work.end, results=(x, out))


class Shuffle:
    """Orders events of one time and priority at random instead of by insertion; counts those it moved."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self.moved = 0

    def __call__(self, heap, item):
        time, priority, sequence, *rest = item
        place = self._random.random()
        self.moved += any(other[:2] == (time, priority) and other[2] > (place, sequence) for other in heap[:8])
        heappush(heap, (time, priority, (place, sequence), *rest))


def test_the_shuffle_of_this_test_does_change_the_order_of_events(monkeypatch):
    orders = set()
    for seed in range(8):
        monkeypatch.setattr(engine, "heappush", Shuffle(seed))
        loop, seen = engine.Engine(), []
        for number in range(3):
            loop.call_at(5, seen.append, number)
        loop.advance(6)
        orders.add(tuple(seen))
    assert len(orders) > 2


@pytest.mark.parametrize("sips", [1, 2])
@pytest.mark.parametrize("mode", ["simple", "banked"])
@pytest.mark.parametrize("outstanding", [64, 2])
def test_the_order_of_insertion_reaches_no_result(sim, monkeypatch, sips, outstanding, mode):
    """With two answer buffers at each memory controller, requests queue there too."""
    memory = (f"sip.cube.hbm_ctrl.outstanding={outstanding}", f"sip.cube.hbm_ctrl.mode={mode}")
    made = sim(sips=sips, overrides=(*SMALL, *memory))
    straight = made.run(bench)
    shuffles = [Shuffle(seed) for seed in range(2)]
    digests = set()
    for shuffle in shuffles:
        monkeypatch.setattr(engine, "heappush", shuffle)
        result = made.run(bench)
        digests.add((result.digest_time, result.digest_values, result.sim_time))
    moved = all(shuffle.moved > 100 for shuffle in shuffles)
    assert (digests, moved) == ({(straight.digest_time, straight.digest_values, straight.sim_time)}, True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["ring", "full", "switch", "mesh2d"])
def test_the_order_of_insertion_reaches_no_result_on_any_fabric(sim, monkeypatch, kind):
    made = sim(sips=4, overrides=(*SMALL, f"fabric.kind={kind}"))
    straight = made.run(bench).digest
    digests = set()
    for seed in range(4):
        monkeypatch.setattr(engine, "heappush", Shuffle(seed))
        digests.add(made.run(bench).digest)
    assert digests == {straight}
