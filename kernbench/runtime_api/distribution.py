"""Placements in the words of torch's DTensor: a tensor sharded or replicated over the cubes or PEs of a SIP."""

from collections.abc import Sequence
from math import prod
from typing import TypeAlias

import msgspec

from kernbench.common.errors import UsageError
from kernbench.policy.placement import Placement
from kernbench.policy.sharding import Replicated, Sharded
from kernbench.runtime_api.cubes import cube_of

OVER = ("cubes", "pes")


class Shard(msgspec.Struct, frozen=True):
    """Cut along `dim` as torch.chunk does, shard i contiguous in cube i; over "pes" in the cube of PE i."""

    dim: int = 0
    over: str = "cubes"

    def placed(self, shape: tuple[int, ...], itemsize: int, pes: Sequence[str]) -> Placement:
        """Where the shards lie: a chunk is ceil(extent / shards) long, the last ones are shorter or empty."""
        cubes = _cubes(self.over, pes)
        if not -len(shape) <= self.dim < len(shape):
            raise UsageError(f"Shard({self.dim}): a tensor of shape {tuple(shape)} has dims 0 to {len(shape) - 1}")
        dim = self.dim % len(shape)
        inner = prod(shape[dim + 1 :]) * itemsize
        chunk = -(-shape[dim] // len(cubes))
        return Sharded(cubes, max(prod(shape[:dim]), 1), max(shape[dim] * inner, 1), max(chunk * inner, 1))


class Replicate(msgspec.Struct, frozen=True):
    """A whole copy in every cube: a PE reads its own cube's, a write goes to all.

    Writes of two programs to the same bytes reach the copies each in an order of its own: copies may differ then.
    """

    over: str = "cubes"

    def placed(self, shape: tuple[int, ...], itemsize: int, pes: Sequence[str]) -> Placement:  # noqa: ARG002
        """Where the copies lie, whatever the shape."""
        return Replicated(tuple(dict.fromkeys(_cubes(self.over, pes))))


class Partial(msgspec.Struct, frozen=True):
    """Each cube, or PE, or with `torch.distributed.tensor` each rank, has an operand of the whole; the tensor is their reduction."""

    reduce_op: str = "sum"
    over: str = "cubes"


Distribution: TypeAlias = Shard | Replicate
AnyPlacement: TypeAlias = Placement | Distribution
"""What a tensor takes as its placement."""


def _cubes(over: str, pes: Sequence[str]) -> tuple[int, ...]:
    """The cube of each shard."""
    if over not in OVER:
        raise UsageError(f"a placement over {over!r}: there are {', '.join(OVER)}; over SIPs use distribute_tensor")
    each = tuple(cube_of(pe) for pe in pes)
    return tuple(dict.fromkeys(each)) if over == "cubes" else each
