"""Matrix products of tensors: a kernel with a program per tile."""

from math import prod
from typing import TYPE_CHECKING

from kernbench.runtime_api import tensor_kernels as kernels
from kernbench.runtime_api.launching import Launching
from kernbench.runtime_api.view import broadcast_shape

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class Products(Launching):
    """Products of matrices, of stacks of them and of vectors, by torch's rules of shapes."""

    def matmul(self, other: "Tensor") -> "Tensor":
        """The product of matrices or of stacks of them, and of vectors with those."""
        if self.dtype is not other.dtype:
            raise RuntimeError(
                f"expected m1 and m2 to have the same dtype, but got: {self.dtype.name} != {other.dtype.name}"
            )
        a, b = (self.reshape(1, -1) if len(self.shape) == 1 else self), other
        if len(b.shape) == 1:
            b = b.reshape(-1, 1)
        (m, k), (inner, n) = a.shape[-2:], b.shape[-2:]
        if k != inner:
            raise RuntimeError(f"mat1 and mat2 shapes cannot be multiplied ({m}x{k} and {inner}x{n})")
        batch = broadcast_shape(tuple(a.shape[:-2]), tuple(b.shape[:-2]))
        stacks = prod(batch)
        left, right = a.expand(*batch, m, k), b.expand(*batch, k, n)
        if len(batch) > 1:
            left, right = left.reshape(stacks, m, k), right.reshape(stacks, k, n)
        made = self._made((*batch, m, n), self.dtype)
        if made.numel() and k:
            tile = 32
            grid = (-(-m // tile) * -(-n // tile), stacks)
            places = [(0, *each._view.strides)[-3:] for each in (left, right)]  # noqa: SLF001
            self._launch(kernels.matmul.launch(grid, made, left, right, m, n, k, *places, tile))
        shape = (*batch, *((m,) if len(self.shape) > 1 else ()), *((n,) if len(other.shape) > 1 else ()))
        return made.reshape(shape)

    def mm(self, other: "Tensor") -> "Tensor":
        """The product of two matrices."""
        if len(self.shape) != 2 or len(other.shape) != 2:
            raise RuntimeError("self must be a matrix")
        return self.matmul(other)

    bmm = matmul
