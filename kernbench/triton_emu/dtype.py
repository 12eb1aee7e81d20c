"""Element types of the language and how they mix."""

from typing import Any

import ml_dtypes
import numpy as np

_KINDS = {"bool": 0, "int": 1, "float": 2}


class DType:
    """An element type: its name, kind (`bool`, `int` or `float`), signedness and numpy meaning."""

    __slots__ = ("is_signed", "itemsize", "kind", "name", "numpy", "primitive_bitwidth", "rank")

    def __init__(self, name: str, kind: str, numpy: Any) -> None:
        self.name = name
        self.kind = kind
        self.rank = _KINDS[kind]
        self.numpy = np.dtype(numpy)
        self.itemsize = self.numpy.itemsize
        self.primitive_bitwidth = 1 if kind == "bool" else 8 * self.itemsize
        self.is_signed = kind == "int" and self.numpy.kind == "i"

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str:
        return self.name

    @property
    def scalar(self) -> "DType":
        """Itself: the type of one element."""
        return self

    @property
    def element_ty(self) -> "DType":
        """Itself, so that a block's and an element's type answer alike."""
        return self

    @property
    def int_bitwidth(self) -> int:
        """Bits of an integer type."""
        return self.primitive_bitwidth

    @property
    def fp_mantissa_width(self) -> int:
        """Bits of a floating-point type behind the point."""
        return int(self._float_facts().nmant)

    @property
    def exponent_bias(self) -> int:
        """What a floating-point type adds to its exponents."""
        return 1 - int(self._float_facts().minexp)

    def _float_facts(self) -> Any:
        if self.kind != "float":
            raise AttributeError(f"{self.name} has no mantissa and no exponent: it is no floating-point type")
        return limits(self)

    def is_floating(self) -> bool:
        """Whether it is a floating-point type."""
        return self.kind == "float"

    @property
    def is_floating_point(self) -> bool:
        """The same by torch's name."""
        return self.kind == "float"

    def is_standard_floating(self) -> bool:
        """Whether it is float16, bfloat16, float32 or float64."""
        return self.kind == "float" and self.itemsize > 1

    def is_int(self) -> bool:
        """Whether it is an integer type; int1 counts, as in Triton."""
        return self.kind != "float"

    def is_int_signed(self) -> bool:
        """Whether it is a signed integer type."""
        return self.is_signed

    def is_int_unsigned(self) -> bool:
        """Whether it is an unsigned integer type; int1 counts, as in Triton."""
        return self.kind != "float" and not self.is_signed

    def is_bool(self) -> bool:
        """Whether it is int1."""
        return self.kind == "bool"

    def is_fp8(self) -> bool:
        """Whether it is a floating-point type of 8 bits."""
        return self.kind == "float" and self.itemsize == 1

    def is_fp16(self) -> bool:
        """Whether it is float16."""
        return self is float16

    def is_bf16(self) -> bool:
        """Whether it is bfloat16."""
        return self is bfloat16

    def is_fp32(self) -> bool:
        """Whether it is float32."""
        return self is float32

    def is_fp64(self) -> bool:
        """Whether it is float64."""
        return self is float64

    def is_ptr(self) -> bool:
        """Never: pointers have a type of their own."""
        return False

    def is_block(self) -> bool:
        """Never: a block's type is `block_type`."""
        return False

    def is_void(self) -> bool:
        """Never: there are values of it."""
        return False

    def is_const(self) -> bool:
        """Never: that is a pointer's quality."""
        return False


int1 = DType("int1", "bool", np.bool_)
int8 = DType("int8", "int", np.int8)
int16 = DType("int16", "int", np.int16)
int32 = DType("int32", "int", np.int32)
int64 = DType("int64", "int", np.int64)
uint8 = DType("uint8", "int", np.uint8)
uint16 = DType("uint16", "int", np.uint16)
uint32 = DType("uint32", "int", np.uint32)
uint64 = DType("uint64", "int", np.uint64)
float8e4nv = DType("float8e4nv", "float", ml_dtypes.float8_e4m3fn)
float8e5 = DType("float8e5", "float", ml_dtypes.float8_e5m2)
float8e4b8 = DType("float8e4b8", "float", ml_dtypes.float8_e4m3fnuz)
float8e5b16 = DType("float8e5b16", "float", ml_dtypes.float8_e5m2fnuz)
float16 = DType("float16", "float", np.float16)
bfloat16 = DType("bfloat16", "float", ml_dtypes.bfloat16)
float32 = DType("float32", "float", np.float32)
float64 = DType("float64", "float", np.float64)

BY_NAME = {
    dtype.name: dtype
    for dtype in (
        int1, int8, int16, int32, int64, uint8, uint16, uint32, uint64, float8e4nv, float8e5, float8e4b8, float8e5b16,
        float16, bfloat16, float32, float64,
    )
}  # fmt: skip
for _name in BY_NAME:  # is_int8, is_uint8, is_fp8e5 and the like, as Triton's dtypes answer
    _asked = f"is_{_name.replace('float', 'fp')}"
    if not hasattr(DType, _asked):
        setattr(DType, _asked, lambda self, name=_name: self.name == name)
_BY_NUMPY = {dtype.numpy: dtype for dtype in BY_NAME.values()}

__all__ = [*BY_NAME, "block_type", "dtype", "pointer_type"]  # noqa: PLE0604  # names of the types above


class _IsDType(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, DType)


class dtype(metaclass=_IsDType):  # noqa: N801  # Triton's name
    """What element types are instances of; `tl.dtype("fp16")` is one by the name that Triton's compiler has for it."""

    def __new__(cls, name: str) -> Any:
        """The type itself."""
        full = name.replace("bf", "bfloat") if name.startswith("bf") else name.replace("fp", "float")
        if name.startswith("float") or full not in BY_NAME:
            raise TypeError(f"tl.dtype: no element type has the name {name!r}; there are fp32, bf16, int8, uint8, ...")
        return BY_NAME[full]


