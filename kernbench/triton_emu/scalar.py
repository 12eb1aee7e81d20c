"""Scalars that a kernel knows: arguments, program ids and what is computed of them, as Python numbers with a type.

Triton sees 0-d tensors. Arithmetic on them is the scalar core's and costs no operation. An Int32 is an `int` that wraps
at 32 bits, divides toward zero and answers `.dtype` and `.to`.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from kernbench.triton_emu import numerics
from kernbench.triton_emu.dtype import BY_NAME, DType, float32, int1, int64, of_scalar, uint32
from kernbench.triton_emu.numerics import BINARY, common

METHODS: dict[str, Callable[..., Any]] = {}
"""What may be called as a method of a block, a pointer or a scalar; the language fills it."""


class Scalar:
    """A known number of one element type; `CLASSES` has a class for each."""

    __slots__ = ()
    dtype: DType
    shape = ()
    numel = 1

    @property
    def type(self) -> DType:
        """Its element type."""
        return self.dtype

    @property
    def T(self) -> "Scalar":  # noqa: N802  # Triton's name
        """Itself."""
        return self

    def __getattr__(self, name: str) -> Any:
        return method(self, name)


def method(owner: Any, name: str) -> Callable[..., Any]:
    """A function of the language as a method: `x.sum(0)` is `tl.sum(x, 0)`."""
    function = METHODS.get(name)
    if function is None or name.startswith("_"):
        raise AttributeError(f"{owner!r} has no attribute {name!r}; `kernbench list tl` prints what the language has")

    def bound(*args: Any, **kwargs: Any) -> Any:
        return function(owner, *args, **kwargs)

    return bound


def scalar(value: Any, dtype: DType) -> Any:
    """`value` as a scalar of `dtype`: integers wrap, floats round."""
    cls = CLASSES[dtype]
    if dtype.kind == "int":
        value = int(value)
        if not cls.low <= value <= cls.high:
            value = (value - cls.low) % (cls.high - cls.low + 1) + cls.low
        return cls(value)
    if dtype is int1:
        return cls(bool(value))
    with np.errstate(all="ignore"):
        rounded = numerics.rounding(dtype)
        return cls(
            rounded(np.asarray(value, np.float64).astype(np.float32)).item() if dtype.itemsize < 8 else value
        )  # bytes of a double


def argument(value: Any) -> Any:
    """What a kernel sees of a host's number: int1, int32 (int64 if it needs more), float32; anything else as it is."""
    if not isinstance(value, bool | int | float) or isinstance(value, Scalar):
        return value
    dtype = float32 if isinstance(value, float) else of_scalar(value)
    return scalar(value, int64 if dtype is uint32 else dtype)


def is_number(value: Any) -> bool:
    """Whether it is a Python number, with or without an element type."""
    return isinstance(value, int | float)


def evaluate(entry: numerics.Elementwise, operands: tuple[Any, ...], compute: DType, result: DType | None) -> Any:
    """An element-wise operation on numbers alone."""
    outcome = result or compute
    function = numerics.elementwise(entry, compute, outcome)
    arrays = [np.asarray(scalar(operand, compute), compute.numpy) for operand in operands]
    return CLASSES[outcome](np.asarray(function(*arrays)).item())


def _calculated(name: str, left: Any, right: Any) -> Any:
    if not is_number(left) or not is_number(right):
        return NotImplemented
    entry = BINARY[name]
    return evaluate(entry, (left, right), common(name, entry, left, right), entry.result)


def _general(name: str, *, reflected: bool) -> Callable[[Any, Any], Any]:
    if reflected:
        return lambda self, other: _calculated(name, other, self)
    return lambda self, other: _calculated(name, self, other)


_NAMES = {
    "+": "add", "-": "sub", "*": "mul", "/": "truediv", "//": "floordiv", "%": "mod", "&": "and", "|": "or",
    "^": "xor", "<<": "lshift", ">>": "rshift",
}  # fmt: skip
_ORDERS = {"<": "lt", "<=": "le", ">": "gt", ">=": "ge", "==": "eq", "!=": "ne"}


def _quick(name: str, operate: Callable[[int, int], Any]) -> Callable[[Any, Any], Any]:
    """An integer operation on equals and bare numbers, whose outcome only has to be checked for its range."""

    def quick(self: Any, other: Any) -> Any:
        cls = type(self)
        kind = type(other)
        if kind is int or kind is cls:
            out = operate(self, other)
            if cls.low <= out <= cls.high and cls.low <= other <= cls.high:
                return cls(out)
        return _calculated(name, self, other)

    return quick


def _quick_division(name: str, operate: Callable[[int, int], int]) -> Callable[[Any, Any], Any]:
    """Python's own division where it does not differ from the device's."""

    def quick(self: Any, other: Any) -> Any:
        kind = type(other)
        if (kind is int or kind is type(self)) and int.__gt__(other, 0) and int.__ge__(self, 0):
            return type(self)(operate(self, other))
        return _calculated(name, self, other)

    return quick


def _quick_order(name: str, operate: Callable[[int, int], bool]) -> Callable[[Any, Any], Any]:
    def quick(self: Any, other: Any) -> Any:
        kind = type(other)
        if kind is int or kind is type(self):
            return CLASSES[int1](operate(self, other))
        return _calculated(name, self, other)

    return quick


def _class(dtype: DType) -> Any:
    base: Any = float if dtype.is_floating() else int
    body: dict[str, Any] = {"__slots__": (), "dtype": dtype, "__hash__": base.__hash__}
    for name, word in _NAMES.items():
        body[f"__{word}__"] = _general(name, reflected=False)
        body[f"__r{word}__"] = _general(name, reflected=True)
    for name, word in _ORDERS.items():
        body[f"__{word}__"] = _general(name, reflected=False)
    if dtype.kind == "int":
        limits = np.iinfo(dtype.numpy)
        body |= {"low": int(limits.min), "high": int(limits.max)}
        for name in ("+", "-", "*"):
            body[f"__{_NAMES[name]}__"] = _quick(name, getattr(int, f"__{_NAMES[name]}__"))
        body["__radd__"], body["__rmul__"] = body["__add__"], body["__mul__"]
        for name in ("//", "%"):
            body[f"__{_NAMES[name]}__"] = _quick_division(name, getattr(int, f"__{_NAMES[name]}__"))
        for name, word in _ORDERS.items():
            body[f"__{word}__"] = _quick_order(name, getattr(int, f"__{word}__"))
    body["__neg__"] = lambda self: self if dtype is int1 else scalar(0 - base(self), dtype)
    body["__abs__"] = lambda self: scalar(abs(base(self)), dtype)
    body["__pos__"] = lambda self: self
    if base is int:
        body["__invert__"] = lambda self: scalar(not self if dtype is int1 else ~int(self), dtype)
    return type(dtype.name, (Scalar, base), body)


CLASSES: dict[DType, Any] = {}
CLASSES.update({dtype: _class(dtype) for dtype in BY_NAME.values()})
