"""`triton.reinterpret`: a tensor that kernels are to see as one of another element type."""

from typing import Any

from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.dtype import DType
from kernbench.triton_emu.jit import as_argument


class TensorWrapper:
    """`base`, whose bytes are read and written as elements of `dtype`; all else about it is the tensor's."""

    def __init__(self, base: Any, dtype: DType) -> None:
        self.base = base
        self.dtype = dtype

    def as_pointer(self, name: str) -> PointerArg:
        """The tensor's address, with the other element type."""
        pointer: PointerArg = as_argument(name, self.base)
        return pointer._replace(dtype=self.dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # copying and pickling ask before there is a base
            raise AttributeError(name)
        return getattr(self.base, name)

    def __str__(self) -> str:
        return f"TensorWrapper[{self.dtype}]({self.base})"


def reinterpret(tensor: Any, dtype: DType) -> Any:
    """The tensor as one of `dtype`; one that is seen so already as itself, if that is its own type."""
    base = tensor.base if isinstance(tensor, TensorWrapper) else tensor
    if not hasattr(base, "data_ptr"):
        raise TypeError(f"Cannot reinterpret a {type(tensor)}.")
    return base if dtype == base.dtype else TensorWrapper(base, dtype)
