"""All-reduce inside each SIP, PE to PE over IPCQ: one member a cube, neighbours in number in neighbouring cubes."""

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
    pes: int = 0,
    iters: int = 1,
) -> Iterator[Row]:
    """Each SIP reduces by itself; `--pes` members take part, without it one in each cube."""
    dist = torch.distributed
    dist.init_process_group(algo=algo, channels=channels, members=pes or dist.cubes, ranks=[dist.get_rank()])
    for count, element in sizes_of(torch, "all_reduce", sizes, dtype):
        works = []
        for _ in iterations(iters):
            x, _ = buffers(torch, "all_reduce", count, element, op)
            dist.prepare("all_reduce", count=count, dtype=element)
            works.append(dist.all_reduce(x, op))
        yield dist.row(works, x, op)


def verify(torch: Torch, row: Row) -> int:
    """Count elements that differ from numpy's reduction of the same patterns."""
    return wrong(torch, row, "all_reduce")
