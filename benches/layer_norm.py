"""Layer normalisation of rows: forward, and backward, where programs add up sums over rows behind spin locks."""

import numpy as np
import triton
import triton.language as tl

from kernbench.runtime_api.argument import Block, Count, Pes, Precision
from kernbench.runtime_api.comparison import wrong_elements

EPS = 1e-5


@triton.jit
def forward(x_ptr, y_ptr, w_ptr, b_ptr, mean_ptr, rstd_ptr, N, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    x_ptr += row * N
    y_ptr += row * N
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + at, mask=at < N, other=0.0).to(tl.float32)
    mean = tl.sum(total, axis=0) / N
    squares = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + at, mask=at < N, other=0.0).to(tl.float32)
        centred = tl.where(at < N, x - mean, 0.0)
        squares += centred * centred
    rstd = 1 / tl.sqrt(tl.sum(squares, axis=0) / N + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        mask = at < N
        x = tl.load(x_ptr + at, mask=mask, other=0.0).to(tl.float32)
        w = tl.load(w_ptr + at, mask=mask, other=0.0).to(tl.float32)
        b = tl.load(b_ptr + at, mask=mask, other=0.0).to(tl.float32)
        tl.store(y_ptr + at, ((x - mean) * rstd * w + b).to(y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def backward_rows(
    dx_ptr, dy_ptr, dw_ptr, db_ptr, x_ptr, w_ptr, mean_ptr, rstd_ptr, lock_ptr, N,
    GROUPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    mask = at < N
    x = tl.load(x_ptr + row * N + at, mask=mask, other=0.0).to(tl.float32)
    dy = tl.load(dy_ptr + row * N + at, mask=mask, other=0.0).to(tl.float32)
    w = tl.load(w_ptr + at, mask=mask, other=0.0).to(tl.float32)
    rstd = tl.load(rstd_ptr + row)
    normal = tl.where(mask, (x - tl.load(mean_ptr + row)) * rstd, 0.0)
    wdy = w * dy
    shared = normal * (tl.sum(normal * wdy, axis=0) / N) + tl.sum(wdy, axis=0) / N
    tl.store(dx_ptr + row * N + at, ((wdy - shared) * rstd).to(dx_ptr.dtype.element_ty), mask=mask)
    group = row % GROUPS
    dw_ptrs = dw_ptr + group * N + at
    db_ptrs = db_ptr + group * N + at
    dw = dy * normal
    db = dy
    while tl.atomic_cas(lock_ptr + group, 0, 1) == 1:
        pass
    if tl.load(lock_ptr + GROUPS + group) == 0:
        tl.atomic_xchg(lock_ptr + GROUPS + group, 1)
    else:
        dw += tl.load(dw_ptrs, mask=mask)
        db += tl.load(db_ptrs, mask=mask)
    tl.store(dw_ptrs, dw, mask=mask)
    tl.store(db_ptrs, db, mask=mask)
    tl.debug_barrier()
    tl.atomic_xchg(lock_ptr + group, 0)


@triton.jit
def backward_sums(dw_ptr, db_ptr, sum_w_ptr, sum_b_ptr, groups, N, BLOCK_G: tl.constexpr, BLOCK: tl.constexpr):
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    dw = tl.zeros((BLOCK_G, BLOCK), dtype=tl.float32)
    db = tl.zeros((BLOCK_G, BLOCK), dtype=tl.float32)
    for start in range(0, groups, BLOCK_G):
        group = start + tl.arange(0, BLOCK_G)
        mask = (group[:, None] < groups) & (column[None, :] < N)
        at = group[:, None] * N + column[None, :]
        dw += tl.load(dw_ptr + at, mask=mask, other=0.0)
        db += tl.load(db_ptr + at, mask=mask, other=0.0)
    tl.store(sum_w_ptr + column, tl.sum(dw, axis=0).to(sum_w_ptr.dtype.element_ty), mask=column < N)
    tl.store(sum_b_ptr + column, tl.sum(db, axis=0).to(sum_b_ptr.dtype.element_ty), mask=column < N)


def bench(
    torch,
    *,
    rows: Count = 64,
    columns: Count = 512,
    block: Block = 256,
    groups: Count = 8,
    dtype: Precision = "float32",
    backward: bool = True,
    pes: Pes = 0,
):
    """A row for each kernel: forward; with `--backward on` that over rows, whose sums have `groups` locks, and their sums.

    No more programs of the second kernel than PEs run at once, so a program that spins never waits for one to begin.
    """
    element, some = torch.dtype_named(dtype), pes or None
    x, dy = torch.randn(rows, columns, dtype=element), torch.randn(rows, columns, dtype=element)
    w, b = torch.rand(columns, dtype=element), torch.rand(columns, dtype=element)
    y, mean, rstd = torch.empty_like(x), torch.empty(rows), torch.empty(rows)
    launched = forward[(rows,)](x, y, w, b, mean, rstd, columns, EPS, BLOCK=block, pes=some)
    count, stats = rows * columns, mean.nbytes + rstd.nbytes
    named = {"rows": rows, "columns": columns, "dtype": dtype}
    work = {"vector": 8 * count, "read": x.nbytes + w.nbytes + b.nbytes, "written": y.nbytes + stats}
    yield torch.kernel_row(launched, {"kernel": "forward", **named}, **work, inputs=(x, w, b), results=(y,))
    if not backward:
        return

    groups = min(groups, rows)
    locks = torch.zeros(2 * groups, dtype=torch.int32)
    dx, parts_w, parts_b = torch.empty_like(x), torch.empty(groups, columns), torch.empty(groups, columns)
    launched = backward_rows[(rows,)](
        dx, dy, parts_w, parts_b, x, w, mean, rstd, locks, columns,
        GROUPS=groups, BLOCK=triton.next_power_of_2(columns), pes=some,
    )  # fmt: skip
    read, written = x.nbytes + dy.nbytes + w.nbytes + stats, dx.nbytes + parts_w.nbytes + parts_b.nbytes
    work = {"vector": 12 * count, "read": read, "written": written}
    yield torch.kernel_row(launched, {"kernel": "backward_rows", **named}, **work, inputs=(x, w, dy), results=(dx,))

    dw, db = torch.empty_like(w), torch.empty_like(b)
    launched = backward_sums[(triton.cdiv(columns, block),)](
        parts_w, parts_b, dw, db, groups, columns, BLOCK_G=8, BLOCK=block, pes=some
    )
    work = {"vector": 2 * groups * columns, "read": 2 * parts_w.nbytes, "written": 2 * dw.nbytes}
    yield torch.kernel_row(launched, {"kernel": "backward_sums", **named}, **work, inputs=(x, w, dy), results=(dw, db))


def verify(torch, row):
    """Elements more than 16 units in the last place from numpy's in float64; sums have the unit of their largest term."""
    x, w, other = (each.peek().astype(np.float64) for each in row.inputs)
    rstd = 1 / np.sqrt(x.var(1, keepdims=True) + EPS)
    normal = (x - x.mean(1, keepdims=True)) * rstd
    if row.columns["kernel"] == "forward":
        return wrong_elements(row.results[0], normal * w + other, ulps=16, scale=np.abs(normal * w).max())
    if row.columns["kernel"] == "backward_rows":
        wdy = w * other
        exact = (wdy - normal * (normal * wdy).mean(1, keepdims=True) - wdy.mean(1, keepdims=True)) * rstd
        return wrong_elements(row.results[0], exact, ulps=16, scale=np.abs(exact).max())
    dw, db = row.results
    terms = other * normal
    wrong = wrong_elements(dw, terms.sum(0), ulps=16, scale=np.abs(terms).sum(0))
    return wrong + wrong_elements(db, other.sum(0), ulps=16, scale=np.abs(other).sum(0))
