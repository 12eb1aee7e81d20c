"""Operators of blocks, and element-wise operations on any mix of blocks, scalars and Python numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.triton_emu import numerics, scalar
from kernbench.triton_emu.block import Block, combined, constant, shapes
from kernbench.triton_emu.dtype import BY_NAME, DType, block_type, int1, pointer_type, promote, typed
from kernbench.triton_emu.index import Index, Known, Mask, combine
from kernbench.triton_emu.numerics import BINARY, Elementwise, common
from kernbench.triton_emu.program import current

_OPERANDS = (Block, int, float)
_GROWING = frozenset(("+", "-", "*", "<<"))
_BOUNDS = {
    each: (int(np.iinfo(each.numpy).min), int(np.iinfo(each.numpy).max))
    for each in BY_NAME.values()
    if each.kind == "int"
}
"""The least and the greatest number of each integer type."""
_SIGNED_SHIFT = Elementwise(
    lambda x, y: (x.view(f"i{x.itemsize}") >> y.view(f"i{y.itemsize}")).view(x.dtype), ints_only=True
)
_NEGATIVE = Elementwise(lambda x: np.subtract(x.dtype.type(0), x))  # as Triton has it: -(0.0) is 0.0


def binary(name: str, left: Any, right: Any) -> Any:
    """`left name right` of blocks, scalars and Python numbers."""
    left_block, right_block = isinstance(left, Block), isinstance(right, Block)
    first = left.known if left_block else _number(left)
    second = right.known if right_block else _number(right)
    if first is None or second is None:
        if not isinstance(left, _OPERANDS) or not isinstance(right, _OPERANDS):
            return NotImplemented
    elif left_block or right_block:
        number, block = (right, left) if left_block else (left, right)
        # As beside a loaded block, a bare number must be one of the type.
        if isinstance(number, int) and not 0 <= number < 128 and not isinstance(number, scalar.Scalar):
            least, most = _BOUNDS.get(block.dtype, (number, number))
            if not least <= number <= most:
                constant(number, common(name, BINARY[name], left, right))
        found = _combined(name, left, first, right, second)
        if isinstance(found, Mask):
            return Block(current(), int1, found.shape, None, found)
        if found is not None:
            dtype = common(name, BINARY[name], left, right)
            if dtype is int1:  # quotients and shifts of truth, which numpy has as numbers
                return Block(current(), int1, found.shape, None, Mask.explicit(found.values() != 0))
            kept = fitting(found, dtype) if name in _GROWING else found
            if kept is not None:
                return Block(current(), dtype, kept.shape, None, kept)
    entry = BINARY[name]
    compute = common(name, entry, left, right)
    return apply(entry if name != ">>" else shift(left, compute), (left, right), compute, entry.result)


def _combined(name: str, left: Any, first: Known, right: Any, second: Known) -> Known | None:
    """What is known of an operation on what is known of its operands, as numbers of their common type."""
    if isinstance(first, Index) and isinstance(second, Index):
        one, other = typed(left)[0], typed(right)[0]
        if one is not other and one.is_signed is not other.is_signed:
            dtype = common(name, BINARY[name], left, right)
            if name == ">>" and one.is_signed:
                return None
            one_fitted, other_fitted = fitting(first, dtype), fitting(second, dtype)
            if one_fitted is None or other_fitted is None:
                return None
            return combine(name, one_fitted, other_fitted)
    return combine(name, first, second)


def shift(left: Any, compute: DType) -> Elementwise:
    """The shift to the right that keeps the sign where the left operand has one, whatever both operands become."""
    return _SIGNED_SHIFT if typed(left)[0].is_signed and not compute.is_signed else BINARY[">>"]


def fitting(index: Index, dtype: DType) -> Index | None:
    """`index` wrapped to an integer type; None where 64 bits with a sign cannot say it."""
    low, high = index.bounds()
    if dtype.itemsize == 8:  # bytes of int64
        least = -(2**63) if dtype.is_signed else 0
        return index if low >= least and high < 2**63 else None
    bits = dtype.primitive_bitwidth
    least, most = (-(1 << bits - 1), (1 << bits - 1) - 1) if dtype.is_signed else (0, (1 << bits) - 1)
    if low >= least and high <= most:
        return index
    if low < -(2**63) or high >= 2**63:
        return None
    return Index.explicit(index.values().astype(dtype.numpy))


def _number(side: Any) -> Known | None:
    """What is known of a number."""
    if isinstance(side, bool) or (isinstance(side, scalar.Scalar) and side.dtype is int1):
        return Mask.explicit(np.asarray(bool(side)))
    # An index has 64 bits with a sign; what it cannot say is computed with the block's elements.
    return Index.constant(int(side)) if isinstance(side, int) and -(2**63) <= int(side) < 2**63 else None


def apply(entry: Elementwise, operands: tuple[Any, ...], compute: DType, result: DType | None = None) -> Any:
    """An element-wise operation on operands of `compute`; the outcome has type `result`, or `compute`."""
    dtype = result or compute
    for operand in operands:
        if isinstance(operand, Block):
            function = numerics.elementwise(entry, compute, dtype)
            return combined(function, operands, compute, shapes(operands), dtype, entry.cost)
    return scalar.evaluate(entry, operands, compute, result)


def common_type(*operands: Any) -> DType:
    """The type that operands of a function become."""
    dtype, bare = typed(operands[0])
    for operand in operands[1:]:
        other, other_bare = typed(operand)
        if other is not dtype or bare is not other_bare:
            dtype = promote(dtype, other, left_scalar=bare, right_scalar=other_bare, dividing=False)
        bare = bare and other_bare
    return dtype


def check_operands(name: str, *operands: Any) -> None:
    """Refuse what is neither a block nor a number."""
    for operand in operands:
        if not isinstance(operand, _OPERANDS):
            raise TypeError(f"tl.{name} takes blocks and numbers, got {operand!r}")


def convert(value: Any, dtype: Any, fp_downcast_rounding: str | None = None, *, bitcast: bool = False) -> Any:
    """A block or a number as another type, by value or (`bitcast`) bit by bit."""
    if isinstance(dtype, block_type):
        dtype = dtype.element_ty  # `p.type.element_ty` of a block pointer: what it loads
    if isinstance(dtype, pointer_type):
        return _AS_POINTER[0](value, dtype)
    if not isinstance(dtype, DType):
        raise TypeError(f"a type like tl.float32 is wanted, got {dtype!r}")
    source = typed(value)[0]
    if dtype is source:
        return value if isinstance(value, Block | scalar.Scalar) else scalar.scalar(value, dtype)
    if bitcast and source.primitive_bitwidth != dtype.primitive_bitwidth:
        raise TypeError(
            f"a bitcast keeps the size: {source} has {source.primitive_bitwidth} bits, {dtype} another number"
        )
    function = numerics.bitcast(dtype) if bitcast else _rounding(source, dtype, fp_downcast_rounding)
    if isinstance(value, Block):
        if isinstance(value.known, Index) and dtype.kind == "int":
            kept = fitting(value.known, dtype)
            if kept is not None:
                return Block(value.program, dtype, value.shape, None, kept)
        if isinstance(value.known, Mask) and dtype.kind == "int":
            return Block(value.program, dtype, value.shape, None, Index.explicit(value.known.values()))
        return combined(function, (value,), source, value.shape, dtype, "simple")
    return scalar.CLASSES[dtype](np.asarray(function(np.asarray(value, source.numpy))).item())


def _rounding(source: DType, target: DType, mode: str | None) -> numerics.Function:
    if mode in (None, "rtne"):
        return numerics.cast(source, target)
    if mode != "rtz":
        raise ValueError(f"fp_downcast_rounding is 'rtne' or 'rtz', got {mode!r}")
    if not source.is_floating() or not target.is_floating() or target.itemsize >= source.itemsize:
        raise ValueError(f"fp_downcast_rounding is for narrowing floats, not for {source} to {target}")
    return numerics.cast_toward_zero(source, target)


_AS_POINTER: list[Callable[[Any, pointer_type], Any]] = []
"""How an integer becomes a pointer; `pointer` says, which this file cannot import."""


def pointers_by(function: Callable[[Any, pointer_type], Any]) -> None:
    """Let `function` make pointers of integers."""
    _AS_POINTER[:] = [function]


def _negative(block: Block) -> Any:
    if block.dtype is int1:
        return block  # in one bit
    return binary("-", 0, block) if block.known is not None else apply(_NEGATIVE, (block,), block.dtype)


def _inverted(block: Block) -> Any:
    return binary("^", block, True if block.dtype is int1 else scalar.scalar(-1, block.dtype))  # all ones of the type


def _forward(name: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: binary(name, self, other)


def _reflected(name: str) -> Callable[[Any, Any], Any]:
    return lambda self, other: binary(name, other, self)


_WORDS = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "&": "and", "|": "or",
    "^": "xor", "<<": "lshift", ">>": "rshift", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne",
}  # fmt: skip
for _name, _word in _WORDS.items():
    setattr(Block, f"__{_word}__", _forward(_name))
    if _name[0] not in "<>=!" or _name in ("<<", ">>"):
        setattr(Block, f"__r{_word}__", _reflected(_name))
for _owner in (Block, scalar.Scalar):
    _owner.to = convert  # type: ignore[method-assign, union-attr]
setattr(Block, "__neg__", _negative)  # noqa: B010  # beside the others
setattr(Block, "__invert__", _inverted)  # noqa: B010
