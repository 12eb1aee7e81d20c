"""`torch.distributed.tensor`: tensors over the SIPs of a group, sharded, replicated or as addends of a sum."""

from typing import TYPE_CHECKING, Any, TypeAlias

from kernbench.common.errors import UsageError
from kernbench.runtime_api.distribution import Partial, Replicate, Shard
from kernbench.runtime_api.group import Group
from kernbench.runtime_api.tensor import Tensor

if TYPE_CHECKING:
    from kernbench.runtime_api.distributed import Distributed


Spread: TypeAlias = Shard | Replicate | Partial


class DTensor:
    """A rank's part of a tensor; `redistribute` changes how it is spread, by the collective that torch uses for it."""

    def __init__(self, dist: "Distributed", local: Tensor, placement: Spread, group: Group | None) -> None:
        self.placement = placement
        self._dist = dist
        self._local = local
        self._group = group

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the whole tensor."""
        extents = list(self._local.shape)
        if isinstance(self.placement, Shard):
            extents[self.placement.dim] *= self._size()
        return tuple(extents)

    def _size(self) -> int:
        return self._dist.get_world_size(self._group)

    def to_local(self) -> Tensor:
        """What this rank holds."""
        return self._local

    def full_tensor(self) -> Tensor:
        """The whole tensor, on every rank."""
        return self.redistribute(Replicate()).to_local()

    def redistribute(self, placement: Spread) -> "DTensor":
        """The same tensor spread otherwise.

        Shard to Replicate is an all-gather, Partial to Replicate an all-reduce, Partial to Shard a reduce-scatter;
        Replicate to Shard sends nothing; one Shard to another goes by way of Replicate.
        """
        if placement == self.placement:
            return self
        return self._made(self._moved(placement), placement)

    def _moved(self, placement: Spread) -> Tensor:
        here = self.placement
        if isinstance(placement, Partial):
            raise UsageError(f"redistribute: {here} to {placement}: what is whole has no addends; use from_local")
        if isinstance(here, Partial):
            return self._reduced(here.reduce_op, placement)
        whole = self._gathered(here.dim) if isinstance(here, Shard) else self._local
        return _chunk(whole, placement.dim, self._rank(), self._size()) if isinstance(placement, Shard) else whole

    def _rank(self) -> int:
        return self._dist.get_rank(self._group)

    def _gathered(self, dim: int) -> Tensor:
        mine = _first(self._local, dim)
        whole = Tensor(mine._rank, (mine.shape[0] * self._size(), *mine.shape[1:]), mine.dtype)  # noqa: SLF001  # of its kind
        self._dist.all_gather(whole, mine, self._group)
        return _first(whole, dim)

    def _reduced(self, op: str, placement: Shard | Replicate) -> Tensor:
        if isinstance(placement, Replicate):
            total = Tensor(self._local._rank, self._local.shape, self._local.dtype)  # noqa: SLF001  # of its kind
            total.copy_(self._local)
            self._dist.all_reduce(total, op, self._group)
            return total
        operand = _first(self._local, placement.dim)
        rows = _rows(operand.shape[0], self._size(), placement.dim)
        mine = Tensor(operand._rank, (rows, *operand.shape[1:]), operand.dtype)  # noqa: SLF001  # of its kind
        self._dist.reduce_scatter(mine, operand, op, self._group)
        return _first(mine, placement.dim)

    def _made(self, local: Tensor, placement: Spread) -> "DTensor":
        return DTensor(self._dist, local, placement, self._group)


_DTensor: TypeAlias = DTensor


class DistributedTensors:
    """The names of `torch.distributed.tensor`."""

    DTensor = DTensor
    Shard = Shard
    Replicate = Replicate
    Partial = Partial

    def __init__(self, dist: "Distributed") -> None:
        self._dist = dist

    def from_local(self, local: Tensor, placement: Spread, group: Group | None = None) -> _DTensor:
        """Say what each rank's tensor is part of; nothing is sent."""
        return DTensor(self._dist, local, placement, group)

    def distribute_tensor(self, tensor: Tensor, placement: Spread, group: Group | None = None) -> _DTensor:
        """Spread a tensor of which every rank has the same copy (torch's `src_data_rank=None`); nothing is sent."""
        return DTensor(self._dist, tensor, Replicate(), group).redistribute(placement)


def _first(tensor: Tensor, dim: int) -> Tensor:
    """The tensor with axis `dim` in front, its elements side by side; its own inverse."""
    order: list[Any] = list(range(len(tensor.shape)))
    order[0], order[dim] = order[dim], order[0]
    return tensor.permute(*order).contiguous()


def _chunk(tensor: Tensor, dim: int, rank: int, size: int) -> Tensor:
    front = _first(tensor, dim)
    rows = _rows(front.shape[0], size, dim)
    return _first(front[rank * rows : (rank + 1) * rows], dim)


def _rows(extent: int, size: int, dim: int) -> int:
    if extent % size:
        raise UsageError(f"Shard({dim}) over {size} ranks: the extent {extent} is no multiple of {size}")
    return extent // size
