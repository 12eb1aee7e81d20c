"""Products of int8 and fp8 matrices with a scale for each row and column, checked against what torch makes of them."""
# ruff: noqa: N806, N812  # written as users write such files

import torch
import torch.nn.functional as F
import triton
import triton.language as tl

FP8_MAX = torch.finfo(torch.float8_e4m3fn).max


@triton.jit
def quantise_rows(x_ptr, q_ptr, scale_ptr, n_cols, LIMIT: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    at = tl.arange(0, BLOCK)
    mask = at < n_cols
    x = tl.load(x_ptr + row * n_cols + at, mask=mask, other=0.0).to(tl.float32)
    scale = tl.maximum(tl.max(tl.abs(x), axis=0), 1e-6) / LIMIT
    y = x / scale
    if q_ptr.dtype.element_ty == tl.int8:
        y = tl.extra.cuda.libdevice.rint(y)
    tl.store(q_ptr + row * n_cols + at, y.to(q_ptr.dtype.element_ty), mask=mask)
    tl.store(scale_ptr + row, scale)


def get_autotune_configs():
    return [triton.Config({"BM": m, "BN": 32, "BK": 32, "GROUP": 2}, num_stages=3, num_warps=4) for m in (32, 64)]


@triton.autotune(configs=get_autotune_configs(), key=["M", "N", "K"])
@triton.heuristics({"EVEN_K": lambda args: args["K"] % args["BK"] == 0})
@triton.jit
def scaled_matmul(
    a_ptr, b_ptr, c_ptr, a_scale_ptr, b_scale_ptr, bias_ptr,
    M, N, K,
    stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    HAS_BIAS: tl.constexpr, ACC: tl.constexpr, EVEN_K: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    pid = tl.program_id(axis=0)
    grid_m, grid_n = tl.cdiv(M, BM), tl.cdiv(N, BN)
    pid_m, pid_n = tl.swizzle2d(pid // grid_n, pid % grid_n, grid_m, grid_n, GROUP)
    rm = (pid_m * BM + tl.arange(0, BM)) % M
    rn = (pid_n * BN + tl.arange(0, BN)) % N
    rk = tl.arange(0, BK)
    a_ptrs = a_ptr + rm[:, None] * stride_am + rk[None, :] * stride_ak
    b_ptrs = b_ptr + rk[:, None] * stride_bk + rn[None, :] * stride_bn
    acc = tl.zeros([BM, BN], dtype=ACC)
    for k in range(tl.cdiv(K, BK)):
        if EVEN_K:
            a, b = tl.load(a_ptrs), tl.load(b_ptrs)
        else:
            a = tl.load(a_ptrs, mask=rk[None, :] < K - k * BK, other=0)
            b = tl.load(b_ptrs, mask=rk[:, None] < K - k * BK, other=0)
        acc = tl.dot(a, b, acc=acc, out_dtype=ACC)
        a_ptrs += BK * stride_ak
        b_ptrs += BK * stride_bk
    rm = pid_m * BM + tl.arange(0, BM)
    rn = pid_n * BN + tl.arange(0, BN)
    scales = tl.load(a_scale_ptr + rm, mask=rm < M)[:, None] * tl.load(b_scale_ptr + rn, mask=rn < N)[None, :]
    out = acc.to(tl.float32) * scales
    if HAS_BIAS:
        out += tl.load(bias_ptr + rn, mask=rn < N, other=0.0).to(tl.float32)[None, :]
    c_ptrs = c_ptr + rm[:, None] * stride_cm + rn[None, :] * stride_cn
    tl.store(c_ptrs, out.to(c_ptr.type.element_ty), mask=(rm[:, None] < M) & (rn[None, :] < N))


def quantise(x: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    q = torch.empty(x.shape, dtype=dtype, device=x.device)
    scale = x.new_empty(x.shape[0], dtype=torch.float32)
    limit = FP8_MAX if dtype == torch.float8_e4m3fn else torch.iinfo(torch.int8).max
    quantise_rows[(x.shape[0],)](x, q, scale, x.shape[1], LIMIT=limit, BLOCK=triton.next_power_of_2(x.shape[1]))
    return q, scale


def linear(x, weight, bias=None, dtype=torch.int8):
    (M, K), N = x.shape, weight.shape[0]
    qx, sx = quantise(x, dtype)
    qw, sw = quantise(weight, dtype)
    out = torch.empty((M, N), device=x.device, dtype=torch.bfloat16)
    b = qw.t()
    grid = lambda META: (triton.cdiv(M, META["BM"]) * triton.cdiv(N, META["BN"]),)  # noqa: E731
    scaled_matmul[grid](
        qx, b, out, sx, sw, bias, M, N, K,
        qx.stride(0), qx.stride(1), b.stride(0), b.stride(1), out.stride(0), out.stride(1),
        HAS_BIAS=bias is not None, ACC=tl.int32 if dtype == torch.int8 else tl.float32,
    )  # fmt: skip
    return out, qx, sx, qw, sw


torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
for dtype in (torch.int8, torch.float8_e4m3fn):
    for K in (64, 72):
        x = torch.randn(50, K, device=device, dtype=torch.float16)
        w = torch.randn((40, K), device=device, dtype=torch.float16) * 0.1
        bias = torch.randn(40, device=device) if K == 64 else None
        out, qx, sx, qw, sw = linear(x, w, bias, dtype)
        deq_x, deq_w = qx.float() * sx[:, None], qw.to(torch.float32) * sw.unsqueeze(1)
        assert (deq_x - x.float()).abs().max() < 0.1 * x.abs().max().float(), dtype
        if dtype == torch.int8:
            assert torch.equal(qx, torch.round(x.float() / sx[:, None]).clamp_(-128, 127).to(torch.int8))
        expected = F.linear(deq_x, deq_w, bias).to(torch.bfloat16)
        torch.testing.assert_close(out, expected, rtol=1.6e-2, atol=1e-2)
        cos = F.cosine_similarity(out.float().flatten(), F.linear(x.float(), w.float(), bias).flatten(), dim=0)
        assert cos.item() > 0.99, f"{dtype}: {cos.item():.4f}"
