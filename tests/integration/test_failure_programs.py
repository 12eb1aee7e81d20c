"""What a user's program can do wrong: the run ends with one error that names what, where, when and who waits on what.

The same error comes out of one process and of two.
"""

import re
from pathlib import Path

import pytest

import kernbench.triton_emu.language as tl
from kernbench.common.errors import DeadlockError, KernelError, RankError, SimulationError
from kernbench.triton_emu.jit import jit

SMALL = ("sip.cube_mesh=1x1",)
HERE = Path(__file__)
both = pytest.mark.parametrize("workers", [1, 2])
slow_in_two = pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])


@jit
def divides(x_ptr):
    if tl.program_id(0) == 2:
        _ = 1 / 0  # the kernel's own line


@jit
def strays(x_ptr, SIZE: tl.constexpr):
    block = tl.load(x_ptr + 90 + tl.arange(0, SIZE))  # out of bounds
    tl.store(x_ptr + tl.arange(0, SIZE), block)


@jit
def hoards(x_ptr, SIZE: tl.constexpr):
    blocks = [tl.load(x_ptr + tl.arange(0, SIZE)) for _ in range(64)]  # too much for the TCM
    for block in blocks:
        tl.store(x_ptr + tl.arange(0, SIZE), block)


@jit
def listens():
    tl.recv((1,), tl.int32, from_="world.0.1>0")  # nobody sends


def kernel_divides(torch):
    divides[(4,)](torch.empty(16))


def kernel_strays(torch):
    strays[(1,)](torch.empty(100), 64)


def kernel_hoards(torch):
    hoards[(1,)](torch.empty(16384), 16384)


def rank_one_raises(torch):
    if torch.distributed.get_rank() == 1:
        raise ValueError("rank one had enough")  # the rank's own line


def rank_zero_listens(torch):
    torch.distributed.init_process_group()
    if torch.distributed.get_rank() == 0:
        listens[(1,)]()


def rank_one_leaves(torch):
    torch.distributed.init_process_group()
    if torch.distributed.get_rank() == 0:
        torch.distributed.all_reduce(torch.empty(1000))


def counts_differ(torch):
    torch.distributed.init_process_group()
    torch.distributed.all_reduce(torch.empty(1000 + torch.distributed.get_rank()))


def operations_differ(torch):
    torch.distributed.init_process_group()
    torch.distributed.all_reduce(torch.empty(1000), "sum" if torch.distributed.get_rank() else "max")


def collectives_differ(torch):
    torch.distributed.init_process_group()
    if torch.distributed.get_rank():
        torch.distributed.barrier()
    else:
        torch.distributed.all_reduce(torch.empty(1000))


def line(comment):
    """Where a line of this file with a comment stands."""
    numbers = [n for n, text in enumerate(HERE.read_text().splitlines(), 1) if text.endswith(f"# {comment}")]
    return f"{HERE.name}:{numbers[0]}"


def fail(sim, workers, bench, kind, sips=2):
    with pytest.raises(kind) as caught:
        sim(sips=sips, workers=workers, overrides=SMALL).run(bench)
    error = caught.value
    assert error.sim_time_fs is not None
    assert "Traceback" not in str(error)
    assert len(str(error)) < 1500
    return error


@both
def test_an_exception_in_a_kernel_names_its_program_and_line(sim, workers):
    error = fail(sim, workers, kernel_divides, KernelError)
    said = error.message.startswith("program 2 of divides: ZeroDivisionError")
    assert (said, error.where.endswith(line("the kernel's own line"))) == (True, True)


@slow_in_two
def test_an_access_out_of_bounds_names_its_line_and_tensor(sim, workers):
    error = fail(sim, workers, kernel_strays, KernelError)
    said = [text in error.message for text in ("program 0 of strays", "x_ptr", "100")]
    assert (said, error.where.endswith(line("out of bounds"))) == ([True] * 3, True)


@slow_in_two
def test_an_overflow_of_the_tcm_names_the_block_and_the_live_ones(sim, workers):
    error = fail(sim, workers, kernel_hoards, KernelError)
    said = [text in error.message for text in ("TCM overflow", "64KiB at", "pe0.tcm")]
    assert (said, error.where.endswith(line("too much for the TCM"))) == ([True] * 3, True)


