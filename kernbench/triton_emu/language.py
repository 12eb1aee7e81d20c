"""`triton.language`: what a kernel may say. A name that is absent here raises with the list of those that exist."""

from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

from kernbench.common.ops import Gemm, Value
from kernbench.triton_emu import numerics
from kernbench.triton_emu.block import Block, Scalar, binary, combined, make, shapes, unary
from kernbench.triton_emu.dtype import (
    DType,
    bfloat16,
    float16,
    float32,
    int1,
    int8,
    int16,
    int32,
    int64,
    of_scalar,
    promote,
)
from kernbench.triton_emu.index import Index, Shape
from kernbench.triton_emu.memory import as_shape, load, recv, send, store
from kernbench.triton_emu.program import current, site

__all__ = [
    "abs", "arange", "bfloat16", "broadcast_to", "cast", "cdiv", "constexpr", "device_assert", "dot", "exp", "exp2",
    "expand_dims", "float16", "float32", "full", "int1", "int8", "int16", "int32", "int64", "load", "log", "log2",
    "max", "maximum", "min", "minimum", "num_programs", "program_id", "range", "recv", "send", "sigmoid", "sqrt",
    "static_assert", "static_range", "store", "sum", "trans", "where", "zeros",
]  # fmt: skip

_range = range


# The names below hide Python's own in this module.
_range, _max, _min = range, max, min

if not TYPE_CHECKING:  # a checker would believe that every name exists

    def __getattr__(name: str) -> NoReturn:
        raise AttributeError(f"tl.{name} does not exist here; tl has {', '.join(__all__)}")


if TYPE_CHECKING:
    constexpr: TypeAlias = Any  # noqa: PYI042  # Triton's name; inside a kernel it is the value itself
else:

    class constexpr:  # noqa: N801  # Triton's name
        """Marks a parameter that is known at launch; `tl.constexpr(4)` is 4."""

        def __new__(cls, value: Any) -> Any:
            """The value itself."""
            return value


def program_id(axis: int) -> int:
    """Which program of the grid this is."""
    return current().pid[axis]


def num_programs(axis: int) -> int:
    """How many programs the grid has along `axis`."""
    return current().grid[axis]


