"""Attention forward in one pass over the keys with a running softmax, without and with a causal mask."""

import numpy as np
import triton
import triton.language as tl

from kernbench.common.errors import UsageError
from kernbench.runtime_api.argument import Block, Count, Pes, Precision
from kernbench.runtime_api.comparison import wrong_elements


@triton.jit
def attention(
    q_ptr, k_ptr, v_ptr, out_ptr, scale, length,
    DIM: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, CAUSAL: tl.constexpr,
):  # fmt: skip
    """q, k, v and out are heads x length x DIM; a program has BLOCK_M queries of one head."""
    first = tl.program_id(0) * BLOCK_M
    head = tl.program_id(1) * length * DIM
    m = first + tl.arange(0, BLOCK_M)
    d = tl.arange(0, DIM)
    q_at = head + m[:, None] * DIM + d[None, :]
    q = tl.load(q_ptr + q_at, mask=m[:, None] < length, other=0.0)
    highest = tl.full((BLOCK_M,), -float("inf"), dtype=tl.float32)
    weight = tl.zeros((BLOCK_M,), dtype=tl.float32)
    acc = tl.zeros((BLOCK_M, DIM), dtype=tl.float32)
    end = min(length, first + BLOCK_M) if CAUSAL else length
    for start in range(0, end, BLOCK_N):
        n = start + tl.arange(0, BLOCK_N)
        k = tl.load(k_ptr + head + n[None, :] * DIM + d[:, None], mask=n[None, :] < length, other=0.0)
        v = tl.load(v_ptr + head + n[:, None] * DIM + d[None, :], mask=n[:, None] < length, other=0.0)
        seen = n[None, :] < length
        if CAUSAL:
            seen = seen & (n[None, :] <= m[:, None])
        scores = tl.where(seen, tl.dot(q, k) * scale, -float("inf"))
        top = tl.maximum(highest, tl.max(scores, axis=1))
        p = tl.exp2(scores - top[:, None])
        keep = tl.exp2(highest - top)
        weight = weight * keep + tl.sum(p, axis=1)
        acc = tl.dot(p.to(v.dtype), v, acc * keep[:, None])
        highest = top
    tl.store(out_ptr + q_at, (acc / weight[:, None]).to(out_ptr.dtype.element_ty), mask=m[:, None] < length)


def bench(
    torch,
    *,
    heads: Count = 2,
    length: Count = 256,
    dim: Block = 64,
    block_m: Block = 64,
    block_n: Block = 32,
    dtype: Precision = "float16",
    causal: str = "both",
    pes: Pes = 0,
):
    """One row without and one with the causal mask; `--causal on` or `off` chooses one."""
    if causal not in ("on", "off", "both"):
        raise UsageError(f"--causal {causal}: expected on, off or both")
    element = torch.dtype_named(dtype)
    q, k, v = (torch.randn(heads, length, dim, dtype=element) for _ in range(3))
    for masked in (False, True) if causal == "both" else (causal == "on",):
        out = torch.empty_like(q)
        launched = attention[(triton.cdiv(length, block_m), heads)](
            q, k, v, out, 1.4426950408889634 / dim**0.5, length,
            DIM=dim, BLOCK_M=block_m, BLOCK_N=block_n, CAUSAL=masked, pes=pes or None,
        )  # fmt: skip
        pairs = heads * (length * (length + 1) // 2 if masked else length * length)
        columns = {"heads": heads, "length": length, "dim": dim, "dtype": dtype, "causal": masked}
        work = {"matrix": 4 * pairs * dim, "vector": 5 * pairs, "read": 3 * q.nbytes, "written": out.nbytes}
        yield torch.kernel_row(launched, columns, **work, inputs=(q, k, v), results=(out,))


def verify(torch, row):
    """Elements more than 4 units in the last place from numpy's in float64.

    Weights are rounded to the operands' type before they meet v, so the unit is that of the largest |v|.
    """
    q, k, v = (each.peek().astype(np.float64) for each in row.inputs)
    scores = q @ k.transpose(0, 2, 1) / q.shape[-1] ** 0.5
    if row.columns["causal"]:
        scores = np.where(np.tril(np.ones(scores.shape[1:], bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    exact = weights / weights.sum(-1, keepdims=True) @ v
    return wrong_elements(row.results[0], exact, ulps=4, scale=np.abs(v).max())
