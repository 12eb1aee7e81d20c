"""Layer normalisation: forward, and backward with sums over rows that programs add up behind spin locks."""
# ruff: noqa: N806, E731  # written as users write such files

import numpy as np
import torch
import triton
import triton.language as tl


@triton.jit
def forward(X, Y, W, B, Mean, Rstd, stride, N, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    Y += row * stride
    X += row * stride
    partial = tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        partial += tl.load(X + at, mask=at < N, other=0.0).to(tl.float32)
    mean = tl.sum(partial, axis=0) / N
    squares = tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(X + at, mask=at < N, other=0.0).to(tl.float32)
        x = tl.where(at < N, x - mean, 0.0)
        squares += x * x
    rstd = 1 / tl.sqrt(tl.sum(squares, axis=0) / N + eps)
    tl.store(Mean + row, mean)
    tl.store(Rstd + row, rstd)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        real = at < N
        w = tl.load(W + at, mask=real)
        b = tl.load(B + at, mask=real)
        x = tl.load(X + at, mask=real, other=0.0).to(tl.float32)
        tl.store(Y + at, (x - mean) * rstd * w + b, mask=real)


@triton.jit
def backward_rows(DX, DY, DW, DB, X, W, Mean, Rstd, Lock, stride, N, GROUPS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    real = at < N
    X += row * stride
    DY += row * stride
    DX += row * stride
    lock_id = row % GROUPS
    Lock += lock_id
    Count = Lock + GROUPS
    DW = DW + lock_id * N + at
    DB = DB + lock_id * N + at
    x = tl.load(X + at, mask=real, other=0).to(tl.float32)
    dy = tl.load(DY + at, mask=real, other=0).to(tl.float32)
    w = tl.load(W + at, mask=real).to(tl.float32)
    mean, rstd = tl.load(Mean + row), tl.load(Rstd + row)
    xhat = tl.where(real, (x - mean) * rstd, 0.0)
    wdy = tl.where(real, w * dy, 0.0)
    c1 = tl.sum(xhat * wdy, axis=0) / N
    c2 = tl.sum(wdy, axis=0) / N
    tl.store(DX + at, (wdy - (xhat * c1 + c2)) * rstd, mask=real)
    dw = (dy * xhat).to(w.dtype)
    db = dy.to(w.dtype)
    while tl.atomic_cas(Lock, 0, 1) == 1:
        pass
    count = tl.load(Count)
    if count == 0:
        tl.atomic_xchg(Count, 1)
    else:
        dw += tl.load(DW, mask=real)
        db += tl.load(DB, mask=real)
    tl.store(DW, dw, mask=real)
    tl.store(DB, db, mask=real)
    tl.debug_barrier()
    tl.atomic_xchg(Lock, 0)


@triton.jit
def backward_sums(DW, DB, SumW, SumB, M, N, TM: tl.constexpr, TN: tl.constexpr):
    columns = tl.program_id(0) * TN + tl.arange(0, TN)
    dw = tl.zeros((TM, TN), dtype=tl.float32)
    db = tl.zeros((TM, TN), dtype=tl.float32)
    for start in range(0, M, TM):
        rows = start + tl.arange(0, TM)
        real = (rows[:, None] < M) & (columns[None, :] < N)
        at = rows[:, None] * N + columns[None, :]
        dw += tl.load(DW + at, mask=real, other=0.0)
        db += tl.load(DB + at, mask=real, other=0.0)
    tl.store(SumW + columns, tl.sum(dw, axis=0), mask=columns < N)
    tl.store(SumB + columns, tl.sum(db, axis=0), mask=columns < N)


class LayerNorm(torch.autograd.Function):
    """As users wrap kernels."""

    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        M, N = x.shape
        y = torch.empty_like(x)
        mean = torch.empty((M,), dtype=torch.float32, device=x.device)
        rstd = torch.empty((M,), dtype=torch.float32, device=x.device)
        forward[(M,)](x, y, weight, bias, mean, rstd, x.stride(0), N, eps, BLOCK=64, num_warps=4, num_ctas=1)
        ctx.save_for_backward(x, weight, mean, rstd)
        return y

    @staticmethod
    def backward(ctx, dy):
        x, w, mean, rstd = ctx.saved_tensors
        M, N = x.shape
        groups = 4
        locks = torch.zeros(2 * groups, dtype=torch.int32, device=x.device)
        parts_w, parts_b = (torch.zeros((groups, N), dtype=x.dtype, device=x.device) for _ in range(2))
        dw, db = (torch.empty((N,), dtype=w.dtype, device=x.device) for _ in range(2))
        dx = torch.empty_like(dy)
        width = triton.next_power_of_2(N)
        backward_rows[(M,)](
            dx, dy, parts_w, parts_b, x, w, mean, rstd, locks, x.stride(0), N, GROUPS=groups, BLOCK=width, num_warps=8
        )
        grid = lambda meta: (triton.cdiv(N, meta["TN"]),)
        backward_sums[grid](parts_w, parts_b, dw, db, min(groups, M), N, TM=32, TN=64, num_ctas=1)
        return dx, dw, db, None


torch.manual_seed(1)
M, N, eps = 24, 100, 1e-5
x, dy = torch.randn(M, N, device="cuda", requires_grad=True), torch.randn(M, N, device="cuda")
w, b = (torch.rand(N, device="cuda", requires_grad=True) for _ in range(2))


y = LayerNorm.apply(x, w, b, eps)
y.backward(dy, retain_graph=True)
dx, dw, db = (each.grad for each in (x, w, b))

X, DY, W = (each.detach().cpu().numpy().astype(np.float64) for each in (x, dy, w))
mean = X.mean(1, keepdims=True)
rstd = 1 / np.sqrt(X.var(1, keepdims=True) + eps)
xhat = (X - mean) * rstd
np.testing.assert_allclose(y.detach().numpy(), xhat * W + b.detach().numpy(), rtol=1e-4, atol=1e-5)
wdy = W * DY
exact = (wdy - xhat * (xhat * wdy).mean(1, keepdims=True) - wdy.mean(1, keepdims=True)) * rstd
np.testing.assert_allclose(dx.numpy(), exact, rtol=1e-3, atol=1e-5)
np.testing.assert_allclose(dw.numpy(), (DY * xhat).sum(0), rtol=1e-3, atol=1e-4)
np.testing.assert_allclose(db.numpy(), DY.sum(0), rtol=1e-3, atol=1e-4)
