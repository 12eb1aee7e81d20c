"""Torch's rule for the type of a result of several operands."""

from typing import Any

from kernbench.triton_emu.dtype import DType, float32, int1, int64, of_scalar

_RANK = {"bool": 0, "int": 1, "float": 2}


def promoted(left: Any, right: Any) -> DType:
    """The type of a tensor with a tensor or a number."""
    return common(left.dtype, right)


def common(kind: DType, other: Any) -> DType:
    """The type of elements of `kind` with a tensor, a type or a number.

    The wider of two types; a number counts only if it is of a higher kind. Tensors without axes count as others do.
    """
    if isinstance(other, int | float):
        number = of_scalar(other)
        if _RANK[number.kind] <= _RANK[kind.kind]:
            return kind
        return float32 if number.is_floating() else int64
    second: DType = other if isinstance(other, DType) else other.dtype
    if kind is second:
        return kind
    if _RANK[kind.kind] != _RANK[second.kind]:
        return kind if _RANK[kind.kind] > _RANK[second.kind] else second
    if kind.is_floating() and kind.itemsize == second.itemsize:
        return float32  # half with bfloat16
    return kind if kind.itemsize >= second.itemsize else second


def scalar_name(kind: DType) -> str:
    """The name that torch's messages have for elements of a type: Float, Long, Half, ..."""
    names = {"int1": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long"}
    names |= {"float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double"}
    return names.get(kind.name, kind.name)


def of_number(number: Any) -> DType:
    """The type of a tensor made of a Python number."""
    return int1 if isinstance(number, bool) else int64 if isinstance(number, int) else float32
