"""Replay of an ASTRA-sim text workload; `kernbench run --workload FILE` is short for it."""

from collections.abc import Iterator

from kernbench.common.errors import UsageError
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.torch import Torch
from kernbench.runtime_api.workload.astra_text import read_text
from kernbench.runtime_api.workload.astra_text_tasks import tasks_of
from kernbench.runtime_api.workload.replay import replay


def bench(
    torch: Torch,
    *,
    file: str = "",
    compute_unit: str = "ns",
    layers: str = "",
    overlap: bool = True,
    gather_size: str = "total",
    dtype: str = "float32",
    algo: str = "ring",
    channels: int = 1,
) -> Iterator[Row]:
    """Do one pass over the layers of FILE: a row for all of it, then one a kind of task and size."""
    if not file:
        raise UsageError("workload: name the file: kernbench run --workload FILE")
    dist = torch.distributed
    workload = tasks_of(read_text(file), dist.get_world_size(), compute_unit, layers, gather_size, overlap=overlap)
    dist.init_process_group(algo=algo, channels=channels)
    yield from replay(torch, workload, torch.dtype_named(dtype))
