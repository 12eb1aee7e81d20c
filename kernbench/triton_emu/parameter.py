"""A parameter of a kernel: its name, its default and the type that its annotation asks for."""

import inspect
from typing import Any

from kernbench.triton_emu.dtype import BY_NAME, DType, float32, int1, int32
from kernbench.triton_emu.scalar import Scalar, scalar

_COMPILERS_NAMES = {
    "bool": int1, "u1": int1, "i1": int1, "int": int32, "float": float32,
    **{f"i{bits}": BY_NAME[f"int{bits}"] for bits in (8, 16, 32, 64)},
    **{f"u{bits}": BY_NAME[f"uint{bits}"] for bits in (8, 16, 32, 64)},
    "fp16": BY_NAME["float16"], "bf16": BY_NAME["bfloat16"], "fp32": float32, "fp64": BY_NAME["float64"],
    "half": BY_NAME["float16"], "double": BY_NAME["float64"],
}  # fmt: skip
"""Names beside the types' own, as Triton has them; Python's `int` and `float` are among them."""


class KernelParam:
    """A parameter of a kernel, as `kernel.params` tells of it."""

    def __init__(self, num: int, parameter: inspect.Parameter) -> None:
        self.num = num
        self.name = parameter.name
        self.default = parameter.default
        self.has_default = parameter.default is not inspect.Parameter.empty
        self.annotation = parameter.annotation
        self.is_constexpr = is_constexpr(parameter.annotation)
        self.do_not_specialize = False  # nothing is compiled, nothing specialised
        self._type = _annotated(parameter.annotation)

    def typed(self, value: Any) -> Any:
        """A number as a 0-d tensor of the annotated type; anything else, and what has no such type, as it is.

        An `int` beyond 32 bits stays what it is: there the annotation says Python's type and means no more.
        """
        dtype = self._type
        if dtype is None or not isinstance(value, bool | int | float) or isinstance(value, Scalar):
            return value
        if self.annotation in (int, "int") and not -(2**31) <= value < 2**31:
            return value
        return scalar(value, dtype)


def is_constexpr(annotation: Any) -> bool:
    """Whether an annotation is `tl.constexpr`, itself or as text."""
    return _name(annotation) == "constexpr"


def _name(annotation: Any) -> str:
    text = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    return str(text).strip().strip("'\"").rpartition(".")[2]


def _annotated(annotation: Any) -> DType | None:
    if isinstance(annotation, DType):
        return annotation
    name = _name(annotation)
    return BY_NAME.get(name) or _COMPILERS_NAMES.get(name)
