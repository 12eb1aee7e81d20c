"""The projections of attention on 1, 2, 4, 8 and all PEs: how far the launch speeds up, and what bounds it."""

import triton

from kernbench.runtime_api.argument import Block, Count, Precision

from .qkv_gemm import projection, verify

__all__ = ["bench", "verify"]


def bench(
    torch,
    *,
    tokens: Count = 512,
    hidden: Count = 128,
    block: Block = 32,
    block_k: Block = 128,
    dtype: Precision = "float16",
):
    """One row for each number of PEs; `speedup` is against the first, `efficiency` the same for each PE."""
    all_pes = triton.runtime.driver.active.utils.get_device_properties(0)["multiprocessor_count"]
    first = 0
    for pes in [number for number in (1, 2, 4, 8) if number < all_pes] + [all_pes]:
        row = projection(torch, tokens, hidden, block, block_k, dtype, pes)
        took = row.end - row.start
        first = first or took
        speedup = first / took
        row.columns |= {"speedup": round(speedup, 3), "efficiency": round(speedup / row.columns["pes"], 3)}
        yield row