def cdiv(x: int, div: int) -> int:
    """How many `div` hold `x`."""
    return -(-x // div)


def range(*bounds: int, **hints: Any) -> _range:  # noqa: A001, ARG001  # Triton's name and its compiler's hints
    """Python's range; hints for Triton's pipeliner mean nothing on a device that runs ahead by itself."""
    return _range(*bounds)


def static_range(*bounds: int) -> _range:
    """Python's range."""
    return _range(*bounds)


def arange(start: int, end: int) -> Block:
    """The integers from `start` up to `end`."""
    if end <= start:
        raise ValueError(f"tl.arange({start}, {end}) is empty")
    shape = (end - start,)
    return Block(current(), int32, shape, None, Index(shape, start, (1,)))


def full(shape: Any, value: Scalar, dtype: DType) -> Block:
    """A block of one number."""
    program, extents, kind = current(), as_shape(shape), dtype.numpy
    scalar = np.asarray(value, kind)
    made = make(program, lambda: np.full(extents, scalar, kind), (), extents, dtype, "simple")
    return Block(program, dtype, extents, made)


def zeros(shape: Any, dtype: DType) -> Block:
    """A block of zeros."""
    return full(shape, 0, dtype)


def dot(
    x: Block,
    y: Block,
    acc: Block | None = None,
    *,
    out_dtype: DType | None = None,
    input_precision: str | None = None,  # noqa: ARG001  # products are always whole float32 here
    allow_tf32: bool | None = None,  # noqa: ARG001
) -> Block:
    """Multiply: x @ y (+ acc), accumulated in float32 (int32 for integers), as `out_dtype`."""
    for name, block in (("x", x), ("y", y), *((("acc", acc),) if acc is not None else ())):
        if not isinstance(block, Block) or len(block.shape) != 2:
            raise TypeError(f"tl.dot: {name} is a block of two axes, got {block!r}")
    if x.dtype is not y.dtype or x.shape[1] != y.shape[0]:
        raise TypeError(f"tl.dot: {x!r} and {y!r} do not multiply; same type, inner extents equal")
    inner = numerics.accumulator(x.dtype)
    outer = (acc.dtype if acc is not None else inner) if out_dtype is None else out_dtype
    shape = (x.shape[0], y.shape[1])
    if acc is not None and (acc.shape != shape or acc.dtype is not outer):
        raise TypeError(f"tl.dot: acc is {acc!r}, the product {outer} {list(shape)}")
    program = current()
    operands = (x, y) if acc is None else (x, y, acc)
    inputs = tuple(block.stored() for block in operands)
    x_view, y_view, acc_view = x.view, y.view, None if acc is None else acc.view
    reuse = (inputs[2],) if acc is not None and acc_view is None else ()
    multiply = numerics.dot(inner, outer)

    def compute(*arrays: Any) -> Any:
        left, right, *added = arrays
        return multiply(
            left if x_view is None else x_view(left),
            right if y_view is None else y_view(right),
            *[a if acc_view is None else acc_view(a) for a in added],
        )

    value = Value(shape[0] * shape[1] * outer.itemsize)
    program.submit(Gemm(site(), inputs, value, compute, reuse, (*shape, x.shape[1])))
    return Block(program, outer, shape, value)


def cast(block: Any, dtype: DType) -> Any:
    """`block` as another type."""
    if isinstance(block, Block):
        return block.to(dtype)
    return float(block) if dtype.is_floating() else int(block)


def maximum(x: Any, y: Any) -> Any:
    """The greater of each two elements; a NaN loses."""
    return _either("maximum", x, y)


def minimum(x: Any, y: Any) -> Any:
    """The lesser of each two elements; a NaN loses."""
    return _either("minimum", x, y)


def _either(name: str, x: Any, y: Any) -> Any:
    if isinstance(x, Block) or isinstance(y, Block):
        return binary(name, x, y)
    return (_max if name == "maximum" else _min)(x, y)


def where(condition: Any, x: Any, y: Any) -> Block:
    """Elements of `x` where `condition` holds, else of `y`."""
    if not isinstance(condition, Block):
        raise TypeError(f"tl.where: the condition is a block, got {condition!r}")
    types = [side.dtype if isinstance(side, Block) else of_scalar(side) for side in (x, y)]
    scalars = [not isinstance(side, Block) for side in (x, y)]
    dtype = promote(*types, left_scalar=scalars[0], right_scalar=scalars[1], dividing=False)
    kind = dtype.numpy
    x, y = (np.asarray(side, kind).item() if scalar else side for side, scalar in zip((x, y), scalars, strict=True))

    def choose(mask: Any, yes: Any, no: Any) -> Any:
        return np.where(mask, yes.astype(kind, copy=False), no.astype(kind, copy=False))

    return combined(choose, (condition, x, y), dtype, shapes((condition, x, y)), dtype, "simple")


def abs(x: Any) -> Block:  # noqa: A001
    """Magnitudes."""
    return unary("abs", x)


def exp(x: Any) -> Block:
    """Powers of e."""
    return unary("exp", x)


def exp2(x: Any) -> Block:
    """2 to the power of each element."""
    return unary("exp2", x)


def log(x: Any) -> Block:
    """Natural logarithms."""
    return unary("log", x)


def log2(x: Any) -> Block:
    """Binary logarithms."""
    return unary("log2", x)


def sqrt(x: Any) -> Block:
    """Square roots."""
    return unary("sqrt", x)


def sigmoid(x: Any) -> Block:
    """1 / (1 + exp(-x))."""
    return unary("sigmoid", x)


def sum(x: Block, axis: int | None = None, keep_dims: bool = False) -> Block:  # noqa: A001
    """Sums along `axis`, or of all: halves added to halves, in float32 (integers in 32 bits or more)."""
    return _reduce("sum", x, axis, keep_dims)


def max(x: Block, axis: int | None = None, keep_dims: bool = False) -> Block:  # noqa: A001
    """Maxima along `axis`, or of all."""
    return _reduce("max", x, axis, keep_dims)


def min(x: Block, axis: int | None = None, keep_dims: bool = False) -> Block:  # noqa: A001
    """Minima along `axis`, or of all."""
    return _reduce("min", x, axis, keep_dims)


def _reduce(name: str, x: Block, axis: int | None, keep_dims: bool) -> Block:
    if not isinstance(x, Block):
        raise TypeError(f"tl.{name} reduces a block, got {x!r}; tl.maximum and tl.minimum take numbers")
    rank = len(x.shape)
    if axis is not None and not -rank <= axis < rank:
        raise ValueError(f"tl.{name}: axis {axis} of a block of shape {list(x.shape)}")
    work, dtype = numerics.reduction_types(name, x.dtype)
    function, inner, outer = numerics.REDUCTIONS[name], work.numpy, dtype.numpy
    size = 1
    for extent in x.shape:
        size *= extent
    along = None if axis is None else axis % rank
    shape: Shape = () if along is None else (*x.shape[:along], *x.shape[along + 1 :])
    source, view = x.stored(), x.view

    def reduce(array: Any) -> Any:
        seen = (array if view is None else view(array)).astype(inner, copy=False)
        out = function(seen.reshape(-1), 0) if along is None else function(seen, along)
        return np.asarray(out).astype(outer, copy=False)

    program = current()
    value = make(program, numerics.quietly(reduce), (source,), shape, dtype, "simple", (), size)
    out = Block(program, dtype, shape, value)
    if not keep_dims:
        return out
    if along is not None:
        return out.expand(along)
    return out.broadcast((1,) * rank) if rank else out


def broadcast_to(x: Any, shape: Any) -> Any:
    """The same elements along new or single axes."""
    return x.broadcast(as_shape(shape))


def expand_dims(x: Any, axis: int) -> Any:
    """A new axis of one element before `axis`."""
    return x.expand(axis % (len(x.shape) + 1))


def trans(x: Any, *order: int) -> Any:
    """Axes in another order; two are exchanged unless said."""
    return x.permute(order or tuple(reversed(_range(len(x.shape)))))


def static_assert(condition: Any, message: str = "") -> None:
    """Stop the run unless `condition` holds."""
    if not condition:
        raise ValueError(f"static_assert failed: {message}")


def device_assert(condition: Any, message: str = "") -> None:
    """Stop the run unless `condition` holds for every element; the program waits for them."""
    held = condition.concrete().all() if isinstance(condition, Block) else condition
    if not held:
        raise ValueError(f"device_assert failed: {message}")
