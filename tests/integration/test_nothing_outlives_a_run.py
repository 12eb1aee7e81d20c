"""A process that runs much keeps nothing of what has ended: pytest suites, sweeps, notebooks."""

import gc

import pytest

from kernbench.common.errors import KernbenchError
from kernbench.runtime_api.rank import Rank
from kernbench.triton_emu import language as tl
from kernbench.triton_emu.jit import jit


@jit
def double(x_ptr, size: tl.constexpr):
    at = tl.arange(0, size)
    tl.store(x_ptr + at, 2 * tl.load(x_ptr + at))


def bench(torch):
    """Launch a kernel of this file."""
    x = torch.ones(64)
    double[(1,)](x, 64)
    return torch.Row({"first": x.tolist()[0]}, 0, 0)


def ranks():
    gc.collect()
    return sum(isinstance(each, Rank) for each in gc.get_objects())


def test_a_run_of_a_files_kernel_leaves_no_rank_behind(sim):
    made, before = sim(sips=1, overrides=["cube_mesh=1x1"]), ranks()
    assert made.run(bench).rows[0].columns == {"first": 2.0}
    assert ranks() == before


@jit
def stray(x_ptr, size: tl.constexpr):
    """Programs 1 to 3 wait for what they load when program 0 stops the run."""
    at = tl.arange(0, size)
    if tl.program_id(0) == 0:
        tl.store(x_ptr + 1000 * at, at)
    elif tl.load(x_ptr) > 0:
        tl.store(x_ptr + at, at)


def failing(torch):
    """A run that ends while the rank waits for a kernel."""
    x = torch.ones(64, dtype=torch.int32)
    stray[(4,)](x, 64)
    return torch.Row({"first": x.tolist()[0]}, 0, 0)


def test_a_run_that_failed_while_programs_waited_leaves_no_rank_behind(sim):
    made, before = sim(sips=1, overrides=["cube_mesh=1x1"]), ranks()
    with pytest.raises(KernbenchError, match="outside the tensor"):
        made.run(failing)
    assert ranks() == before
