"""What tensors do with each other: each operator launches a kernel on all PEs of the device and waits for it."""

from math import prod
from typing import TYPE_CHECKING, Any, TypeAlias

from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.runtime_api import tensor_kernels as kernels
from kernbench.runtime_api.view import View, broadcast_shape
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.dtype import DType, float32, int1, int64, of_scalar
from kernbench.triton_emu.launch import Launch

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor

Scalar: TypeAlias = bool | int | float
_COMPARE = ("eq", "ne", "lt", "le", "gt", "ge")
_FLOAT = ("exp", "log", "sqrt", "rsqrt", "sigmoid", "tanh", "silu", "reciprocal")
_RANK = {"bool": 0, "int": 1, "uint": 1, "float": 2}


def promoted(left: "Tensor", right: "Tensor | Scalar") -> DType:
    """torch's rule: the wider of two tensors' types; a number counts only if it is of a higher kind."""
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


class Operators:
    """Arithmetic, comparison, reduction and matrix products of a tensor, by torch's names and rules of types."""

    if TYPE_CHECKING:
        shape: Any
        dtype: DType
        _rank: Any
        _view: View

        def __init__(self, rank: Any, shape: tuple[int, ...], dtype: DType, placement: Any = None) -> None: ...
        def numel(self) -> int: ...
        def is_contiguous(self) -> bool: ...
        def permute(self, *order: Any) -> "Tensor": ...
        def expand(self, *shape: Any) -> "Tensor": ...
        def reshape(self, *shape: Any) -> "Tensor": ...

    # -- launching -----------------------------------------------------------------------------------------------

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
            raise RuntimeError(
                f"output with shape {list(made.shape)} doesn't match the broadcast shape {list(shape)}"
            )
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
        """x sigmoid(x)."""
        return self._map("silu")

    def square(self) -> "Tensor":
        """x x."""
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

    # -- reductions ----------------------------------------------------------------------------------------------

    def _reduce(self, op: str, dim: Any, keepdim: Any, result: DType, compute: DType) -> "Tensor":
        shape = tuple(self.shape)
        axis = None if dim is None else dim % len(shape)
        columns = self.numel() if axis is None else shape[axis]
        if not columns:
            raise RuntimeError(f"{op}(): Expected reduction dim to have non-zero size.")
        source = self
        if axis is not None and axis != len(shape) - 1:
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

    def sum(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The sum along an axis or of all: floats in float32, integers in int64."""
        floats = self.dtype.is_floating()
        result = self.dtype if floats else int64
        return self._reduce("sum", dim, keepdim, result, float32 if floats else int64)

    def mean(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The mean along an axis or of all."""
        if not self.dtype.is_floating():
            raise RuntimeError("mean(): could not infer output dtype. Input dtype must be either a floating point dtype")
        total = self._reduce("sum", dim, keepdim, float32, float32)
        return (total / (self.numel() // max(total.numel(), 1))).to(self.dtype)

    def amax(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The maximum along an axis or of all."""
        return self._reduce("maximum", dim, keepdim, self.dtype, self.dtype)

    def amin(self, dim: Any = None, keepdim: Any = False) -> "Tensor":
        """The minimum along an axis or of all."""
        return self._reduce("minimum", dim, keepdim, self.dtype, self.dtype)

    def max(self) -> "Tensor":
        """The maximum of all elements."""
        return self.amax()

    def min(self) -> "Tensor":
        """The minimum of all elements."""
        return self.amin()

    def softmax(self, dim: Any = -1, dtype: DType | None = None) -> "Tensor":
        """exp(x - max) / sum along an axis, computed in float32."""
        return self._softmax(dim, dtype, log=False)

    def log_softmax(self, dim: Any = -1, dtype: DType | None = None) -> "Tensor":
        """x - max - log(sum) along an axis, computed in float32."""
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

    # -- matrices ------------------------------------------------------------------------------------------------

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
            places = [((0,) + each._view.strides)[-3:] for each in (left, right)]  # noqa: SLF001
            self._launch(kernels.matmul.launch(grid, made, left, right, m, n, k, *places, tile))
        shape = (*batch, *((m,) if len(self.shape) > 1 else ()), *((n,) if len(other.shape) > 1 else ()))
        return made.reshape(shape)

    def mm(self, other: "Tensor") -> "Tensor":
        """The product of two matrices."""
        if len(self.shape) != 2 or len(other.shape) != 2:
            raise RuntimeError("self must be a matrix")
        return self.matmul(other)

    bmm = matmul


bool_or_number = (bool, int, float)
