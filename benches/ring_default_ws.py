"""The ring all-reduce over as many ranks as there are: rank r fills with r + 1, and two ranks both read 3."""

from collections.abc import Iterator
from functools import reduce

import numpy as np

from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.sweep import REDUCE, iterations, sizes_of
from kernbench.runtime_api.tensor import Array
from kernbench.runtime_api.torch import Torch

SIZES = Sweep.of("4KiB", "4KiB", 2)


def bench(
    torch: Torch, *, sizes: Sweep = SIZES, dtype: str = "float32", op: str = "sum", iters: int = 1
) -> Iterator[Row]:
    """Fill, reduce, read back: one row a size."""
    dist = torch.distributed
    dist.init_process_group(algo="ring")
    for count, element in sizes_of(torch, "all_reduce", sizes, dtype):
        works = []
        for _ in iterations(iters):
            x = torch.full((count,), dist.get_rank() + 1, dtype=element)
            dist.align()
            works.append(dist.all_reduce(x, op))
        row = dist.row(works, x, op)
        if dist.has_values:
            row.columns["reads"] = float(x.numpy()[0])
        yield row


def verify(torch: Torch, row: Row) -> int:
    """Count elements that are not 1 op 2 op ... op n, divided by n for avg."""
    (x,) = row.results
    n, op = torch.distributed.get_world_size(), row.columns["redop"]
    total: Array = reduce(REDUCE[op], np.arange(1, n + 1).astype(x.dtype.numpy))
    if op == "avg":
        total = total // n if x.dtype.is_int() else (total.astype(np.float32) / np.float32(n)).astype(total.dtype)
    return int(np.count_nonzero(x.peek() != total))
