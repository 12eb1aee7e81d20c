"""Replay of Chakra execution traces, a file per rank; `kernbench run --chakra PREFIX` is short for it."""

from collections.abc import Iterator

from kernbench.common.errors import UsageError
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.torch import Torch
from kernbench.runtime_api.workload.chakra_tasks import read_chakra
from kernbench.runtime_api.workload.replay import replay


def bench(
    torch: Torch,
    *,
    prefix: str = "",
    compute_unit: str = "us",
    groups: str = "",
    dims: str = "",
    dtype: str = "float32",
    algo: str = "ring",
    channels: int = 1,
) -> Iterator[Row]:
    """Do what the files PREFIX.0.et, PREFIX.1.et, ... say: a row for all of it, then one a kind of task and size."""
    if not prefix:
        raise UsageError(
            "chakra: name the trace: kernbench run --chakra PREFIX, of files PREFIX.0.et, PREFIX.1.et, ..."
        )
    workload = read_chakra(prefix, compute_unit, groups, dims)
    torch.distributed.init_process_group(algo=algo, channels=channels)
    yield from replay(torch, workload, torch.dtype_named(dtype))
