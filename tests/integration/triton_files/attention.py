"""Attention forward with a running softmax, causal and not; the causal diagonal is a loop of its own."""
# ruff: noqa: N806  # written as users write such files

import numpy as np
import torch
import triton
import triton.language as tl


@triton.jit
def along_keys(
    acc, weight, highest, q, K, V, first, key_stride, value_stride,
    start_m, scale, TM: tl.constexpr, TN: tl.constexpr, D: tl.constexpr, STAGE: tl.constexpr,
    rows: tl.constexpr, columns: tl.constexpr, LENGTH: tl.constexpr,
):  # fmt: skip
    if STAGE == 1:
        low, high = 0, start_m * TM
    elif STAGE == 2:
        low, high = start_m * TM, (start_m + 1) * TM
        low = tl.multiple_of(low, TM)
    else:
        low, high = 0, LENGTH
    d = tl.arange(0, D)
    for start in tl.range(low, high, TN):
        start = tl.multiple_of(start, TN)  # noqa: PLW2901  # as users write it
        k = tl.load(K + first + (start + columns)[None, :] * key_stride + d[:, None])
        scores = tl.dot(q, k)
        if STAGE == 2:
            seen = rows[:, None] >= (start + columns[None, :])
            scores = scores * scale + tl.where(seen, 0, -1.0e6)
            top = tl.maximum(highest, tl.max(scores, 1))
            scores -= top[:, None]
        else:
            top = tl.maximum(highest, tl.max(scores, 1) * scale)
            scores = scores * scale - top[:, None]
        p = tl.math.exp2(scores)
        old = tl.math.exp2(highest - top)
        weight = weight * old + tl.sum(p, 1)
        acc = acc * old[:, None]
        v = tl.load(V + first + (start + columns)[:, None] * value_stride + d[None, :])
        acc = tl.dot(p.to(tl.float16), v, acc)
        highest = top
    return acc, weight, highest


@triton.jit
def attend(
    Q, K, V, scale, Lse, Out, stride_z, stride_h, stride_m, Z, H, LENGTH,
    TM: tl.constexpr, TN: tl.constexpr, D: tl.constexpr, STAGE: tl.constexpr,
):  # fmt: skip
    tl.static_assert(TN <= D)
    start_m = tl.program_id(0)
    head = tl.program_id(1)
    first = (head // H).to(tl.int64) * stride_z + (head % H).to(tl.int64) * stride_h
    rows = start_m * TM + tl.arange(0, TM)
    columns = tl.arange(0, TN)
    d = tl.arange(0, D)
    highest = tl.zeros([TM], dtype=tl.float32) - float("inf")
    weight = tl.zeros([TM], dtype=tl.float32) + 1.0
    acc = tl.zeros([TM, D], dtype=tl.float32)
    scale *= 1.44269504
    q = tl.load(Q + first + rows[:, None] * stride_m + d[None, :])
    if STAGE & 1:
        acc, weight, highest = along_keys(
            acc, weight, highest, q, K, V, first, stride_m, stride_m, start_m, scale,
            TM, TN, D, 4 - STAGE, rows, columns, LENGTH,
        )  # fmt: skip
    if STAGE & 2:
        acc, weight, highest = along_keys(
            acc, weight, highest, q, K, V, first, stride_m, stride_m, start_m, scale,
            TM, TN, D, 2, rows, columns, LENGTH,
        )  # fmt: skip
    highest += tl.math.log2(weight)
    acc = acc / weight[:, None]
    tl.store(Lse + head * LENGTH + rows, highest)
    tl.store(Out + first + rows[:, None] * stride_m + d[None, :], acc.to(Out.type.element_ty))


def attention(q, k, v, causal, scale):
    Z, H, length, D = q.shape
    out = torch.empty_like(q)
    lse = torch.empty((Z, H, length), device=q.device, dtype=torch.float32)
    attend[(triton.cdiv(length, 64), Z * H)](
        q, k, v, scale, lse, out, q.stride(0), q.stride(1), q.stride(2), Z, H, length,
        TM=64, TN=32, D=D, STAGE=3 if causal else 1,
    )  # fmt: skip
    return out


torch.manual_seed(20)
q, k, v = (torch.randn((1, 2, 128, 32), dtype=torch.float16, device="cuda") for _ in range(3))
for causal in (False, True):
    got = attention(q, k, v, causal, 0.5).numpy().astype(np.float32)
    Q, K, V = (each.numpy().astype(np.float32) for each in (q, k, v))
    scores = Q @ K.transpose(0, 1, 3, 2) * 0.5
    if causal:
        scores = np.where(np.tril(np.ones((128, 128), bool)), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    np.testing.assert_allclose(got, weights / weights.sum(-1, keepdims=True) @ V, atol=1e-2)
