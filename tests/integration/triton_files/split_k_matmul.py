"""Products whose depth is shared: split-K by atomic additions, and stream-K where programs wait for each other's tiles."""
# ruff: noqa: N806, PIE808  # written as users write such files

import torch
import triton
import triton.language as tl


@triton.jit
def split_k(
    A, B, C, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, SPLIT_K: tl.constexpr,
):  # fmt: skip
    pid, pid_k = tl.program_id(0), tl.program_id(1)
    across = tl.cdiv(N, BN)
    rm = (pid // across) * BM + tl.arange(0, BM)
    rn = (pid % across) * BN + tl.arange(0, BN)
    ram = tl.max_contiguous(tl.multiple_of(rm % M, BM), BM)
    rbn = tl.max_contiguous(tl.multiple_of(rn % N, BN), BN)
    rk = pid_k * BK + tl.arange(0, BK)
    A = A + (ram[:, None] * stride_am + rk[None, :] * stride_ak)
    B = B + (rk[:, None] * stride_bk + rbn[None, :] * stride_bn)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BK * SPLIT_K)):
        left = K - k * (BK * SPLIT_K)
        a = tl.load(A, mask=rk[None, :] < left, other=0.0)
        b = tl.load(B, mask=rk[:, None] < left, other=0.0)
        acc += tl.dot(a, b, allow_tf32=False)
        A += BK * SPLIT_K * stride_ak
        B += BK * SPLIT_K * stride_bk
    acc = acc.to(C.dtype.element_ty)
    C = C + (rm[:, None] * stride_cm + rn[None, :] * stride_cn)
    mask = (rm < M)[:, None] & (rn < N)[None, :]
    if SPLIT_K == 1:
        tl.store(C, acc, mask=mask)
    else:
        tl.atomic_add(C, acc, mask=mask)


@triton.jit
def mac_loop(
    A, B, M, N, K, stride_am, stride_bk, tile, first, last, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    across = tl.cdiv(N, BN)
    rm, rn = (tile // across) * BM + tl.arange(0, BM), (tile % across) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for step in range(first, last):
        rk = step * BK + tl.arange(0, BK)
        a = tl.load(A + rm[:, None] * stride_am + rk[None, :], mask=(rm[:, None] < M) & (rk[None, :] < K), other=0.0)
        b = tl.load(B + rk[:, None] * stride_bk + rn[None, :], mask=(rk[:, None] < K) & (rn[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc)
    return acc, rm, rn


@triton.jit
def stream_k(
    A, B, C, Partials, Locks, M, N, K, stride_am, stride_bk, stride_cm, total_steps,
    PROGRAMS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr,
):  # fmt: skip
    pid = tl.program_id(0)
    steps_of_tile = tl.cdiv(K, BK)
    per_program = tl.cdiv(total_steps, PROGRAMS)
    at = pid * per_program
    end = tl.minimum(at + per_program, total_steps)
    inner = tl.arange(0, BM)[:, None] * BN + tl.arange(0, BN)[None, :]
    while at < end:
        tile = at // steps_of_tile
        first = at % steps_of_tile
        last = tl.minimum(first + end - at, steps_of_tile)
        acc, rm, rn = mac_loop(A, B, M, N, K, stride_am, stride_bk, tile, first, last, BM, BN, BK)
        if first == 0:
            done = last
            helper = pid + 1
            while done < steps_of_tile:
                while tl.atomic_cas(Locks + helper, 1, 1, sem="acquire") != 1:
                    pass
                acc += tl.load(Partials + helper * BM * BN + inner, cache_modifier=".cv")
                done += tl.minimum(per_program, steps_of_tile - done)
                helper += 1
            mask = (rm < M)[:, None] & (rn < N)[None, :]
            tl.store(C + rm[:, None] * stride_cm + rn[None, :], acc.to(C.dtype.element_ty), mask=mask)
        else:
            tl.store(Partials + pid * BM * BN + inner, acc, cache_modifier=".wt")
            tl.debug_barrier()
            tl.atomic_xchg(Locks + pid, 1, sem="release")
        at += last - first


def cdiv(a, b):
    return -(a // -b)


torch.manual_seed(11)
M, N, K, BM, BN, BK = 40, 48, 200, 32, 32, 32
a = torch.randn((M, K), device="cuda", dtype=torch.float16)
b = torch.randn((K, N), device="cuda", dtype=torch.float16)
expected = torch.matmul(a.float(), b.float())
for splits in (1, 4):
    c = torch.zeros((M, N), device="cuda", dtype=torch.float32)
    split_k[(cdiv(M, BM) * cdiv(N, BN), splits)](
        a, b, c, M, N, K, a.stride(0), a.stride(1), b.stride(0), b.stride(1), c.stride(0), c.stride(1),
        BM=BM, BN=BN, BK=BK, SPLIT_K=splits, num_warps=4, num_stages=2,
    )  # fmt: skip
    torch.testing.assert_close(c, expected, rtol=1e-3, atol=1e-2)

programs = torch.cuda.get_device_properties(0).multi_processor_count
total = cdiv(M, BM) * cdiv(N, BN) * cdiv(K, BK)
locks = torch.zeros((programs + 1,), device="cuda", dtype=torch.int32)
partials = torch.empty((programs + 1, BM, BN), device="cuda", dtype=torch.float32)
c = torch.empty((M, N), device="cuda", dtype=torch.float16)
stream_k[(programs,)](
    a, b, c, partials, locks, M, N, K, a.stride(0), b.stride(0), c.stride(0), total,
    PROGRAMS=programs, BM=BM, BN=BN, BK=BK,
)  # fmt: skip
torch.testing.assert_close(c.float(), expected, rtol=2e-3, atol=2e-2)
print(f"stream-K on {programs} programs: {total} steps, locks {locks.tolist()}")
