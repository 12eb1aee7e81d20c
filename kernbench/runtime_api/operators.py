"""What tensors do with each other: each operator launches a kernel on all PEs of the device and waits for it."""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kernbench.runtime_api import tensor_kernels as kernels
from kernbench.runtime_api.conversions import Conversions
from kernbench.runtime_api.host_array import accumulating
from kernbench.runtime_api.host_operators import HostOperators
from kernbench.runtime_api.products import Products
from kernbench.runtime_api.promotion import of_number, promoted
from kernbench.runtime_api.reductions import Reductions
from kernbench.runtime_api.view import broadcast_shape
from kernbench.triton_emu.dtype import DType, float32, int1

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor

Scalar: TypeAlias = bool | int | float
_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
_FLOAT = ("exp", "log", "sqrt", "rsqrt", "sigmoid", "tanh", "silu", "reciprocal")


class Operators(Reductions, Products, Conversions, HostOperators):
    """Arithmetic and comparison of tensors, beside reductions and products, by torch's names and rules of types."""

    def assign(self, source: "Tensor") -> "Tensor":
        """Every element from another tensor of the same shape, converted."""
        return self._unary("copy", source, source.dtype)

    def _unary(self, op: str, source: "Tensor", compute: DType) -> "Tensor":
        count = self.numel()
        if count:
            grid, size = self._grid(count)
            lies = self._lies(), source._lies()  # noqa: SLF001  # of the same class
            self._launch(kernels.unary.launch(grid, self, source, count, op, compute, *lies, size))
        return self  # type: ignore[return-value]

    def fill_(self, value: Scalar) -> "Tensor":
        """Every element one number."""
        if self.numel():
            grid, size = self._grid(self.numel())
            self._launch(kernels.fill.launch(grid, self, value, self.numel(), self._lies(), size))
        return self  # type: ignore[return-value]

    def zero_(self) -> "Tensor":
        """Every element 0."""
        return self.fill_(0)

    def contiguous(self) -> "Tensor":
        """Itself if its elements lie side by side, else a copy that does."""
        return self if self.is_contiguous() else self.clone()  # type: ignore[return-value]

    # -- element by element --------------------------------------------------------------------------------------

    def _with(self, op: str, other: Any, *, swapped: Any = False, out: "Tensor | None" = None) -> "Tensor":
        other = other.item() if isinstance(other, np.generic) else other
        compute = promoted(self, other)
        if op == "div" and not compute.is_floating():
            compute = float32
        result = int1 if op in _COMPARE else compute
        if isinstance(other, bool_or_number):
            made = out if out is not None else self._made(self.shape, result)
            if made.numel():
                grid, size = self._grid(made.numel())
                lies = made._lies(), self._lies()  # noqa: SLF001
                self._launch(
                    kernels.scaled.launch(grid, made, self, other, made.numel(), op, compute, *lies, swapped, size)
                )
            return made
        shape = broadcast_shape(tuple(self.shape), tuple(other.shape))
        made = out if out is not None else self._made(shape, result)
        if tuple(made.shape) != shape:
            raise RuntimeError(f"output with shape {list(made.shape)} doesn't match the broadcast shape {list(shape)}")
        a, b = self.expand(*shape), other.expand(*shape)
        if made.numel():
            grid, size = self._grid(made.numel())
            lies3 = made._lies(), a._lies(), b._lies()  # noqa: SLF001
            self._launch(kernels.binary.launch(grid, made, a, b, made.numel(), op, compute, *lies3, size))
        return made

    def _map(self, op: str) -> "Tensor":
        kind = float32 if op in _FLOAT and not self.dtype.is_floating() else self.dtype
        compute = accumulating(kind) if op in _FLOAT else kind
        return self._made(self.shape, kind)._unary(op, self, compute)  # type: ignore[arg-type]  # noqa: SLF001

    def __add__(self, other: Any) -> "Tensor":
        return self._with("add", other)

    def __sub__(self, other: Any) -> "Tensor":
        return self._with("sub", other)

    def __mul__(self, other: Any) -> "Tensor":
        return self._with("mul", other)

    def __truediv__(self, other: Any) -> "Tensor":
        return self._with("div", other)

    def __radd__(self, other: Any) -> "Tensor":
        return self._with("add", other, swapped=True)

    def __rsub__(self, other: Any) -> "Tensor":
        return self._with("sub", other, swapped=True)

    def __rmul__(self, other: Any) -> "Tensor":
        return self._with("mul", other, swapped=True)

    def __rtruediv__(self, other: Any) -> "Tensor":
        return self._with("div", other, swapped=True)

    def __neg__(self) -> "Tensor":
        return self._map("neg")

    def __abs__(self) -> "Tensor":
        return self._map("abs")

    def __matmul__(self, other: "Tensor") -> "Tensor":
        return self.matmul(other)

    def __lt__(self, other: Any) -> "Tensor":
        return self._with("lt", other)

    def __le__(self, other: Any) -> "Tensor":
        return self._with("le", other)

    def __gt__(self, other: Any) -> "Tensor":
        return self._with("gt", other)

    def __ge__(self, other: Any) -> "Tensor":
        return self._with("ge", other)

    def __eq__(self, other: object) -> Any:
        return self._with("eq", other)

    def __ne__(self, other: object) -> Any:
        return self._with("ne", other)

    __hash__ = object.__hash__

    eq, ne, lt, le, gt, ge = __eq__, __ne__, __lt__, __le__, __gt__, __ge__

    def add_(self, other: Any) -> "Tensor":
        """Add in place."""
        return self._with("add", other, out=self)  # type: ignore[arg-type]

    def sub_(self, other: Any) -> "Tensor":
        """Subtract in place."""
        return self._with("sub", other, out=self)  # type: ignore[arg-type]

    def mul_(self, other: Any) -> "Tensor":
        """Multiply in place."""
        return self._with("mul", other, out=self)  # type: ignore[arg-type]

    def div_(self, other: Any) -> "Tensor":
        """Divide in place."""
        return self._with("div", other, out=self)  # type: ignore[arg-type]

    __iadd__, __isub__, __imul__, __itruediv__ = add_, sub_, mul_, div_

    def add(self, other: Any) -> "Tensor":
        """The sum."""
        return self._with("add", other)

    def sub(self, other: Any) -> "Tensor":
        """The difference."""
        return self._with("sub", other)

    def mul(self, other: Any) -> "Tensor":
        """The product, element by element."""
        return self._with("mul", other)

    def div(self, other: Any) -> "Tensor":
        """The quotient."""
        return self._with("div", other)

    subtract, multiply, divide = sub, mul, div

    def maximum(self, other: Any) -> "Tensor":
        """The greater of each two."""
        return self._with("maximum", other)

    def minimum(self, other: Any) -> "Tensor":
        """The lesser of each two."""
        return self._with("minimum", other)

    def abs(self) -> "Tensor":
        """Magnitudes."""
        return self._map("abs")

    def exp(self) -> "Tensor":
        """Powers of e."""
        return self._map("exp")

    def log(self) -> "Tensor":
        """Natural logarithms."""
        return self._map("log")

    def sqrt(self) -> "Tensor":
        """Square roots."""
        return self._map("sqrt")

    def rsqrt(self) -> "Tensor":
        """Reciprocals of square roots."""
        return self._map("rsqrt")

    def sigmoid(self) -> "Tensor":
        """1 / (1 + exp(-x))."""
        return self._map("sigmoid")

    def tanh(self) -> "Tensor":
        """Hyperbolic tangents."""
        return self._map("tanh")

    def relu(self) -> "Tensor":
        """What is above 0, else 0."""
        return self._map("relu")

    def silu(self) -> "Tensor":
        """Each x times its sigmoid."""
        return self._map("silu")

    def square(self) -> "Tensor":
        """Squares."""
        return self._map("square")

    def where(self, x: Any, y: Any) -> "Tensor":
        """Elements of `x` where this holds, else of `y`; each is a tensor or a number."""
        x, y = self._beside(x, y), self._beside(y, x)
        shape = broadcast_shape(tuple(self.shape), broadcast_shape(tuple(x.shape), tuple(y.shape)))
        made = self._made(shape, promoted(x, y))
        if made.numel():
            grid, size = self._grid(made.numel())
            parts = [each.expand(*shape) for each in (self, x, y)]
            lies = [each._lies() for each in parts]  # noqa: SLF001
            self._launch(kernels.select.launch(grid, made, *parts, made.numel(), *lies, size))
        return made

    def _beside(self, each: Any, other: Any) -> "Tensor":
        """A number as a tensor of the type that it has beside the other operand."""
        if not isinstance(each, bool_or_number):
            tensor: Tensor = each
            return tensor
        kind = of_number(each) if isinstance(other, bool_or_number) else promoted(other, each)
        return self._made((), kind).fill_(each)


bool_or_number = (bool, int, float)
