"""Blocks of values, the language's one kind of operand, and the element-wise operations on them."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from kernbench.common.ops import Math, Value
from kernbench.triton_emu import numerics
from kernbench.triton_emu.dtype import DType, float32, int1, int32, of_scalar, promote
from kernbench.triton_emu.index import Index, Known, Mask, Shape, combine, joint
from kernbench.triton_emu.numerics import BINARY, UNARY, Array, Elementwise
from kernbench.triton_emu.program import KernelProgram, current, site

Scalar: TypeAlias = bool | int | float
View: TypeAlias = Callable[[Array], Array]


class Block:
    """A block of a kernel: known integers or truth (`known`), or a value in the PE's memory, maybe seen through `view`.

    It is a handle: the value's storage is held while a handle on it lives.
    """

    __slots__ = ("dtype", "known", "program", "shape", "value", "view")
    __hash__ = None  # type: ignore[assignment]  # == compares element by element

    def __init__(
        self,
        program: KernelProgram,
        dtype: DType,
        shape: Shape,
        value: Value | None = None,
        known: Known | None = None,
        view: View | None = None,
    ) -> None:
        self.program = program
        self.dtype = dtype
        self.shape = shape
        self.value = value
        self.known = known
        self.view = view
        if value is not None:
            value.held += 1

    def __del__(self) -> None:
        # A handle in a reference cycle may die at any time: only what dies while its program runs is counted.
        if self.value is not None and self.program.issuer.running:
            self.value.drop()

    def __repr__(self) -> str:
        return f"<{self.dtype} block {list(self.shape)}>"

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
        return array if self.view is None else self.view(array)

    def seen(self, view: View, shape: Shape, known: Known | None = None) -> "Block":
        """The same storage through another view."""
        if known is not None:
            return Block(self.program, self.dtype, shape, None, known)
        inner = self.view
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

    def permute(self, order: Shape) -> "Block":
        """Axes in another order."""
        shape = tuple(self.shape[axis] for axis in order)
        known = None if self.known is None else self.known.permute(order)
        return self.seen(lambda array: np.transpose(array, order), shape, known)

    @property
    def T(self) -> "Block":  # noqa: N802  # Triton's name
        """Its transpose."""
        return self.permute(tuple(reversed(range(len(self.shape)))))

    def to(self, dtype: DType) -> "Block":
        """Its elements as another type."""
        if dtype is self.dtype:
            return self
        if isinstance(self.known, Index) and dtype.kind == "int":
            return Block(self.program, dtype, self.shape, None, self.known)
        return elementwise(Elementwise(numerics.cast(dtype)), (self,), dtype, None)

    def __getitem__(self, key: Any) -> "Block":
        seen: Block = index_axes(self, key)
        return seen

    def __bool__(self) -> bool:
        return bool(self._single())

    def __int__(self) -> int:
        return int(self._single())

    def __index__(self) -> int:
        if self.dtype.is_floating():
            raise TypeError("a floating-point block is not an index; use .to(tl.int32)")
        return int(self._single())

    def __float__(self) -> float:
        return float(self._single())

    def _single(self) -> Any:
        if any(size != 1 for size in self.shape):
            raise TypeError(f"a block of shape {list(self.shape)} is not one value; reduce it first (tl.sum, tl.max)")
        return self.concrete().reshape(())[()]

    def __add__(self, other: Any) -> Any:
        return binary("+", self, other)

    def __radd__(self, other: Any) -> Any:
        return binary("+", other, self)

    def __sub__(self, other: Any) -> Any:
        return binary("-", self, other)

    def __rsub__(self, other: Any) -> Any:
        return binary("-", other, self)

    def __mul__(self, other: Any) -> Any:
        return binary("*", self, other)

    def __rmul__(self, other: Any) -> Any:
        return binary("*", other, self)

    def __truediv__(self, other: Any) -> Any:
        return binary("/", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return binary("/", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return binary("//", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return binary("//", other, self)

    def __mod__(self, other: Any) -> Any:
        return binary("%", self, other)

    def __rmod__(self, other: Any) -> Any:
        return binary("%", other, self)

    def __and__(self, other: Any) -> Any:
        return binary("&", self, other)

    def __rand__(self, other: Any) -> Any:
        return binary("&", other, self)

    def __or__(self, other: Any) -> Any:
        return binary("|", self, other)

    def __ror__(self, other: Any) -> Any:
        return binary("|", other, self)

    def __xor__(self, other: Any) -> Any:
        return binary("^", self, other)

    def __lt__(self, other: Any) -> Any:
        return binary("<", self, other)

    def __le__(self, other: Any) -> Any:
        return binary("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return binary(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return binary(">=", self, other)

    def __eq__(self, other: object) -> Any:
        return binary("==", self, other)

    def __ne__(self, other: object) -> Any:
        return binary("!=", self, other)

    def __neg__(self) -> "Block":
        return unary("neg", self)

    def __invert__(self) -> Any:
        return binary("^", self, True if self.dtype is int1 else -1)  # all ones of the type


_OPERANDS = (Block, bool, int, float)


def index_axes(block: Any, key: Any) -> Any:
    """`block[:, None]`: new axes among whole ones, the only indexing there is; pointers use it too."""
    axis = 0
    for item in key if isinstance(key, tuple) else (key,):
        if item is None:
            block = block.expand(axis)
        elif item != slice(None):
            raise TypeError(f"a block takes `:` and None between brackets, got {item!r}; use tl.load of a pointer")
        axis += 1
    if axis > len(block.shape):
        raise TypeError(f"too many axes between brackets for a block of shape {list(block.shape)}")
    return block


def binary(name: str, left: Any, right: Any) -> Any:
    """`left name right` of blocks and Python numbers."""
    first = left.known if isinstance(left, Block) else _number(left)
    second = right.known if isinstance(right, Block) else _number(right)
    if first is None or second is None:
        if not isinstance(left, _OPERANDS) or not isinstance(right, _OPERANDS):
            return NotImplemented
        entry, dtype = BINARY[name], _common(name, left, right)
        return elementwise(entry, (left, right), dtype, entry.result)
    found = combine(name, first, second)
    if found is None:
        entry, dtype = BINARY[name], _common(name, left, right)
        return elementwise(entry, (left, right), dtype, entry.result)
    kind = int1 if isinstance(found, Mask) else _common(name, left, right)
    return Block(current(), int32 if kind is int1 and isinstance(found, Index) else kind, found.shape, None, found)


def _number(side: Any) -> Known | None:
    """What is known of a Python number."""
    if isinstance(side, bool):
        return Mask.explicit(np.asarray(side))
    return Index.constant(side) if isinstance(side, int) else None


def _common(name: str, left: Any, right: Any) -> DType:
    """The type that both operands become."""
    entry = BINARY[name]
    left_block, right_block = isinstance(left, Block), isinstance(right, Block)
    left_type = left.dtype if left_block else of_scalar(left)
    right_type = right.dtype if right_block else of_scalar(right)
    if left_type is right_type and not entry.dividing:
        dtype = left_type
    else:
        dtype = promote(
            left_type, right_type, left_scalar=not left_block, right_scalar=not right_block, dividing=entry.dividing
        )
    if entry.ints_only and dtype.is_floating():
        raise TypeError(f"{name} takes integers, got {left_type} and {right_type}")
    return float32 if entry.floats_only and not dtype.is_floating() else dtype


def unary(name: str, block: Any) -> Block:
    """A function of each element."""
    entry = UNARY[name]
    if not isinstance(block, Block):
        raise TypeError(f"tl.{name} takes a block, got {block!r}; Python's own math serves numbers")
    if entry.floats_only and block.dtype is not float32:
        raise TypeError(f"tl.{name} takes float32, got {block.dtype}; use .to(tl.float32)")
    if name == "neg" and block.known is not None:
        out: Block = binary("-", 0, block)
        return out
    return elementwise(entry, (block,), block.dtype, None)


def elementwise(
    entry: Elementwise, operands: tuple[Block | Scalar, ...], compute: DType, result: DType | None
) -> Block:
    """One vector operation on operands of `compute`; the outcome has type `result`, or `compute`."""
    dtype = result or compute
    # A cast reads its operand as it is.
    is_cast = len(operands) == 1 and isinstance(operands[0], Block) and operands[0].dtype is not compute
    function = entry.function if is_cast else numerics.elementwise(entry, compute, dtype)
    shape = shapes(operands)
    return combined(function, operands, compute, shape, dtype, entry.cost)


def shapes(operands: Iterable[Any]) -> Shape:
    """The shape that operands broadcast to."""
    found: Shape = ()
    for operand in operands:
        if isinstance(operand, Block):
            found = joint(found, operand.shape)
    return found


def combined(
    function: numerics.Function,
    operands: tuple[Block | Scalar, ...],
    scalars: DType,
    shape: Shape,
    dtype: DType,
    cost: str,
) -> Block:
    """The block that `function` makes of whole operands, numbers among them as `scalars`."""
    program = current()
    inputs: list[Value] = []
    reuse: list[Value] = []
    plain = True
    parts: list[tuple[View | None, Any]] = []
    for operand in operands:
        if isinstance(operand, Block):
            value = operand.stored()
            inputs.append(value)
            parts.append((operand.view, None))
            if operand.view is not None:
                plain = False
            elif operand.shape == shape and operand.dtype.itemsize == dtype.itemsize:
                reuse.append(value)
        else:
            plain = False
            parts.append((None, np.asarray(operand, scalars.numpy)))
    whole = function if plain else _through(function, parts)
    value = make(program, whole, tuple(inputs), shape, dtype, cost, tuple(reuse))
    return Block(program, dtype, shape, value)


def _through(function: numerics.Function, parts: list[tuple[View | None, Any]]) -> numerics.Function:
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
    function: numerics.Function,
    inputs: tuple[Value, ...],
    shape: Shape,
    dtype: DType,
    cost: str,
    reuse: tuple[Value, ...] = (),
    elements: int | None = None,
) -> Value:
    """Submit one vector operation; `elements` is what it works through, the result's size unless said."""
    size = 1
    for extent in shape:
        size *= extent
    value = Value(size * dtype.itemsize)
    program.submit(Math(site(), inputs, value, function, reuse, size if elements is None else elements, cost))
    return value
