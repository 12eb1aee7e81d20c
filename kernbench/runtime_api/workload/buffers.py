"""Memory for the tasks of a replay: a tensor that is free again serves the next task that it is large enough for."""

from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.dtype import DType


class Buffers:
    """Tensors of one type on one rank; what they hold means nothing."""

    def __init__(self, rank: Rank, dtype: DType) -> None:
        self._rank = rank
        self._dtype = dtype
        self._free: list[Tensor] = []

    def take(self, count: int) -> tuple[Tensor, Tensor]:
        """(tensor, its first `count` elements): the smallest that is free and large enough, else a new one."""
        fitting = [number for number, each in enumerate(self._free) if each.numel() >= count]
        if not fitting:
            made = Tensor(self._rank, (count,), self._dtype)
            return made, made
        found = self._free.pop(min(fitting, key=lambda number: self._free[number].numel()))
        return found, found if found.numel() == count else found[:count]

    def give_back(self, tensor: Tensor) -> None:
        """It is free again."""
        self._free.append(tensor)
