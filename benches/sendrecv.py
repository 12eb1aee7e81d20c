"""Every SIP sends to the next one and receives from the one before, swept over sizes as nccl-tests does."""

from collections.abc import Iterator

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.sweep import iterations, pattern
from kernbench.runtime_api.torch import Torch

SIZES = Sweep.of("4KiB", "1MiB", 4)


def bench(torch: Torch, *, sizes: Sweep = SIZES, dtype: str = "float32", iters: int = 1) -> Iterator[Row]:
    """One row a size: a send and a receive at once."""
    dist = torch.distributed
    dist.init_process_group()
    n, me, element = dist.get_world_size(), dist.get_rank(), torch.dtype_named(dtype)
    if n == 1:
        raise UsageError("sendrecv: it takes two SIPs; use --sips 2 or more")
    dist.prepare_pairs((me + 1) % n, (me - 1) % n)
    for size in sizes:
        count = max(size // element.itemsize, 1)
        x, y = torch.from_numpy(pattern(me, count, element, "")), torch.empty(count, dtype=element)
        pairs = []
        for _ in iterations(iters):
            dist.align()
            pair = dist.irecv(y, (me - 1) % n), dist.isend(x, (me + 1) % n)
            for work in pair:
                work.wait()
            pairs.append(pair)
        yield dist.row_of_pairs(pairs, y)


def verify(torch: Torch, row: Row) -> int:
    """Count elements that are not what the rank before has."""
    dist, (y,) = torch.distributed, row.results
    before = (dist.get_rank() - 1) % dist.get_world_size()
    return int(np.count_nonzero(y.peek() != pattern(before, y.numel(), y.dtype, "")))
