"""The projections of attention, q, k, v = x w + bias, on a single PE: one pass over x feeds three products."""

import numpy as np
import triton
import triton.language as tl

from kernbench.runtime_api.argument import Block, Count, Precision


@triton.jit
def add_bias_and_store(acc, bias_ptr, out_ptr, at, n, mask, hidden):
    bias = tl.load(bias_ptr + n, mask=n < hidden, other=0.0).to(tl.float32)
    tl.store(out_ptr + at, (acc + bias[None, :]).to(out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def project(
    x_ptr, w_ptr, bias_ptr, qkv_ptr, tokens, hidden,
    BLOCK_T: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):  # fmt: skip
    """X is tokens x hidden; w, bias and qkv hold three parts each, of hidden x hidden, hidden and tokens x hidden."""
    t = tl.program_id(0) * BLOCK_T + tl.arange(0, BLOCK_T)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    part = hidden * hidden
    q_acc = tl.zeros((BLOCK_T, BLOCK_N), dtype=tl.float32)
    k_acc = tl.zeros((BLOCK_T, BLOCK_N), dtype=tl.float32)
    v_acc = tl.zeros((BLOCK_T, BLOCK_N), dtype=tl.float32)
    for start in range(0, hidden, BLOCK_K):
        x_mask = (t[:, None] < tokens) & (start + k[None, :] < hidden)
        w_mask = (start + k[:, None] < hidden) & (n[None, :] < hidden)
        w_ptrs = w_ptr + (start + k[:, None]) * hidden + n[None, :]
        x = tl.load(x_ptr + t[:, None] * hidden + start + k[None, :], mask=x_mask, other=0.0)
        q_acc = tl.dot(x, tl.load(w_ptrs, mask=w_mask, other=0.0), q_acc)
        k_acc = tl.dot(x, tl.load(w_ptrs + part, mask=w_mask, other=0.0), k_acc)
        v_acc = tl.dot(x, tl.load(w_ptrs + 2 * part, mask=w_mask, other=0.0), v_acc)
    at = t[:, None] * hidden + n[None, :]
    mask = (t[:, None] < tokens) & (n[None, :] < hidden)
    add_bias_and_store(q_acc, bias_ptr, qkv_ptr, at, n, mask, hidden)
    add_bias_and_store(k_acc, bias_ptr + hidden, qkv_ptr + tokens * hidden, at, n, mask, hidden)
    add_bias_and_store(v_acc, bias_ptr + 2 * hidden, qkv_ptr + 2 * tokens * hidden, at, n, mask, hidden)


def projection(torch, tokens, hidden, block, block_k, dtype, pes):
    """The row of one launch on so many PEs (None: all). Small integers: every sum is exact in float32, in any order."""
    element = torch.dtype_named(dtype)
    x = torch.randint(-3, 4, (tokens, hidden), dtype=element)
    w = torch.randint(-3, 4, (3, hidden, hidden), dtype=element)
    bias = torch.randint(-3, 4, (3, hidden), dtype=element)
    qkv = torch.empty(3, tokens, hidden, dtype=element)
    grid = (triton.cdiv(tokens, block), triton.cdiv(hidden, block))
    launched = project[grid](x, w, bias, qkv, tokens, hidden, BLOCK_T=block, BLOCK_N=block, BLOCK_K=block_k, pes=pes)
    columns = {"tokens": tokens, "hidden": hidden, "dtype": dtype}
    work = {
        "matrix": 2 * tokens * 3 * hidden * hidden,
        "vector": tokens * 3 * hidden,
        "read": x.nbytes + w.nbytes + bias.nbytes,
        "written": qkv.nbytes,
    }
    return torch.kernel_row(launched, columns, **work, inputs=(x, w, bias), results=(qkv,))


def bench(
    torch,
    *,
    tokens: Count = 128,
    hidden: Count = 256,
    block: Block = 64,
    block_k: Block = 128,
    dtype: Precision = "float16",
):
    """One row: a launch on the first PE of the device."""
    return projection(torch, tokens, hidden, block, block_k, dtype, 1)


def verify(torch, row):
    """Elements that are not the exact result, rounded once: bit for bit."""
    x, w, bias = (each.peek().astype(np.float32) for each in row.inputs)
    (qkv,) = row.results
    return int(np.count_nonzero(qkv.peek() != (x @ w + bias[:, None, :]).astype(qkv.dtype.numpy)))
