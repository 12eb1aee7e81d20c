"""Operators of tensors that no kernel of ours computes: powers, whole quotients, bits and shifts; the host does."""

from typing import TYPE_CHECKING, Any

from kernbench.runtime_api.host_elementwise import of_two
from kernbench.runtime_api.launching import Launching

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class HostOperators(Launching):
    """They read their operands over the host's link and write the result back, in simulated time."""

    def __pow__(self, other: Any) -> "Tensor":
        return of_two("pow", self, other)

    def __rpow__(self, other: Any) -> "Tensor":
        return of_two("pow", other, self)

    def __floordiv__(self, other: Any) -> "Tensor":
        return of_two("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> "Tensor":
        return of_two("floor_divide", other, self)

    def __mod__(self, other: Any) -> "Tensor":
        return of_two("remainder", self, other)

    def __rmod__(self, other: Any) -> "Tensor":
        return of_two("remainder", other, self)

    def __and__(self, other: Any) -> "Tensor":
        return of_two("bitwise_and", self, other)

    def __or__(self, other: Any) -> "Tensor":
        return of_two("bitwise_or", self, other)

    def __xor__(self, other: Any) -> "Tensor":
        return of_two("bitwise_xor", self, other)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __lshift__(self, other: Any) -> "Tensor":
        return of_two("bitwise_left_shift", self, other)

    def __rshift__(self, other: Any) -> "Tensor":
        return of_two("bitwise_right_shift", self, other)

    def __invert__(self) -> "Tensor":
        return of_two("bitwise_xor", self, True if self.dtype.is_bool() else -1)
