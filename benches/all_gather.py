"""All-gather: every SIP ends with the blocks of all, swept over sizes as nccl-tests does."""

from collections.abc import Iterator

from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.sweep import sweep, wrong
from kernbench.runtime_api.torch import Torch

SIZES = Sweep.of("4KiB", "1MiB", 4)


def bench(
    torch: Torch,
    *,
    sizes: Sweep = SIZES,
    dtype: str = "float32",
    algo: str = "ring",
    channels: int = 1,
    members: int = 1,
    iters: int = 1,
) -> Iterator[Row]:
    """One row a size; a size counts all blocks."""
    torch.distributed.init_process_group(algo=algo, channels=channels, members=members)
    return sweep(torch, "all_gather", sizes, dtype, "", iters)


def verify(torch: Torch, row: Row) -> int:
    """Count elements that are not what numpy makes of the same patterns."""
    return wrong(torch, row, "all_gather")
