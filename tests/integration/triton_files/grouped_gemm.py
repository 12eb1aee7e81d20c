"""Several products of different shapes in one launch: programs walk through all tiles; operands by their addresses."""

import numpy as np
import torch
import triton
import triton.language as tl


@triton.autotune(
    configs=[
        triton.Config({"TM": 32, "TN": 32, "TK": 32, "PROGRAMS": 4}),
        triton.Config({"TM": 64, "TN": 32, "TK": 32, "PROGRAMS": 4}),
    ],
    key=["groups"],
)
@triton.jit
def products(
    a_ptrs, b_ptrs, c_ptrs, sizes, strides, groups,
    PROGRAMS: tl.constexpr, TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr,
):  # fmt: skip
    tile = tl.program_id(0)
    done = 0
    for group in range(groups):
        m = tl.load(sizes + group * 3)
        n = tl.load(sizes + group * 3 + 1)
        k = tl.load(sizes + group * 3 + 2)
        across = tl.cdiv(n, TN)
        tiles = tl.cdiv(m, TM) * across
        while tile >= done and tile < done + tiles:
            lda = tl.load(strides + group * 3)
            ldb = tl.load(strides + group * 3 + 1)
            ldc = tl.load(strides + group * 3 + 2)
            a_ptr = tl.load(a_ptrs + group).to(tl.pointer_type(tl.float16))
            b_ptr = tl.load(b_ptrs + group).to(tl.pointer_type(tl.float16))
            c_ptr = tl.load(c_ptrs + group).to(tl.pointer_type(tl.float16))
            own = tile - done
            rows = (own // across) * TM + tl.arange(0, TM)
            columns = (own % across) * TN + tl.arange(0, TN)
            depth = tl.arange(0, TK)
            a_at = a_ptr + rows[:, None] * lda + depth[None, :]
            b_at = b_ptr + depth[:, None] * ldb + columns[None, :]
            acc = tl.zeros((TM, TN), dtype=tl.float32)
            for _ in range(tl.cdiv(k, TK)):
                tl.multiple_of(a_at, [16, 16])
                acc += tl.dot(tl.load(a_at), tl.load(b_at))
                a_at += TK
                b_at += TK * ldb
            tl.store(c_ptr + ldc * rows[:, None] + columns[None, :], acc.to(tl.float16))
            tile += PROGRAMS
        done = done + tiles


shapes = [(64, 32, 64), (128, 64, 32)]
A = [torch.rand((m, k), device="cuda", dtype=torch.float16) for m, _, k in shapes]
B = [torch.rand((k, n), device="cuda", dtype=torch.float16) for _, n, k in shapes]
C = [torch.empty((m, n), device="cuda", dtype=torch.float16) for m, n, _ in shapes]
addresses = [torch.tensor([each.data_ptr() for each in side], device="cuda") for side in (A, B, C)]
sizes = torch.tensor([extent for shape in shapes for extent in shape], dtype=torch.int32, device="cuda")
strides = [each.stride(0) for trio in zip(A, B, C, strict=True) for each in trio]
strides = torch.tensor(strides, dtype=torch.int32, device="cuda")
products[lambda meta: (meta["PROGRAMS"],)](*addresses, sizes, strides, len(shapes))
for a, b, c in zip(A, B, C, strict=True):
    exact = a.numpy().astype(np.float32) @ b.numpy().astype(np.float32)
    np.testing.assert_allclose(c.numpy(), exact, rtol=2e-3)
