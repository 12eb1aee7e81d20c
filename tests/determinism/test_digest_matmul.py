"""The bytes of matrix products do not depend on how many threads BLAS would use in the process that runs them."""

import pytest
from threadpoolctl import threadpool_limits

BENCH = """
from kernbench.triton_emu import language as tl
from kernbench.triton_emu.jit import jit


@jit
def product(x, y, out, N: tl.constexpr):
    at = tl.arange(0, N)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(out + at, tl.dot(tl.load(x + at), tl.load(y + at)))


def bench(torch):
    x, y = torch.randn(128, 128), torch.randn(128, 128)
    out = torch.empty(128, 128)
    product[(1,)](x, y, out, 128)
    return torch.Row({}, 0, 0, results=(out,))
"""


@pytest.mark.parametrize("threads", [1, 4])
def test_a_product_has_the_same_bytes_whatever_blas_was_set_to(sim, tmp_path, threads):
    (tmp_path / "product.py").write_text(BENCH)
    digests = {sim(sips=2, workers=workers).run(tmp_path / "product.py").digest for workers in (1, 2)}
    with threadpool_limits(threads, user_api="blas"):
        digests.add(sim(sips=2).run(tmp_path / "product.py").digest)
    assert len(digests) == 1
