"""Blocks of values, the language's one kind of operand, and how a vector operation makes one."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kernbench.common.ops import Math, Value
from kernbench.triton_emu.dtype import DType, block_type
from kernbench.triton_emu.index import Known, Shape, joint
from kernbench.triton_emu.numerics import Array, Function, rounding
from kernbench.triton_emu.program import KernelProgram, site
from kernbench.triton_emu.scalar import Scalar, method

View: TypeAlias = Function
Kind: TypeAlias = type[np.bool_] | type[np.int64]


class Block:
    """A block of a kernel: known integers or truth (`known`), or a value in the PE's memory, maybe seen through `lens`.

    It is a handle: the value's storage is held while a handle on it lives. Its operators are in `arithmetic`.
    """

    __slots__ = ("dtype", "known", "lens", "program", "shape", "value")
    __hash__ = None  # type: ignore[assignment]  # == compares element by element

    def __init__(
        self,
        program: KernelProgram,
        dtype: DType,
        shape: Shape,
        value: Value | None = None,
        known: Known | None = None,
        lens: View | None = None,
    ) -> None:
        self.program = program
        self.dtype = dtype
        self.shape = shape
        self.value = value
        self.known = known
        self.lens = lens
        if value is not None:
            value.held += 1

    def __del__(self) -> None:
        # A handle in a reference cycle may die at any time: only what dies while its program runs is counted.
        if self.value is not None and self.program.issuer.running:
            self.value.drop()

    def __repr__(self) -> str:
        return f"<{self.dtype} block {list(self.shape)}>"

    def __getattr__(self, name: str) -> Any:
        return method(self, name)

    @property
    def type(self) -> block_type | DType:
        """The type of the block; of a 0-d one, of its element."""
        return block_type(self.dtype, self.shape) if self.shape else self.dtype

    @property
    def numel(self) -> int:
        """How many elements."""
        return size_of(self.shape)

    def stored(self) -> Value:
        """Its value; a known block becomes one here, by one vector operation."""
        if self.value is None:
            values, kind = self.known, self.dtype.numpy
            assert values is not None
            self.value = make(self.program, lambda: values.values().astype(kind), (), self.shape, self.dtype, "simple")
            self.value.held += 1
        return self.value

    def concrete(self) -> Array:
        """Its elements now: the program waits for them."""
        if self.known is not None:
            return self.known.values()
        array = self.program.read(self.stored())
        return array if self.lens is None else self.lens(array)

    def seen(self, view: View, shape: Shape, known: Known | None = None) -> "Block":
        """The same storage through another view."""
        if known is not None:
            return Block(self.program, self.dtype, shape, None, known)
        inner = self.lens
        chained: View = view if inner is None else lambda array: view(inner(array))
        return Block(self.program, self.dtype, shape, self.stored(), None, chained)

    def expand(self, axis: int) -> "Block":
        """A new axis of one element before `axis`."""
        shape = (*self.shape[:axis], 1, *self.shape[axis:])
        known = None if self.known is None else self.known.expand(axis)
        return self.seen(lambda array: np.expand_dims(array, axis), shape, known)

    def broadcast(self, shape: Shape) -> "Block":
        """The same elements along new or single axes."""
        if shape == self.shape:
            return self
        if joint(self.shape, shape) != shape:
            raise ValueError(f"a block of shape {list(self.shape)} does not broadcast to {list(shape)}")
        known = None if self.known is None else self.known.broadcast(shape)
        return self.seen(lambda array: np.broadcast_to(array, shape), shape, known)

    def permuted(self, order: Shape) -> "Block":
        """Axes in another order."""
        shape = tuple(self.shape[axis] for axis in order)
        known = None if self.known is None else self.known.permute(order)
        return self.seen(lambda array: np.transpose(array, order), shape, known)

    def reshaped(self, shape: Shape) -> "Block":
        """The same elements in row-major order as another shape."""
        known = None if self.known is None else self.known.reshape(shape)
        return self.seen(lambda array: np.reshape(array, shape), shape, known)

    @property
    def T(self) -> "Block":  # noqa: N802  # Triton's name
        """Its transpose."""
        return self.permuted(tuple(reversed(range(len(self.shape)))))

    def __getitem__(self, key: Any) -> "Block":
        seen: Block = index_axes(self, key)
        return seen

    def __iter__(self) -> Any:
        raise TypeError(f"a block of shape {list(self.shape)} is not iterated; reduce or index it")

    def __bool__(self) -> bool:
        return bool(self._single(np.bool_))

    def __int__(self) -> int:
        return int(self._single(np.int64))

    def __index__(self) -> int:
        if self.dtype.is_floating():
            raise TypeError("a floating-point block is not an index; use .to(tl.int32)")
        return int(self._single(np.int64))

    def __float__(self) -> float:
        return float(self._single())

    def item(self) -> Any:
        """Its only element as a Python number: the program waits for it."""
        return self._single().item()

    def _single(self, kind: Kind | None = None) -> Any:
        """Its only element; as a `kind`, that of the elements which go through a function of single ones together."""
        decide = self.program.decide
        if decide is not None and self.shape and kind is not None:
            return decide(self, kind)
        if any(size != 1 for size in self.shape):
            raise TypeError(f"a block of shape {list(self.shape)} is not one value; reduce it first (tl.sum, tl.max)")
        return self.concrete().reshape(())[()]

    if TYPE_CHECKING:  # `arithmetic` puts the operators in place from a table

        def _operate(self, other: Any) -> Any: ...

        __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _operate
        __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __and__ = __rand__ = __or__ = __ror__ = _operate
        __xor__ = __rxor__ = __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _operate
        __lt__ = __le__ = __gt__ = __ge__ = _operate

        def __neg__(self) -> Any: ...
        def __invert__(self) -> Any: ...
        def to(self, dtype: Any, fp_downcast_rounding: str | None = None, *, bitcast: bool = False) -> Any:
            """Another type."""


def index_axes(block: Any, key: Any) -> Any:
    """`block[:, None]`: new axes among whole ones, the only indexing there is; pointers use it too."""
    axis, rank = 0, len(block.shape)
    for item in key if isinstance(key, tuple) else (key,):
        if item is None:
            block = block.expand(axis if rank else min(axis, len(block.shape)))
        elif not isinstance(item, slice) or item != slice(None):
            raise TypeError(f"a block takes `:` and None between brackets, got {item!r}; use tl.load of a pointer")
        axis += 1
    if rank and axis > len(block.shape):  # a 0-d one takes `:` for what it may still be stretched to
        raise TypeError(f"too many axes between brackets for a block of shape {list(block.shape)}")
    return block


def shapes(operands: Iterable[Any]) -> Shape:
    """The shape that operands broadcast to."""
    found: Shape = ()
    for operand in operands:
        if isinstance(operand, Block) and operand.shape != found:
            found = joint(found, operand.shape)
    return found


def size_of(shape: Shape) -> int:
    """Elements of a shape."""
    size = 1
    for extent in shape:
        size *= extent
    return size


def combined(
    function: Function,
    operands: tuple[Any, ...],
    scalars: DType,
    shape: Shape,
    dtype: DType,
    cost: str,
    elements: int | None = None,
) -> Block:
    """The block that `function` makes of whole operands, numbers among them as `scalars`."""
    program = None
    inputs: list[Value] = []
    reuse: list[Value] = []
    plain = True
    parts: list[tuple[View | None, Any]] = []
    for operand in operands:
        if isinstance(operand, Block):
            value = operand.value or operand.stored()
            program = operand.program
            inputs.append(value)
            parts.append((operand.lens, None))
            if operand.lens is not None:
                plain = False
            elif operand.dtype.itemsize == dtype.itemsize and operand.shape == shape:
                reuse.append(value)
        else:
            plain = False
            parts.append((None, constant(operand, scalars)))
    assert program is not None, "no block among the operands"
    whole = function if plain else _through(function, parts)
    value = make(program, whole, tuple(inputs), shape, dtype, cost, tuple(reuse), elements)
    return Block(program, dtype, shape, value)


def constant(number: Any, dtype: DType) -> Array:
    """A Python number as an array; one that its type cannot hold is an error, a typed scalar is cast."""
    if dtype.kind == "int" and isinstance(number, float):
        number = int(number)
    if isinstance(number, Scalar) and number.dtype is not dtype:
        return np.asarray(rounding(dtype)(np.asarray(number, number.dtype.numpy)))
    if dtype.is_fp8():
        return np.asarray(rounding(dtype)(np.asarray(number, float)))
    try:
        return np.asarray(number, dtype.numpy)
    except OverflowError:
        raise OverflowError(f"{number} is out of bounds for {dtype}; take a type that holds it: .to(...)") from None


def _through(function: Function, parts: list[tuple[View | None, Any]]) -> Function:
    """`function` after views and with the constants among its operands."""

    def apply(*arrays: Array) -> Any:
        rest = iter(arrays)
        return function(
            *[
                constant if constant is not None else (next(rest) if view is None else view(next(rest)))
                for view, constant in parts
            ]
        )

    return apply


def make(
    program: KernelProgram,
    function: Function,
    inputs: tuple[Value, ...],
    shape: Shape,
    dtype: DType,
    cost: str,
    reuse: tuple[Value, ...] = (),
    elements: int | None = None,
    span: int = 1,
) -> Value:
    """Submit one vector operation; `elements` is what it works through, the result's size unless said."""
    size = 1
    for extent in shape:
        size *= extent
    value = Value(size * dtype.itemsize)
    program.submit(Math(site(), inputs, value, function, reuse, size if elements is None else elements, cost, span))
    return value
