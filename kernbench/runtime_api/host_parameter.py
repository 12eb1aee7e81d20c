"""`torch.nn.Parameter`: a tensor that a module counts among its own."""

from typing import Any

from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.dtype import DType


class Parameter(Tensor):
    """The same bytes as the tensor that it is made of."""

    def __init__(self, data: Tensor, requires_grad: bool = True) -> None:
        allocation = data._allocation  # noqa: SLF001  # of the same class
        super().__init__(data._rank, data.shape, data.dtype, view=data._view, allocation=allocation)  # noqa: SLF001
        self.requires_grad = requires_grad

    def _made(self, shape: tuple[int, ...], dtype: DType) -> Tensor:
        return Tensor(self._rank, tuple(shape), dtype)

    def become(self, data: Tensor) -> None:
        """Hold what another tensor holds."""
        self.shape, self.dtype, self.nbytes = data.shape, data.dtype, data.nbytes
        self._view, self._allocation = data._view, data._allocation  # noqa: SLF001

    data: Any = property(Tensor.detach, become)
