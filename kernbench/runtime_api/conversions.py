"""A tensor's elements as another type, and new tensors beside it, by torch's names."""

from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.elements import elements
from kernbench.runtime_api.launching import Launching
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.dtype import DType, by_numpy

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


class Conversions(Launching):
    """`to` and its shorter names, and `new_...`: tensors of the same type on the same device."""

    if TYPE_CHECKING:

        def assign(self, source: "Tensor") -> "Tensor": ...  # noqa: D102  # Operators'
        def __ne__(self, other: object) -> Any: ...

    def clone(self, **_torch: Any) -> "Tensor":
        """A copy."""
        return self._made(self.shape, self.dtype).assign(self)  # type: ignore[arg-type]

    def to(self, *kinds: Any, dtype: DType | None = None, copy: bool = False, **_torch: Any) -> "Tensor":
        """With another element type, or that of another tensor; a device is taken and means nothing."""
        named = (each if isinstance(each, DType) else getattr(each, "dtype", None) for each in kinds)
        wanted = next((kind for kind in named if isinstance(kind, DType)), dtype)
        if wanted is None or wanted is self.dtype:
            return self.clone() if copy else self  # type: ignore[return-value]
        if wanted.is_bool():
            found: Tensor = self.__ne__(0)  # mypy holds that they are never equal
            return found
        return self._made(self.shape, wanted).assign(self)  # type: ignore[arg-type]

    type = to

    def type_as(self, other: "Tensor") -> "Tensor":
        """As the type of another."""
        return self.to(other.dtype)

    def float(self) -> "Tensor":
        """As float32."""
        return self.to(dtypes.float32)

    def double(self) -> "Tensor":
        """As float64."""
        return self.to(dtypes.float64)

    def half(self) -> "Tensor":
        """As float16."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> "Tensor":
        """As bfloat16."""
        return self.to(dtypes.bfloat16)

    def int(self) -> "Tensor":
        """As int32."""
        return self.to(dtypes.int32)

    def long(self) -> "Tensor":
        """As int64."""
        return self.to(dtypes.int64)

    def short(self) -> "Tensor":
        """As int16."""
        return self.to(dtypes.int16)

    def char(self) -> "Tensor":
        """As int8."""
        return self.to(dtypes.int8)

    def byte(self) -> "Tensor":
        """As uint8."""
        return self.to(dtypes.uint8)

    def bool(self) -> "Tensor":
        """Whether each element is not 0."""
        return self.to(dtypes.int1)

    def new_empty(self, *size: Any, dtype: DType | None = None, **_torch: Any) -> "Tensor":
        """An unwritten tensor."""
        return self._made(_shape(size), dtype or self.dtype)

    def new_zeros(self, *size: Any, dtype: DType | None = None, **_torch: Any) -> "Tensor":
        """A tensor of zeros."""
        return self.new_full(_shape(size), 0, dtype=dtype)

    def new_ones(self, *size: Any, dtype: DType | None = None, **_torch: Any) -> "Tensor":
        """A tensor of ones."""
        return self.new_full(_shape(size), 1, dtype=dtype)

    def new_full(self, size: Any, fill_value: Any, *, dtype: DType | None = None, **_torch: Any) -> "Tensor":
        """A tensor of one number."""
        kind = dtype or self.dtype
        return self.new_empty(*_shape((size,)), dtype=kind).copy_(elements(np.full(_shape((size,)), fill_value), kind))

    def new_tensor(self, data: Any, *, dtype: DType | None = None, **_torch: Any) -> "Tensor":
        """A tensor of nested lists or numbers: of this type if they are floats, else of their own."""
        array = np.asarray(data)
        kind = dtype or (self.dtype if array.dtype.kind == "f" or self.dtype.is_floating() else by_numpy(array.dtype))
        return self.new_empty(*array.shape, dtype=kind).copy_(array)


def _shape(size: Any) -> tuple[Any, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], tuple | list) else tuple(size)
