"""`triton.tools.tensor_descriptor.TensorDescriptor`: a tensor and the tiles that a kernel moves of it, made by the host."""

from collections.abc import Sequence
from typing import Any

from kernbench.common.errors import UsageError
from kernbench.triton_emu import language
from kernbench.triton_emu.pointer import Pointer


class TensorDescriptor:
    """`base` seen as `shape` with `strides`, loaded and stored in blocks of `block_shape`; an argument of a launch."""

    def __init__(
        self,
        base: Any,
        shape: Sequence[int],
        strides: Sequence[int],
        block_shape: Sequence[int],
        padding: str = "zero",
    ) -> None:
        if not len(shape) == len(strides) == len(block_shape) > 0:
            raise UsageError(
                f"TensorDescriptor: shape {list(shape)}, strides {list(strides)} and block_shape {list(block_shape)} "
                "have one number for each axis"
            )
        self.base = base
        self.shape = list(shape)
        self.strides = list(strides)
        self.block_shape = list(block_shape)
        self.padding = padding

    @classmethod
    def from_tensor(cls, tensor: Any, block_shape: Sequence[int], padding: str = "zero") -> "TensorDescriptor":
        """A whole tensor."""
        strides = [tensor.stride(axis) for axis in range(len(tensor.shape))]
        return cls(tensor, list(tensor.shape), strides, block_shape, padding)


class DescriptorArgument:
    """A descriptor on its way into a kernel: what it was when the kernel was launched."""

    def __init__(self, descriptor: TensorDescriptor, pointer: Any) -> None:
        self._pointer = pointer
        self._sizes = (
            list(descriptor.shape),
            list(descriptor.strides),
            list(descriptor.block_shape),
            descriptor.padding,
        )

    def inside(self) -> Any:
        """The kernel's own descriptor."""
        make: Any = language.__dict__.get("make_tensor_descriptor")
        if make is None:
            raise AttributeError("tl.make_tensor_descriptor does not exist here")
        return make(Pointer.bind(self._pointer), *self._sizes)
