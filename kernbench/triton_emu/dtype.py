"""Element types of the language and how they mix."""

from typing import Any

import ml_dtypes
import numpy as np


class DType:
    """An element type: its Triton name, kind (`bool`, `int` or `float`) and numpy meaning."""

    __slots__ = ("itemsize", "kind", "name", "numpy", "primitive_bitwidth")

    def __init__(self, name: str, kind: str, numpy: Any) -> None:
        self.name = name
        self.kind = kind
        self.numpy = np.dtype(numpy)
        self.itemsize = self.numpy.itemsize
        self.primitive_bitwidth = 1 if kind == "bool" else 8 * self.itemsize

    def __repr__(self) -> str:
        return self.name

    def is_floating(self) -> bool:
        """Whether it is a floating-point type."""
        return self.kind == "float"

    def is_int(self) -> bool:
        """Whether it is an integer type; int1 counts, as in Triton."""
        return self.kind != "float"


int1 = DType("int1", "bool", np.bool_)
int8 = DType("int8", "int", np.int8)
int16 = DType("int16", "int", np.int16)
int32 = DType("int32", "int", np.int32)
int64 = DType("int64", "int", np.int64)
float16 = DType("float16", "float", np.float16)
bfloat16 = DType("bfloat16", "float", ml_dtypes.bfloat16)
float32 = DType("float32", "float", np.float32)

BY_NAME = {dtype.name: dtype for dtype in (int1, int8, int16, int32, int64, float16, bfloat16, float32)}
_KIND_RANK = {"bool": 0, "int": 1, "float": 2}


def by_numpy(dtype: Any) -> DType:
    """The element type of a numpy dtype."""
    wanted = np.dtype(dtype)
    for candidate in BY_NAME.values():
        if candidate.numpy == wanted:
            return candidate
    raise TypeError(f"no element type for numpy's {wanted}; there are {', '.join(BY_NAME)}")


def of_scalar(value: bool | float) -> DType:
    """The type that Triton gives a Python number: int1, int32 (int64 if it needs more) or float32."""
    if isinstance(value, bool):
        return int1
    if isinstance(value, int):
        return int32 if -(2**31) <= value < 2**31 else int64
    return float32


def promote(left: DType, right: DType, *, left_scalar: bool, right_scalar: bool, dividing: bool) -> DType:
    """Triton's rule for two operands: a Python number bends to a block of its kind or above, else the wider wins.

    Half and bfloat16 divide in float32; bfloat16 with anything else is float32.
    """
    if left_scalar != right_scalar:
        scalar, block = (left, right) if left_scalar else (right, left)
        if _KIND_RANK[scalar.kind] <= _KIND_RANK[block.kind]:
            return float32 if dividing and block in (float16, bfloat16) else block
    pair = (left, right)
    if float32 in pair:
        return float32
    if float16 in pair:
        return float32 if dividing else float16
    if bfloat16 in pair:
        return bfloat16 if left is right and not dividing else float32
    return left if left.itemsize >= right.itemsize and left.kind != "bool" else right
