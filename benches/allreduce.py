"""All-reduce over all SIPs, swept over sizes as nccl-tests does."""

from collections.abc import Iterator

from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.sweep import buffers, iterations, sizes_of, wrong
from kernbench.runtime_api.torch import Torch

SIZES = Sweep.of("4KiB", "1MiB", 4)


def bench(
    torch: Torch,
    *,
    sizes: Sweep = SIZES,
    dtype: str = "float32",
    op: str = "sum",
    algo: str = "ring",
    channels: int = 1,
    members: int = 1,
    iters: int = 1,
) -> Iterator[Row]:
    """Fill, wait for each other, reduce: one row a size."""
    dist = torch.distributed
    dist.init_process_group(algo=algo, channels=channels, members=members)
    for count, element in sizes_of(torch, "all_reduce", sizes, dtype):
        works = []
        for _ in iterations(iters):
            x, _y = buffers(torch, "all_reduce", count, element, op)
            dist.prepare("all_reduce", count=count, dtype=element)
            dist.align()
            works.append(dist.all_reduce(x, op))
        yield dist.row(works, x, op)


def verify(torch: Torch, row: Row) -> int:
    """Count elements that differ from numpy's reduction of the same patterns."""
    return wrong(torch, row, "all_reduce")
