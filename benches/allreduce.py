"""All-reduce over all SIPs, swept over sizes as nccl-tests does."""

from collections.abc import Iterator

import numpy as np

from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Array
from kernbench.runtime_api.torch import Torch
from kernbench.triton_emu.dtype import DType

SIZES = Sweep.of("4KiB", "1MiB", 4)
REDUCE = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def pattern(rank: int, count: int, dtype: DType, op: str) -> Array:
    """Small integers that every dtype holds exactly, also when reduced over 64 ranks."""
    index = np.arange(count)
    if op == "prod":
        return np.where((index + rank) % 8 == 0, 2, 1).astype(dtype.numpy)
    return ((index + rank) % 4).astype(dtype.numpy)


def bench(
    torch: Torch,
    *,
    sizes: Sweep = SIZES,
    dtype: str = "float32",
    op: str = "sum",
    algo: str = "ring",
    channels: int = 1,
) -> Iterator[Row]:
    """Fill, wait for each other, reduce: one row a size."""
    dist = torch.distributed
    dist.init_process_group(algo=algo, channels=channels)
    element = torch.dtype_named(dtype)
    for size in sizes:
        count = max(size // element.itemsize, 1)
        x = torch.from_numpy(pattern(dist.get_rank(), count, element, op))
        dist.barrier()
        yield dist.row(dist.all_reduce(x, op), x, op)


def verify(torch: Torch, row: Row) -> int:
    """Count elements that differ from numpy's reduction of the same patterns."""
    (x,) = row.results
    op = row.columns["redop"]
    expected = pattern(0, x.numel(), x.dtype, op)
    for rank in range(1, torch.distributed.get_world_size()):
        expected = REDUCE[op](expected, pattern(rank, x.numel(), x.dtype, op))
    return int(np.count_nonzero(x.peek() != expected))