@both
def test_an_exception_in_a_rank_s_program_names_the_rank_s_host_and_line(sim, workers):
    error = fail(sim, workers, rank_one_raises, RankError)
    said = (error.message, error.where.startswith("sip1.host"), line("the rank's own line") in error.where)
    assert said == ("ValueError: rank one had enough", True, True)


@both
def test_a_recv_that_nobody_answers_is_a_deadlock_that_names_the_waiter_and_its_line(sim, workers):
    error = fail(sim, workers, rank_zero_listens, DeadlockError)
    recv = [text for text in error.waiters if re.search(r"recv.*world\.0\.1>0", text)]
    assert (error.where, any(line("nobody sends") in text for text in recv)) == ("sip0", True)


@slow_in_two
def test_a_rank_that_leaves_a_collective_is_waited_for_by_name(sim, workers):
    error = fail(sim, workers, rank_one_leaves, DeadlockError)
    told = (error.message.count("; "), "sip1.cube00.pe0" in error.message, " of group world " in error.waiters[0])
    assert (error.where, told[0] <= 6, told[1:]) == ("sip0", True, (True, True))


@slow_in_two
@pytest.mark.parametrize(
    ("bench", "texts"),
    [
        (counts_differ, ("1000 x float32", "1001 x float32")),
        (operations_differ, ("all_reduce(sum", "all_reduce(max")),
        (collectives_differ, ("barrier", "all_reduce(sum")),
    ],
)
def test_collectives_that_do_not_agree_stop_the_run_and_name_both(sim, workers, bench, texts):
    error = fail(sim, workers, bench, SimulationError)
    named = [text in error.message for text in (*texts, "sip0.cube00.pe0", "sip1.cube00.pe0")]
    assert named == [True] * 4


def test_the_waiters_of_a_deadlock_do_not_repeat_themselves(sim):
    waiters = fail(sim, 1, rank_one_leaves, DeadlockError).waiters
    assert len(waiters) == len(set(waiters))


@jit
def listens_and_stores(x_ptr):
    tl.store(x_ptr + tl.arange(0, 4), tl.recv((4,), tl.int32, from_="world.0.1>0") + 1)


def rank_zero_listens_and_stores(torch):
    torch.distributed.init_process_group()
    if torch.distributed.get_rank() == 0:
        listens_and_stores[(1,)](torch.empty(4, dtype=torch.int32))


def test_each_waiter_of_a_deadlock_says_where_it_is(sim):
    waiters = fail(sim, 1, rank_zero_listens_and_stores, DeadlockError).waiters
    who = "sip0.cube00.pe0 program 0 of listens_and_stores"
    told = [text for text in waiters if "for earlier operations" in text]
    assert sorted(told) == [f"{who}: 1 {kind} waits for earlier operations" for kind in ("math", "store")]
    assert [text for text in waiters if not text.startswith("sip0.")] == []


@jit
def multiplies(x_ptr):
    at = x_ptr + tl.arange(0, 32)[:, None] * 32 + tl.arange(0, 32)[None, :]
    tl.store(at, tl.dot(tl.load(at), tl.load(at)))  # slower than time is long


def multiplies_slowly(torch):
    multiplies[(1,)](torch.ones(32, 32))


@both
def test_what_ends_after_the_end_of_time_is_no_deadlock(sim, workers):
    """(32 + 10^9 + 32 - 2) - 1 cycles of 1 GHz are a second; of 100 kHz they are 10,000 s."""
    overrides = [*SMALL, "pe_gemm.rows=1000000000", "pe_gemm.clock_ghz=0.0001"]
    with pytest.raises(
        SimulationError, match="the next event is at 10000 s of simulated time, which ends at 9223"
    ) as e:
        sim(sips=2, workers=workers, overrides=overrides).run(multiplies_slowly)
    assert any(line("slower than time is long") in text for text in e.value.waiters)


def test_a_deadlock_of_many_lists_the_first_and_counts_the_rest(sim):
    error = fail(sim, 1, rank_one_leaves, DeadlockError, sips=8)
    more = len(error.waiters) - 6
    assert error.message.endswith(f"; and {more} more")
