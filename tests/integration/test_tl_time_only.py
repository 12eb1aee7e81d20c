"""`--values off`: the same times without a byte, and an error where a kernel needs one."""

import pytest

from kernbench.common.errors import KernelError

TINY = ["sip.cube_mesh=1x1"]
SCRIPT = """
import torch
import triton
import triton.language as tl

@triton.jit
def mixed(x_ptr, y_ptr, n, eps, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n, other=0.0)
    x = tl.softmax(x) * eps + tl.rand(7, i)
    y = tl.dot(x.reshape(16, 16), tl.trans(x.reshape(16, 16)))
    tl.store(y_ptr + i, tl.sort(tl.ravel(y)) + tl.cumsum(tl.ravel(y), 0) + tl.argmax(x, 0), mask=i < n)
    tl.atomic_add(x_ptr, tl.sum(x), sem="relaxed")

@triton.jit
def branch(x_ptr):
    if tl.load(x_ptr) > 0:
        tl.store(x_ptr, 2.0)

x, y = torch.ones(1000), torch.zeros(1000)
mixed[(4,)](x, y, 1000, 0.5, BLOCK=256)
"""


@pytest.fixture
def run(sim, tmp_path):
    def run(text="", **options):
        path = tmp_path / "script.py"
        path.write_text(SCRIPT + text)
        return sim(sips=1, overrides=TINY, **options).run(path)

    return run


def test_a_run_of_time_only_takes_the_same_time_to_the_tick(run):
    on, off = run(), run(values=False)
    assert (on.sim_time, on.digest_time) == (off.sim_time, off.digest_time)


def test_a_kernel_that_needs_a_value_is_told_so_at_its_line(run):
    with pytest.raises(KernelError, match="program 0 of branch: the kernel needs this value to go on") as caught:
        run("branch[(1,)](x)\n", values=False)
    assert caught.value.where.endswith(f"script.py:{SCRIPT[: SCRIPT.index('if tl.load')].count(chr(10)) + 1}")
