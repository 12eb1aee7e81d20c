"""A process that runs much keeps nothing of what has ended: pytest suites, sweeps, notebooks."""

import gc

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
