"""`torch.LongTensor` and its relatives: what old programs make tensors with and newer ones annotate them with."""

from typing import Any

from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.dtype import DType


class _OfKind(type):
    """A class whose instances are the tensors of one element type, and whose call makes one."""

    torch: Any
    kind: DType

    def __instancecheck__(cls, each: object) -> bool:
        return isinstance(each, Tensor) and each.dtype is cls.kind

    def __call__(cls, *data: Any) -> Any:
        if len(data) == 1 and not isinstance(data[0], int):
            return cls.torch.tensor(data[0], dtype=cls.kind)
        return cls.torch.empty(*data, dtype=cls.kind)


_KINDS = {
    "FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16,
    "BFloat16Tensor": dtypes.bfloat16, "LongTensor": dtypes.int64, "IntTensor": dtypes.int32, "ShortTensor": dtypes.int16,
    "CharTensor": dtypes.int8, "ByteTensor": dtypes.uint8, "BoolTensor": dtypes.int1,
}  # fmt: skip


def typed_tensors(torch: Any) -> dict[str, Any]:
    """They all, by name; `torch` makes their tensors."""
    return {name: _OfKind(name, (), {"torch": torch, "kind": kind}) for name, kind in _KINDS.items()}
