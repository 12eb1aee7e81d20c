"""The sweep of a collective as nccl-tests does it: sizes, iterations, small integers that every type holds, and a check."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.common.units import format_size
from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.collectives.choice import crossovers
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.tensor import Array, Tensor
from kernbench.triton_emu.dtype import DType

REDUCE: dict[str, Callable[..., Any]] = {
    "sum": np.add,
    "avg": np.add,
    "prod": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
}


def pattern(rank: int, count: int, dtype: DType, op: str) -> Array:
    """Small integers that every dtype holds exactly, also when reduced over 64 ranks."""
    index = np.arange(count)
    if op == "prod":
        return np.where((index + rank) % 8 == 0, 2, 1).astype(dtype.numpy)
    return ((index + rank) % 4).astype(dtype.numpy)


def iterations(iters: int) -> range:
    """As many as asked for, at least one."""
    if iters < 1:
        raise UsageError(f"--iters {iters}: expected a number from 1")
    return range(iters)


def sizes_of(torch: Any, kind: str, sizes: Sweep, dtype: str) -> Iterator[tuple[int, DType]]:
    """(elements of a block, their type) for each size, which counts the blocks of all ranks; at least one element.

    Under `--algo auto` the first rank prints at what sizes the choice changes.
    """
    group, element = torch.distributed.world, torch.dtype_named(dtype)
    blocks = group.team.size if KINDS[kind].blocked else 1
    if group.algo == "auto" and group.rank == 0:
        for size, best in crossovers(group, kind, element.itemsize, max(list(sizes)[-1] // blocks, element.itemsize)):
            print(f"{kind}: {best} from {format_size(size * blocks)}")  # noqa: T201  # what --algo auto is for
    for size in sizes:
        yield max(size // element.itemsize // blocks, 1), element


def sweep(torch: Any, kind: str, sizes: Sweep, dtype: str, op: str, iters: int) -> Iterator[Row]:
    """Fill, start together, run `iters` times: one row a size, the mean of the iterations."""
    dist = torch.distributed
    for count, element in sizes_of(torch, kind, sizes, dtype):
        works = []
        for _ in iterations(iters):
            x, y = buffers(torch, kind, count, element, op)
            dist.prepare(kind, count=count, dtype=element)
            dist.align()
            works.append(call(dist, kind, x, y, op))
        yield dist.row(works, y, op if KINDS[kind].reduces else "", kind)


def buffers(torch: Any, kind: str, count: int, dtype: DType, op: str) -> tuple[Tensor, Tensor]:
    """Input and output of a rank, beside its members; one tensor for what happens in place."""
    group, described = torch.distributed.world, KINDS[kind]
    n = group.team.size
    ins, outs = (count * (n if blocks == "all" else 1) for blocks in (described.inputs, described.outputs))
    members = range(group.rank * group.team.local, (group.rank + 1) * group.team.local)
    data = np.concatenate([pattern(member, ins, dtype, op) for member in members])
    x = torch.from_numpy(data, placement=group.beside(ins * dtype.itemsize))
    if not described.blocked:
        return x, x
    y = torch.empty(outs * len(members), dtype=dtype, placement=group.beside(outs * dtype.itemsize))
    return x, y


def call(dist: Any, kind: str, x: Tensor, y: Tensor, op: str) -> Any:
    """One collective."""
    if kind in ("all_gather", "all_to_all"):
        return getattr(dist, kind)(y, x)
    if kind == "reduce_scatter":
        return dist.reduce_scatter(y, x, op)
    if kind == "broadcast":
        return dist.broadcast(x)
    return dist.all_reduce(x, op)


def wrong(torch: Any, row: Row, kind: str) -> int:
    """Count elements that differ from what numpy makes of the same patterns."""
    (y,) = row.results
    group, op, described = torch.distributed.world, row.columns["redop"], KINDS[kind]
    n, count = group.team.size, row.columns["count"]
    ins = count * (n if described.inputs == "all" else 1)
    data = [pattern(member, ins, y.dtype, op) for member in range(n)]
    reduced = data[0]
    for other in data[1:] if described.reduces else ():
        reduced = REDUCE[op](reduced, other)
    if op == "avg":
        whole = y.dtype.is_int()
        reduced = reduced // n if whole else (reduced.astype(np.float32) / np.float32(n)).astype(reduced.dtype)
    found = y.peek().reshape(group.team.local, -1)
    differ = 0
    for number, seen in enumerate(found):
        member = group.rank * group.team.local + number
        part = slice(member * count, (member + 1) * count)
        differ += int(np.count_nonzero(seen != _expected(kind, data, reduced, part)))
    return differ


def _expected(kind: str, data: Sequence[Array], reduced: Array, part: slice) -> Array:
    """What the member that owns `part` of the blocks holds in the end."""
    if kind == "all_reduce":
        return reduced
    if kind == "reduce_scatter":
        return reduced[part]
    if kind == "all_gather":
        return np.concatenate(data)
    if kind == "all_to_all":
        return np.concatenate([each[part] for each in data])
    return data[0]
