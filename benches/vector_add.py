"""Sum of two vectors: the least that a kernel can do, bound by memory."""

import numpy as np
import triton
import triton.language as tl

from kernbench.runtime_api.argument import Block, Count, Pes, Precision


@triton.jit
def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    x = tl.load(x_ptr + at, mask=mask)
    y = tl.load(y_ptr + at, mask=mask)
    tl.store(out_ptr + at, x + y, mask=mask)


def bench(torch, *, n: Count = 98432, block: Block = 1024, dtype: Precision = "float32", pes: Pes = 0):
    """One row: a launch over `n` elements."""
    element = torch.dtype_named(dtype)
    x, y = torch.randn(n, dtype=element), torch.randn(n, dtype=element)
    out = torch.empty_like(x)
    launched = add[(triton.cdiv(n, block),)](x, y, out, n, BLOCK=block, pes=pes or None)
    columns = {"kernel": "add", "n": n, "dtype": dtype}
    traffic = {"read": 2 * x.nbytes, "written": out.nbytes}
    return torch.kernel_row(launched, columns, vector=n, **traffic, inputs=(x, y), results=(out,))


def verify(torch, row):
    """Elements that are not the sum, which is rounded once: bit for bit."""
    x, y = (each.peek() for each in row.inputs)
    return int(np.count_nonzero(row.results[0].peek() != x + y))
