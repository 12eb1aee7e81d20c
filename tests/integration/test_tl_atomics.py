"""Atomics on a whole machine: values, order between programs, locks that really contend, and their time."""

import numpy as np
import pytest

from kernbench.common.errors import KernelError

TINY = ["sip.cube_mesh=1x1"]
HEAD = """
import numpy as np
import torch
import triton
import triton.language as tl
"""


@pytest.fixture
def run(sim, tmp_path):
    """Run a script on one small SIP."""

    def run(text, *, sips=1, **options):
        path = tmp_path / "script.py"
        path.write_text(HEAD + text)
        return sim(sips=sips, overrides=TINY, **options).run(path)

    return run


COUNTS = """
@triton.jit
def count(x_ptr, bins_ptr, old_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n, other=0)
    old = tl.atomic_add(bins_ptr + x, 1, mask=i < n, sem="relaxed")
    tl.store(old_ptr + i, old, mask=i < n)

data = (np.arange(1000) * 7919 % 37).astype(np.int32)
x, bins, old = torch.from_numpy(data), torch.zeros(37, dtype=torch.int32), torch.zeros(1000, dtype=torch.int32)
count[(8,)](x, bins, old, 1000, BLOCK=128)
assert (bins.numpy() == np.bincount(data, minlength=37)).all()
# Each lane saw another state of its bin: together 0, 1, 2, ... of each.
seen = old.numpy()
for value in range(37):
    assert sorted(seen[data == value]) == list(range((data == value).sum()))
"""


def test_lanes_and_programs_that_meet_in_one_element_each_see_another_state(run):
    run(COUNTS)


DESCRIPTORS = """
@triton.jit
def change(x_ptr, add_ptr, max_ptr, or_ptr, M, N, TM: tl.constexpr, TN: tl.constexpr):
    row, column = tl.program_id(0) * TM, tl.program_id(1) * TN
    source = tl.make_tensor_descriptor(x_ptr, [M, N], [N, 1], [TM, TN])
    x = source.load([row, column])
    tl.make_tensor_descriptor(add_ptr, [M, N], [N, 1], [TM, TN]).atomic_add([row, column], x)
    tl.make_tensor_descriptor(max_ptr, [M, N], [N, 1], [TM, TN]).atomic_max([row - 4, column], x)
    tl.make_tensor_descriptor(or_ptr, [M, N], [N, 1], [TM, TN]).atomic_or([0, column], x)

a = (np.arange(20 * 24) * 7919 % 101).astype(np.int32).reshape(20, 24)
added, most, bits = (torch.full((20, 24), 3, dtype=torch.int32) for _ in range(3))
for _ in range(2):
    change[(3, 2)](torch.from_numpy(a), added, most, bits, 20, 24, TM=8, TN=16)
assert (added.numpy() == 3 + 2 * a).all()
expected = np.full((20, 24), 3)
expected[:16] = np.maximum(3, a[4:])
expected[16:20] = np.maximum(3, 0)
assert (most.numpy() == expected).all()
expected = np.full((20, 24), 3)
expected[:8] |= a[:8] | a[8:16]
expected[:4] |= a[16:]
assert (bits.numpy() == expected).all()
"""


def test_a_descriptor_changes_tiles_atomically_within_its_tensor(run):
    run(DESCRIPTORS)


LOCK = """
@triton.jit
def add_all(lock_ptr, total_ptr, seen_ptr, BLOCK: tl.constexpr, ROUNDS: tl.constexpr):
    i = tl.arange(0, BLOCK)
    for _ in range(ROUNDS):
        while tl.atomic_cas(lock_ptr, 0, 1) == 1:
            tl.atomic_add(seen_ptr, 1, sem="relaxed")
        tl.store(total_ptr + i, tl.load(total_ptr + i) + i + 1)
        tl.debug_barrier()
        tl.atomic_xchg(lock_ptr, 0)

lock, total, spins = (torch.zeros(n, dtype=torch.int32) for n in (1, 64, 1))
add_all[(4,)](lock, total, spins, BLOCK=64, ROUNDS=5)
assert total.numpy().tolist() == [20 * (k + 1) for k in range(64)]
assert lock.item() == 0
assert spins.item() > 0
"""


