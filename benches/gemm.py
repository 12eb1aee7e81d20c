"""Product of two matrices of any size, or of each shape of a list: tiles along K, programs in groups of rows."""

from pathlib import Path

import numpy as np
import triton
import triton.language as tl

from kernbench.runtime_api.argument import Block, Count, Pes, Precision, Tile
from kernbench.runtime_api.shapes import Shape, read_shapes


@triton.jit
def matmul(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    pid = tl.program_id(0)
    down, across = tl.cdiv(M, BLOCK_M), tl.cdiv(N, BLOCK_N)
    in_group = GROUP * across
    first = pid // in_group * GROUP
    height = min(down - first, GROUP)
    m = (first + pid % in_group % height) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = pid % in_group // height * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for step in range(tl.cdiv(K, BLOCK_K)):
        left = K - step * BLOCK_K
        a = tl.load(a_ptrs, mask=(m[:, None] < M) & (k[None, :] < left), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < left) & (n[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=(m[:, None] < M) & (n[None, :] < N))


TILES = (256, 128, 64, 32)


def tile_for(M, N, pes):
    """The largest of TILES that leaves a program for each PE: the larger a tile, the fewer bytes for each product."""
    return next((tile for tile in TILES if triton.cdiv(M, tile) * triton.cdiv(N, tile) >= pes), TILES[-1])


def bench(
    torch,
    *,
    m: Count = 256,
    n: Count = 256,
    k: Count = 256,
    shapes: str = "",
    block_m: Tile = 0,
    block_n: Tile = 0,
    block_k: Block = 64,
    dtype: Precision = "float16",
    pes: Pes = 0,
):
    """One row for each product: M, N and K, or a row of `--shapes`, a file with the columns Layer,M,N,K."""
    named = read_shapes(Path(shapes)) if shapes else [("", Shape(m, n, k))]
    element = torch.dtype_named(dtype)
    wanted = pes or triton.runtime.driver.active.utils.get_device_properties(0)["multiprocessor_count"]
    for layer, (M, N, K) in named:
        # Small integers: every product and sum is exact in float32, in whatever order it is added up.
        a, b = torch.randint(-3, 4, (M, K), dtype=element), torch.randint(-3, 4, (K, N), dtype=element)
        c = torch.empty(M, N, dtype=element)
        tile_m, tile_n = block_m or tile_for(M, N, wanted), block_n or tile_for(M, N, wanted)
        launched = matmul[(triton.cdiv(M, tile_m) * triton.cdiv(N, tile_n),)](
            a, b, c, M, N, K, *a.stride(), *b.stride(), *c.stride(),
            BLOCK_M=tile_m, BLOCK_N=tile_n, BLOCK_K=block_k, GROUP=8, pes=pes or None,
        )  # fmt: skip
        own = {"layer": layer} if shapes else {}
        columns = {**own, "M": M, "N": N, "K": K, "dtype": dtype, "tile": f"{tile_m}x{tile_n}x{block_k}"}
        work = {"matrix": 2 * M * N * K, "read": a.nbytes + b.nbytes, "written": c.nbytes}
        yield torch.kernel_row(launched, columns, **work, inputs=(a, b), results=(c,))


def verify(torch, row):
    """Elements that are not the exact product, rounded once: bit for bit."""
    a, b = (each.peek().astype(np.float32) for each in row.inputs)
    (c,) = row.results
    return int(np.count_nonzero(c.peek() != (a @ b).astype(c.dtype.numpy)))
