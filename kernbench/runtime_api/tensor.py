"""Tensors of a host program: a shape, an element type and real bytes in the memory of the rank's device."""

from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from kernbench.common.errors import UsageError
from kernbench.common.messages.host import MemoryReadMsg, MemoryWriteMsg
from kernbench.policy.placement import Interleaved, Placement
from kernbench.runtime_api.rank import Rank
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.dtype import DType

Array: TypeAlias = npt.NDArray[Any]


class Tensor:
    """A contiguous tensor on the rank's device. Its bytes are zero until written; host access takes simulated time."""

    def __init__(self, rank: Rank, shape: tuple[int, ...], dtype: DType, placement: Placement | None = None) -> None:
        if any(extent < 0 for extent in shape):
            raise UsageError(f"a tensor's extents are >= 0, got {shape}")
        self.shape = shape
        self.dtype = dtype
        self.nbytes = prod(shape) * dtype.itemsize
        self._rank = rank
        name = rank.fresh_name("tensor")
        self._allocation = rank.space.allocate(name, max(self.nbytes, 1), placement or Interleaved())

    def numel(self) -> int:
        """Count the elements."""
        return prod(self.shape)

    def element_size(self) -> int:
        """Bytes of an element."""
        size: int = self.dtype.itemsize
        return size

    def data_ptr(self) -> int:
        """The virtual address of the first element."""
        return self._allocation.address

    def as_pointer(self, name: str) -> PointerArg:
        """What a kernel gets when this tensor is its argument `name`."""
        return PointerArg(name, self._allocation.address, self.nbytes, self.dtype)

    def copy_(self, source: "Tensor | Array") -> "Tensor":
        """Write all elements from an array or a tensor of the same shape, over the host's link; in simulated time."""
        array = source.numpy() if isinstance(source, Tensor) else np.asarray(source)
        if array.shape != self.shape:
            raise UsageError(f"copy_: the shape {array.shape} of the source is not {self.shape}")
        if self.nbytes:
            data = np.ascontiguousarray(array.astype(self.dtype.numpy, copy=False)).tobytes()
            self._rank.call(MemoryWriteMsg(self._allocation.address, self.nbytes, data if self._rank.values else None))
        return self

    def numpy(self) -> Array:
        """Read all elements over the host's link; in simulated time."""
        data: bytes | None = b""
        if self.nbytes:
            data = self._rank.call(MemoryReadMsg(self._allocation.address, self.nbytes)).data
        if data is None:
            raise UsageError("numpy(): there are no values in a run with --values off")
        return np.frombuffer(data, dtype=self.dtype.numpy).reshape(self.shape).copy()

    def peek(self) -> Array:
        """Look at all elements outside simulated time; for `verify` and tests."""
        data = self._rank.peek(self._allocation.address, self.nbytes) if self.nbytes else b""
        return np.frombuffer(data, dtype=self.dtype.numpy).reshape(self.shape)

    def tolist(self) -> Any:
        """Read all elements as nested lists of Python numbers."""
        return self.numpy().tolist()

    def item(self) -> Any:
        """Read the only element."""
        if self.numel() != 1:
            raise UsageError(f"item(): a tensor with {self.numel()} elements cannot be converted to a number")
        return self.numpy().reshape(-1)[0].item()

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Tensor(shape={self.shape}, dtype={self.dtype.name}, device='sip:{self._rank.sip}')"