def test_a_spin_lock_between_pes_contends_and_excludes(run):
    run(LOCK)


MESSAGE = """
@triton.jit
def tell(data_ptr, flag_ptr, out_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    if tl.program_id(0) == 0:
        tl.store(data_ptr + i, i * 3)
        tl.atomic_xchg(flag_ptr, 1, sem="release")
    else:
        while tl.atomic_add(flag_ptr, 0, sem="acquire") == 0:
            pass
        tl.store(out_ptr + i, tl.load(data_ptr + i))

data, flag, out = (torch.zeros(n, dtype=torch.int32) for n in (8192, 1, 8192))
tell[(2,)](data, flag, out, BLOCK=8192)
assert out.numpy().tolist() == [3 * k for k in range(8192)]
"""


def test_a_released_flag_does_not_overtake_its_data(run):
    run(MESSAGE)


@pytest.mark.parametrize("mode", ["simple", "banked"])
def test_a_memory_of_either_mode_serves_atomics(sim, tmp_path, mode):
    path = tmp_path / "script.py"
    path.write_text(HEAD + COUNTS)
    sim(sips=1, overrides=[*TINY, f"sip.cube.hbm_ctrl.mode={mode}"]).run(path)


FLOATS = """
@triton.jit
def total(x_ptr, out_ptr, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i)
    tl.atomic_add(out_ptr, tl.sum(x))
    tl.atomic_max(out_ptr + 1, tl.max(x, 0))
    tl.atomic_min(out_ptr + 2, tl.min(x, 0))

for dtype in (torch.float32, torch.float16, torch.bfloat16):
    x = torch.from_numpy((np.arange(256) % 8 - 3).astype(dtype.numpy))
    out = torch.zeros(3, dtype=dtype)
    total[(4,)](x, out, BLOCK=64)
    assert out.tolist() == [128, 4, -3], (dtype, out.tolist())
"""


def test_floats_of_each_width_are_added_and_compared(run):
    run(FLOATS)


SPIN = """
@triton.jit
def wait(flag_ptr):
    while tl.atomic_cas(flag_ptr, 1, 2) == 0:
        pass

wait[(1,)](torch.zeros(1, dtype=torch.int32))
"""


def test_a_spin_without_end_is_an_error_at_its_line(run, monkeypatch):
    monkeypatch.setattr("kernbench.triton_emu.program.SPIN_LIMIT", 50)
    with pytest.raises(KernelError, match=r"accessed the 4 bytes at .* 50 times on end") as caught:
        run(SPIN)
    assert caught.value.where.endswith(f"script.py:{HEAD.count(chr(10)) + 4}")


CHAINED = """
@triton.jit
def bump(x_ptr, N: tl.constexpr, SEM: tl.constexpr):
    for _ in range(N):
        tl.atomic_add(x_ptr, 1, sem=SEM)

x = torch.zeros(1, dtype=torch.int32)
bump[(1,)](x, N={n}, SEM="{sem}")
assert x.item() == {n}
"""


def test_each_further_atomic_of_a_program_on_one_element_costs_one_round_trip(run):
    ends = [run(CHAINED.format(n=n, sem="acq_rel")).rows[0].time for n in (1, 2, 3)]
    assert ends[2] - ends[1] == ends[1] - ends[0] > 0


def test_disjoint_relaxed_atomics_overlap_and_ordered_ones_do_not(run):
    text = """
@triton.jit
def bump(x_ptr, SEM: tl.constexpr):
    i = tl.arange(0, 16)
    for k in range(8):
        tl.atomic_add(x_ptr + 16 * k + i, 1, sem=SEM)

x = torch.zeros(128, dtype=torch.int32)
bump[(1,)](x, SEM="{}")
assert x.numpy().tolist() == [1] * 128
"""
    relaxed, ordered = (run(text.format(sem)).rows[0].time for sem in ("relaxed", "acq_rel"))
    assert 2 * relaxed < ordered