def by_numpy(kind: Any) -> DType:
    """The element type of a numpy dtype."""
    wanted = np.dtype(kind)
    found = _BY_NUMPY.get(wanted)
    if found is None:
        raise TypeError(f"no element type for numpy's {wanted}; there are {', '.join(BY_NAME)}")
    return found


def limits(kind: DType) -> Any:
    """The limits of a type of floats, as numpy's `finfo` names them."""
    found: Any = ml_dtypes.finfo
    return found(kind.numpy)


def get_int_dtype(bitwidth: int, signed: bool) -> DType:
    """The integer type of so many bits, as `tl.core` has it; of one bit there is int1 alone."""
    found = BY_NAME.get("int1" if bitwidth == 1 else f"{'' if signed else 'u'}int{bitwidth}")
    if found is None:
        raise TypeError(f"tl.core.get_int_dtype: no integer type has {bitwidth} bits")
    return found


class pointer_type:  # noqa: N801  # Triton's name
    """The type of a pointer: `x_ptr.dtype.element_ty` is what it points to."""

    __slots__ = ("element_ty",)
    primitive_bitwidth = 64

    def __init__(self, element_ty: DType, *_: Any, **__: Any) -> None:
        if not isinstance(element_ty, DType):
            raise TypeError(f"tl.pointer_type takes an element type, got {element_ty!r}")
        self.element_ty = element_ty

    def __repr__(self) -> str:
        return f"pointer<{self.element_ty}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, pointer_type) and other.element_ty is self.element_ty

    def __hash__(self) -> int:
        return hash((pointer_type, self.element_ty.name))

    @property
    def scalar(self) -> "pointer_type":
        """Itself: the type of one element."""
        return self

    def is_ptr(self) -> bool:
        """Always."""
        return True

    def is_block(self) -> bool:
        """Never."""
        return False

    def is_floating(self) -> bool:
        """Never."""
        return False

    def is_int(self) -> bool:
        """Never."""
        return False


class block_type:  # noqa: N801  # Triton's name
    """The type of a block: its elements' type and its shape."""

    __slots__ = ("element_ty", "shape")

    def __init__(self, element_ty: Any, shape: Any) -> None:
        self.element_ty = element_ty
        self.shape = tuple(shape)

    def __repr__(self) -> str:
        return f"<{list(self.shape)}, {self.element_ty}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, block_type) and (other.element_ty, other.shape) == (self.element_ty, self.shape)

    def __hash__(self) -> int:
        return hash((block_type, self.shape))

    @property
    def scalar(self) -> Any:
        """The type of one element."""
        return self.element_ty

    @property
    def numel(self) -> int:
        """How many elements."""
        count = 1
        for extent in self.shape:
            count *= extent
        return count

    def get_block_shapes(self) -> tuple[int, ...]:
        """The shape."""
        return self.shape

    def is_block(self) -> bool:
        """Always."""
        return True

    def is_ptr(self) -> bool:
        """Never."""
        return False


_INTEGERS = ((-(2**31), 2**31, int32), (2**31, 2**32, uint32), (-(2**63), 2**63, int64), (2**63, 2**64, uint64))
_HALVES = (float16, bfloat16)


def of_scalar(value: bool | float) -> DType:
    """The type of a Python number: int1, the first of int32, uint32, int64, uint64 that holds it, or a float.

    A float is float32 unless only float64 holds its magnitude.
    """
    if isinstance(value, bool):
        return int1
    if isinstance(value, int):
        for low, high, dtype in _INTEGERS:
            if low <= value < high:
                return dtype
        raise OverflowError(f"{value} fits no integer type; there are at most 64 bits")
    magnitude = abs(value)
    if magnitude in (0.0, float("inf")) or value != value or 2.0**-126 <= magnitude <= (2 - 2**-23) * 2.0**127:  # noqa: PLR0124  # NaN
        return float32
    return float64


def promote(left: DType, right: DType, *, left_scalar: bool, right_scalar: bool, dividing: bool) -> DType:
    """Triton's rule for two operands: a Python number bends to a block of its kind or above, else the wider wins.

    Half and bfloat16 divide in float32; bfloat16 with anything but itself is float32; two kinds of fp8 are float16.
    Integers of equal width become unsigned when one is.
    """
    if left_scalar != right_scalar:
        scalar, block = (left, right) if left_scalar else (right, left)
        if scalar.rank <= block.rank:
            return float32 if dividing and block in _HALVES else block
    pair = (left, right)
    for wide in (float64, float32):
        if wide in pair:
            return wide
    if float16 in pair:
        return float32 if dividing else float16
    if bfloat16 in pair:
        return bfloat16 if left is right and not dividing else float32
    if left.is_floating() and right.is_floating():
        return left if left is right else float16
    if left.is_floating() or right.is_floating():
        raise TypeError(f"{left} and {right} do not mix; cast one of them")
    if dividing and left is not right and left.is_signed != right.is_signed:
        raise TypeError(f"{left} and {right} do not divide: their signedness differs; cast one of them")
    return _wider_integer(left, right)


def _wider_integer(left: DType, right: DType) -> DType:
    """C's rule: the higher rank wins, of equal ranks the unsigned."""
    if left.primitive_bitwidth != right.primitive_bitwidth:
        return left if left.primitive_bitwidth > right.primitive_bitwidth else right
    return right if left.is_signed else left


def typed(value: Any) -> tuple[DType, bool]:
    """An operand's type and whether it is a bare Python number, which bends."""
    dtype = getattr(value, "dtype", None)
    return (of_scalar(value), True) if dtype is None else (dtype, False)
