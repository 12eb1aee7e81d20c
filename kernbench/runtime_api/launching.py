"""What every operator of a tensor needs: an unwritten result, a grid of programs, and the launch."""

from typing import TYPE_CHECKING, Any

from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.runtime_api import tensor_kernels as kernels
from kernbench.runtime_api.view import View
from kernbench.triton_emu.dtype import DType
from kernbench.triton_emu.launch import Launch

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class Launching:
    """A tensor as its operators see it; Tensor itself has the attributes that are only declared here."""

    if TYPE_CHECKING:
        shape: Any
        dtype: DType
        _rank: Any
        _view: View

        def __init__(self, rank: Any, shape: tuple[int, ...], dtype: DType, placement: Any = None) -> None: ...
        def contiguous(self) -> "Tensor": ...  # noqa: D102  # Tensor's
        def numel(self) -> int: ...  # noqa: D102  # Tensor's
        def is_contiguous(self) -> bool: ...  # noqa: D102  # Tensor's
        def permute(self, *order: Any) -> "Tensor": ...  # noqa: D102  # Tensor's
        def expand(self, *shape: Any) -> "Tensor": ...  # noqa: D102  # Tensor's
        def to(self, *kinds: Any) -> "Tensor": ...  # noqa: D102  # Conversions'
        def reshape(self, *shape: Any) -> "Tensor": ...  # noqa: D102  # Tensor's

    def _made(self, shape: tuple[int, ...], dtype: DType) -> "Tensor":
        made: Tensor = type(self)(self._rank, tuple(shape), dtype)  # type: ignore[assignment]
        return made

    def _launch(self, launch: Launch) -> None:
        self._rank.call(KernelLaunchMsg(launch, tuple(self._rank.pes)))

    def _grid(self, count: int) -> tuple[tuple[int], int]:
        """(grid, elements of a program): small tensors are spread over as many PEs as have a line each."""
        size = kernels.BLOCK
        while size > 64 and size * len(self._rank.pes) >= 2 * count:
            size //= 2
        return (-(-count // size),), size

    def _lies(self) -> Any:
        """What a kernel knows of its place: None if elements lie side by side."""
        return None if self.is_contiguous() else (tuple(self.shape), self._view.strides)
