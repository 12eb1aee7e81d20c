"""What tensors do with each other: each operator launches a kernel on all PEs of the device and waits for it."""

from typing import TYPE_CHECKING, Any, TypeAlias

from kernbench.runtime_api import tensor_kernels as kernels
from kernbench.runtime_api.products import Products
from kernbench.runtime_api.reductions import Reductions
from kernbench.runtime_api.view import broadcast_shape
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.dtype import DType, float32, int1, int64, of_scalar

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor

Scalar: TypeAlias = bool | int | float
_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
_FLOAT = ("exp", "log", "sqrt", "rsqrt", "sigmoid", "tanh", "silu", "reciprocal")
_RANK = {"bool": 0, "int": 1, "uint": 1, "float": 2}


def promoted(left: "Tensor", right: "Tensor | Scalar") -> DType:
    """Torch's rule: the wider of two tensors' types; a number counts only if it is of a higher kind."""
    a = left.dtype
    if isinstance(right, int | float):
        kind = of_scalar(right)
        if _RANK[kind.kind] <= _RANK[a.kind]:
            return a
        return float32 if kind.is_floating() else int64
    b = right.dtype
    if a is b:
        return a
    if _RANK[a.kind] != _RANK[b.kind]:
        return a if _RANK[a.kind] > _RANK[b.kind] else b
    if a.is_floating() and a.itemsize == b.itemsize:
        return float32  # half with bfloat16
    return a if a.itemsize >= b.itemsize else b


class Operators(Reductions, Products):
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

    def clone(self) -> "Tensor":
        """A copy."""
        return self._made(self.shape, self.dtype).assign(self)  # type: ignore[arg-type]

    def to(self, *kinds: Any, dtype: DType | None = None, **_torch: Any) -> "Tensor":
        """A copy with another element type; a device is taken and means nothing."""
        wanted = next((kind for kind in kinds if isinstance(kind, DType)), dtype)
        if wanted is None or wanted is self.dtype:
            return self  # type: ignore[return-value]
        return self._made(self.shape, wanted).assign(self)  # type: ignore[arg-type]

    def float(self) -> "Tensor":
        """As float32."""
        return self.to(float32)

    def half(self) -> "Tensor":
        """As float16."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> "Tensor":
        """As bfloat16."""
        return self.to(dtypes.bfloat16)

    def int(self) -> "Tensor":
        """As int32."""
        return self.to(dtypes.int32)

    def long(self) -> "Tensor":
        """As int64."""
        return self.to(int64)

    def bool(self) -> "Tensor":
        """Whether each element is not 0."""
        return self.ne(0)

    # -- element by element --------------------------------------------------------------------------------------

    def _with(self, op: str, other: Any, *, swapped: Any = False, out: "Tensor | None" = None) -> "Tensor":
        compute = promoted(self, other)  # type: ignore[arg-type]
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
        compute = float32 if op in _FLOAT else kind
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

    def eq(self, other: Any) -> "Tensor":
        """Where both are equal."""
        return self._with("eq", other)

    def ne(self, other: Any) -> "Tensor":
        """Where they differ."""
        return self._with("ne", other)

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

    def where(self, x: "Tensor", y: "Tensor") -> "Tensor":
        """Elements of `x` where this holds, else of `y`."""
        shape = broadcast_shape(tuple(self.shape), broadcast_shape(tuple(x.shape), tuple(y.shape)))
        made = self._made(shape, promoted(x, y))
        if made.numel():
            grid, size = self._grid(made.numel())
            parts = [each.expand(*shape) for each in (self, x, y)]
            lies = [each._lies() for each in parts]  # noqa: SLF001
            self._launch(kernels.select.launch(grid, made, *parts, made.numel(), *lies, size))
        return made

    def new_empty(self, *shape: Any, dtype: DType | None = None) -> "Tensor":
        """An unwritten tensor of the same type on the same device."""
        return self._made(shape, dtype or self.dtype)


bool_or_number = (bool, int, float)
