"""The ring all-reduce over as many ranks as there are: rank r fills with r + 1, and two ranks both read 3."""

import numpy as np

from kernbench.runtime_api.row import Row
from kernbench.runtime_api.torch import Torch


def bench(torch: Torch, *, count: int = 1024) -> Row:
    """Fill, reduce, read back."""
    dist = torch.distributed
    dist.init_process_group(algo="ring")
    x = torch.full((count,), dist.get_rank() + 1)
    row = dist.row(dist.all_reduce(x), x, "sum")
    row.columns["reads"] = float(x.numpy()[0])
    return row


def verify(torch: Torch, row: Row) -> int:
    """Count elements that are not 1 + 2 + ... + n."""
    n = torch.distributed.get_world_size()
    return int(np.count_nonzero(row.results[0].peek() != n * (n + 1) // 2))
