"""Sums, means, extremes and softmax of a tensor: kernels with a program per row; the host finds where extremes are."""

from math import prod
from typing import TYPE_CHECKING, Any

from kernbench.runtime_api import tensor_kernels as kernels
from kernbench.runtime_api.host_array import accumulating
from kernbench.runtime_api.host_order import greatest, least
from kernbench.runtime_api.launching import Launching
from kernbench.triton_emu.dtype import DType, int64

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class Reductions(Launching):
    """Reductions along axes or of all elements, by torch's names and rules of types."""

    if TYPE_CHECKING:

        def maximum(self, other: Any) -> "Tensor": ...  # noqa: D102  # Operators'
        def minimum(self, other: Any) -> "Tensor": ...  # noqa: D102  # Operators'

    def _reduce(self, op: str, dim: Any, keepdim: Any, result: DType, compute: DType) -> "Tensor":
        shape = tuple(self.shape)
        if isinstance(dim, tuple | list):
            return self._reduce_several(op, [each % len(shape) for each in dim], keepdim, result, compute)
        axis = None if dim is None else dim % max(len(shape), 1)
        columns = self.numel() if axis is None or not shape else shape[axis]
        if not columns:
            raise RuntimeError(f"{op}(): Expected reduction dim to have non-zero size.")
        source = self
        if axis is not None and shape and axis != len(shape) - 1:
            source = self.permute(*[each for each in range(len(shape)) if each != axis], axis)
        source = source.contiguous()
        rest = () if axis is None else shape[:axis] + shape[axis + 1 :]
        made = self._made(rest, result)
        rows = prod(rest)
        size = min(kernels.BLOCK, 1 << (columns - 1).bit_length())
        if rows:
            self._launch(kernels.reduce_rows.launch((rows,), made, source, rows, columns, op, compute, size))
        if keepdim and axis is not None:
            return made.reshape(*shape[:axis], 1, *shape[axis + 1 :])
        return made

    def _reduce_several(self, op: str, axes: Any, keepdim: Any, result: DType, compute: DType) -> "Tensor":
        shape = tuple(self.shape)
        rest = [axis for axis in range(len(shape)) if axis not in axes] if axes else []
        joined = self.permute(rest + [axis for axis in range(len(shape)) if axis not in rest])
        source = joined.reshape(*(shape[axis] for axis in rest), -1)
        made = source._reduce(op, -1, False, result, compute)  # noqa: SLF001  # of the same class
        kept = [shape[axis] if axis in rest else 1 for axis in range(len(shape))]
        return made.reshape(*kept) if keepdim else made

    def sum(self, dim: Any = None, keepdim: Any = False, *, dtype: DType | None = None) -> "Tensor":
        """The sum along axes or of all: floats in float32 (float64 if they are), integers in int64."""
        if dtype is not None:
            return self.to(dtype).sum(dim, keepdim).to(dtype)
        floats = self.dtype.is_floating()
        result = self.dtype if floats else int64
        return self._reduce("sum", dim, keepdim, result, accumulating(result) if floats else int64)

    def mean(self, dim: Any = None, keepdim: Any = False, *, dtype: DType | None = None) -> "Tensor":
        """The mean along axes or of all."""
        if dtype is not None:
            return self.to(dtype).mean(dim, keepdim)
        if not self.dtype.is_floating():
            raise RuntimeError(
                "mean(): could not infer output dtype. Input dtype must be either a floating point dtype"
            )
        wide = accumulating(self.dtype)
        total = self._reduce("sum", dim, keepdim, wide, wide)
        return (total / (self.numel() // max(total.numel(), 1))).to(self.dtype)

    def amax(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The maximum along an axis or of all."""
        return self._reduce("maximum", dim, keepdim, self.dtype, self.dtype)

    def amin(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The minimum along an axis or of all."""
        return self._reduce("minimum", dim, keepdim, self.dtype, self.dtype)

    def max(self, dim: Any = None, keepdim: Any = False) -> Any:
        """The maximum of all elements; along an axis with where it is; with another tensor the greater of each two."""
        if dim is None:
            return self.amax()
        return greatest(self, dim, keepdim) if isinstance(dim, int) else self.maximum(dim)  # type: ignore[arg-type]

    def min(self, dim: Any = None, keepdim: Any = False) -> Any:
        """The minimum of all elements; along an axis with where it is; with another tensor the lesser of each two."""
        if dim is None:
            return self.amin()
        return least(self, dim, keepdim) if isinstance(dim, int) else self.minimum(dim)  # type: ignore[arg-type]

    def softmax(self, dim: Any = -1, dtype: DType | None = None) -> "Tensor":
        """exp(x - max) / sum along an axis, computed in float32."""
        return self._softmax(dim, dtype, log=False)

    def log_softmax(self, dim: Any = -1, dtype: DType | None = None) -> "Tensor":
        """The logarithm of the softmax: x - max - log(sum) along an axis, computed in float32."""
        return self._softmax(dim, dtype, log=True)

    def _softmax(self, dim: Any, dtype: DType | None, *, log: Any) -> "Tensor":
        last = len(self.shape) - 1
        axis = dim % max(len(self.shape), 1)
        order = [each for each in range(last + 1) if each != axis] + [axis]
        source = self.permute(*order).contiguous()
        made = self._made(source.shape, dtype or self.dtype)
        if made.numel():
            columns = source.shape[-1]
            size = 1 << (columns - 1).bit_length()
            grid = (made.numel() // columns,)
            self._launch(kernels.softmax_rows.launch(grid, made, source, columns, log, size))
        back = [order.index(each) for each in range(last + 1)]
        return made if axis == last else made.permute(*back)
