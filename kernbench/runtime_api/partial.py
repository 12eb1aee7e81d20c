"""A tensor that kernels of several cubes or PEs add up to: each has an addend of its own until they are summed."""

from math import prod
from typing import Any, NoReturn

from kernbench.common.errors import UsageError
from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.policy.addends import ALL, Addends
from kernbench.runtime_api import tensor_kernels as kernels
from kernbench.runtime_api.cubes import cube_of
from kernbench.runtime_api.distribution import OVER, AnyPlacement, Partial
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Size, Tensor
from kernbench.runtime_api.view import View
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.dtype import DType


class PartialTensor:
    """What `torch.empty(n, placement=torch.Partial())` gives: addends, all zero at first, in row-major order.

    A kernel takes it as any tensor: what a program loads, stores and adds to is the addend of its cube (or of its PE).
    `redistribute` sums them. It has no operators and no values of its own.
    """

    def __init__(self, rank: Rank, shape: tuple[int, ...], dtype: DType, placement: Partial) -> None:
        if placement.reduce_op != "sum":
            raise UsageError(
                f"Partial({placement.reduce_op!r}): addends in cubes or PEs are summed; over SIPs use from_local"
            )
        if placement.over not in OVER:
            raise UsageError(
                f"a placement over {placement.over!r}: there are {', '.join(OVER)}; over SIPs use from_local"
            )
        self.shape = Size(shape)
        self.dtype = dtype
        self.nbytes = prod(shape) * dtype.itemsize
        self._rank = rank
        self._pes = tuple(rank.pes)
        places = [(cube_of(pe), int(pe.rpartition("pe")[2])) for pe in self._pes]
        self._holders = [(cube, ALL if placement.over == "cubes" else pe) for cube, pe in places]
        size = max(self.nbytes, 1)
        addends = Addends(tuple(dict.fromkeys(self._holders)), size)
        self._allocation = rank.space.allocate(rank.fresh_name("partial"), size, addends)

    def numel(self) -> int:
        """Count the elements."""
        return prod(self.shape)

    def stride(self, dim: int | None = None) -> Any:
        """Elements from one to the next along each axis, or along one."""
        strides = View.whole(self.shape).strides
        return strides if dim is None else strides[dim]

    def data_ptr(self) -> int:
        """The virtual address of the first element, the same for every addend."""
        return self._allocation.address

    def as_pointer(self, name: str) -> PointerArg:
        """What a kernel gets when this is its argument `name`."""
        return PointerArg(name, self.data_ptr(), self.nbytes, self.dtype)

    def redistribute(self, placement: AnyPlacement | None = None) -> Tensor:
        """The sum of the addends as a tensor, by a kernel on all PEs.

        They are added at the memory that holds the sum, in the order in which they come there.
        """
        total = Tensor(self._rank, tuple(self.shape), self.dtype, placement)
        shares = tuple(
            (self._holders[:number].count(holder), self._holders.count(holder))
            for number, holder in enumerate(self._holders)
        )
        if self.numel():
            launch = kernels.add_own.launch((len(self._pes),), total, self, self.numel(), shares, kernels.BLOCK)
            self._rank.call(KernelLaunchMsg(launch, self._pes))
        return total

    full_tensor = redistribute

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"a Partial tensor has no {name}: it has only addends yet; redistribute() gives their sum")
