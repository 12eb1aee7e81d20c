"""Product of two half-precision matrices: tiles in groups of rows, an activation by name, tiles chosen by autotuning."""
# ruff: noqa: N806, E731  # written as users write such files

import numpy as np
import torch
import triton
import triton.language as tl


def is_cuda():
    return triton.runtime.driver.active.get_current_target().backend == "cuda"


def choices():
    sizes = [(32, 32, 32, 2), (32, 64, 32, 4)] if is_cuda() else [(16, 16, 16, 1)]
    return [triton.Config({"TM": m, "TN": n, "TK": k, "GROUP": g}, num_stages=3, num_warps=4) for m, n, k, g in sizes]


@triton.autotune(configs=choices(), key=["M", "N", "K"])
@triton.jit
def product(
    a_ptr, b_ptr, c_ptr, M, N, K,
    a_row, a_col, b_row, b_col, c_row, c_col,
    TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr, GROUP: tl.constexpr, ACTIVATION: tl.constexpr,
):  # fmt: skip
    number = tl.program_id(axis=0)
    down, across = tl.cdiv(M, TM), tl.cdiv(N, TN)
    in_group = GROUP * across
    group = number // in_group
    top = group * GROUP
    height = min(down - top, GROUP)
    tile_m = top + ((number % in_group) % height)
    tile_n = (number % in_group) // height

    tl.assume(tile_m >= 0)
    tl.assume(a_row > 0)
    rows = (tile_m * TM + tl.arange(0, TM)) % M
    columns = (tile_n * TN + tl.arange(0, TN)) % N
    depth = tl.arange(0, TK)
    a_at = a_ptr + (rows[:, None] * a_row + depth[None, :] * a_col)
    b_at = b_ptr + (depth[:, None] * b_row + columns[None, :] * b_col)
    total = tl.zeros((TM, TN), dtype=tl.float32)
    for k in range(triton.cdiv(K, TK)):
        a = tl.load(a_at, mask=depth[None, :] < K - k * TK, other=0.0)
        b = tl.load(b_at, mask=depth[:, None] < K - k * TK, other=0.0)
        total = tl.dot(a, b, total)
        a_at += TK * a_col
        b_at += TK * b_row
    if ACTIVATION == "leaky":
        total = leaky(total)
    c = total.to(tl.float16)
    out_rows = tile_m * TM + tl.arange(0, TM)
    out_columns = tile_n * TN + tl.arange(0, TN)
    c_at = c_ptr + c_row * out_rows[:, None] + c_col * out_columns[None, :]
    tl.store(c_at, c, mask=(out_rows[:, None] < M) & (out_columns[None, :] < N))


@triton.jit
def leaky(x):
    return tl.where(x >= 0, x, 0.01 * x)


def matmul(a, b, activation=""):
    assert a.shape[1] == b.shape[0], "inner extents differ"
    assert a.is_contiguous()
    M, K = a.shape
    K, N = b.shape
    c = torch.empty((M, N), device=a.device, dtype=torch.float16)
    grid = lambda meta: (triton.cdiv(M, meta["TM"]) * triton.cdiv(N, meta["TN"]),)
    product[grid](
        a, b, c, M, N, K, a.stride(0), a.stride(1), b.stride(0), b.stride(1), c.stride(0), c.stride(1),
        ACTIVATION=activation,
    )  # fmt: skip
    return c


torch.manual_seed(0)
a = torch.randn((100, 72), device="cuda", dtype=torch.float16)
b = torch.randn((72, 90), device="cuda", dtype=torch.float16)
exact = a.numpy().astype(np.float32) @ b.numpy().astype(np.float32)
np.testing.assert_allclose(matmul(a, b).numpy(), exact, rtol=2e-3, atol=2e-3)
exact = np.where(exact >= 0, exact, 0.01 * exact)
np.testing.assert_allclose(matmul(a, b, "leaky").numpy(), exact, rtol=2e-3, atol=2e-3)