def contended(torch, *, count: int = 4):
    """Each rank runs the lock on its own SIP, then all-reduces what it counted."""
    from kernbench.triton_emu import language as tl
    from kernbench.triton_emu.jit import jit

    @jit
    def add(lock_ptr, total_ptr):
        while tl.atomic_cas(lock_ptr, 0, 1) == 1:
            pass
        tl.store(total_ptr, tl.load(total_ptr) + 1)
        tl.atomic_xchg(lock_ptr, 0)

    torch.distributed.init_process_group()
    lock, total = torch.zeros(1, dtype=torch.int32), torch.zeros(1, dtype=torch.int32)
    add[(count,)](lock, total)
    yield torch.distributed.row(torch.distributed.all_reduce(total, "sum"), total, "sum")


def verify(torch, row):
    return int(row.results[0].peek()[0] != 4 * torch.distributed.get_world_size())


def test_one_and_two_workers_agree_on_contended_locks(sim):
    results = [sim(sips=2, workers=workers, overrides=TINY).run(contended) for workers in (1, 2)]
    assert results[0].digest == results[1].digest
    assert np.sum([row.wrong for row in results[0].rows]) == 0


BITS = """
@triton.jit
def swap(x_ptr, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.atomic_cas(x_ptr + i, tl.where(i == 1, float("nan"), 0.0), tl.full((BLOCK,), 7.0, tl.float32))

x = torch.from_numpy(np.array([-0.0, np.nan, 0.0, 1.0], np.float32))
swap[(1,)](x, BLOCK=4)
found = x.numpy()
assert np.signbit(found[0]) and found.tolist() == [0.0, 7.0, 7.0, 1.0], found
"""


def test_a_compare_and_swap_of_floats_compares_bits(run):
    run(BITS)


MAILBOX = """
@triton.jit
def mailbox(data_ptr, flag_ptr, out_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    if tl.program_id(0) == 0:
        tl.store(data_ptr + at, at * at)
        tl.atomic_store(flag_ptr, 1)
    else:
        while tl.condition(tl.atomic_load(flag_ptr) == 0, disable_licm=True):
            pass
        tl.store(out_ptr + at, tl.load(data_ptr + at))

data, flag, out = torch.zeros(512, dtype=torch.int32), torch.zeros(1, dtype=torch.int32), torch.zeros(512, dtype=torch.int32)
mailbox[(2,)](data, flag, out, N=512)
assert flag.numpy().tolist() == [1]
assert (out.numpy() == np.arange(512) ** 2).all()
"""


def test_who_loads_a_flag_atomically_sees_what_was_stored_before_it(run):
    run(MAILBOX)


ONE_SIDED = """
@triton.jit
def kernel(x_ptr, y_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    tl.atomic_store(y_ptr + at, tl.atomic_load(x_ptr + at, mask=at < N - 1, sem="relaxed") * 2.0, mask=at > 0, ORDER)

x, y = torch.from_numpy(np.arange(64, dtype=np.float16)), torch.full((64,), -1.0, dtype=torch.float16)
kernel[(1,)](x, y, N=64)
assert y.numpy()[0] == -1
assert (y.numpy()[1:63] == 2 * np.arange(1, 63)).all()
"""


def test_atomic_loads_and_stores_take_masks_and_refuse_the_other_one_s_order(run):
    run(ONE_SIDED.replace("ORDER", 'sem="release", scope="sys"'))
    with pytest.raises(KernelError, match=r"tl\.atomic_store: sem is one of release, relaxed, got 'acquire'"):
        run(ONE_SIDED.replace("ORDER", 'sem="acquire"'))


INFINITY = """
@triton.jit
def kernel(x_ptr, y_ptr, z_ptr, N: tl.constexpr):
    at = tl.arange(0, N)
    x = tl.atomic_load(x_ptr + at)
    tl.atomic_store(y_ptr + at, x)
    tl.atomic_xchg(z_ptr + at, x)
    tl.atomic_cas(y_ptr + at, x, x)

bits = np.arange(256, dtype=np.uint8)
x, y, z = (torch.from_numpy(each).view(torch.float8_e5m2) for each in (bits.copy(), bits * 0, bits * 0))
kernel[(1,)](x, y, z, N=256)
for each in (x, y, z):
    assert (each.view(torch.uint8).numpy() == bits).all()
"""


def test_what_is_only_moved_keeps_its_bits_in_every_float8(run):
    run(INFINITY)
