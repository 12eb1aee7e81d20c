"""Tensors of a host program: a view of real bytes in the memory of the rank's device."""

from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from kernbench.common.errors import UsageError
from kernbench.common.messages.host import MemoryReadMsg, MemoryWriteMsg
from kernbench.policy.address import Allocation
from kernbench.policy.placement import Interleaved
from kernbench.runtime_api.device import Device
from kernbench.runtime_api.distribution import AnyPlacement, Distribution
from kernbench.runtime_api.elements import elements
from kernbench.runtime_api.on_host import OnHost
from kernbench.runtime_api.operators import Operators
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.view import View, filled
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.dtype import DType

Array: TypeAlias = npt.NDArray[Any]


class Tensor(Operators, OnHost):
    """A tensor on the rank's device. A new one's bytes are zero until written; host access takes simulated time.

    Views share the bytes of what they view. Operators launch kernels, so they take simulated time too.
    """

    grad: "Tensor | None" = None
    requires_grad = False

    def __init__(
        self,
        rank: Rank,
        shape: tuple[int, ...],
        dtype: DType,
        placement: AnyPlacement | None = None,
        *,
        view: View | None = None,
        allocation: Allocation | None = None,
    ) -> None:
        if any(extent < 0 for extent in shape):
            raise UsageError(f"a tensor's extents are >= 0, got {shape}")
        self.shape = Size(shape)
        self.dtype = dtype
        self.nbytes = prod(shape) * dtype.itemsize
        self._rank = rank
        self._view = view or View.whole(shape)
        if allocation is None:
            if isinstance(placement, Distribution):
                placement = placement.placed(shape, dtype.itemsize, rank.pes)
            allocation = rank.space.allocate(rank.fresh_name("tensor"), max(self.nbytes, 1), placement or Interleaved())
        self._allocation = allocation

    # -- what it is ----------------------------------------------------------------------------------------------

    def numel(self) -> int:
        """Count the elements."""
        return prod(self.shape)

    nelement = numel

    @property
    def ndim(self) -> int:
        """How many axes it has."""
        return len(self.shape)

    dim = property(lambda self: lambda: len(self.shape))

    def size(self, dim: int | None = None) -> Any:
        """The shape, or the extent of one axis."""
        return self.shape if dim is None else self.shape[dim]

    def stride(self, dim: int | None = None) -> Any:
        """Elements from one to the next along each axis, or along one."""
        return self._view.strides if dim is None else self._view.strides[dim]

    def storage_offset(self) -> int:
        """Elements before its first one in what it views."""
        return self._view.offset

    def is_contiguous(self) -> bool:
        """Whether its elements lie side by side in row-major order."""
        return self._view.is_contiguous

    def element_size(self) -> int:
        """Bytes of an element."""
        size: int = self.dtype.itemsize
        return size

    itemsize = property(element_size)

    def data_ptr(self) -> int:
        """The virtual address of the first element."""
        address: int = self._allocation.address + self._view.offset * self.dtype.itemsize
        return address

    @property
    def device(self) -> Device:
        """The rank's SIP."""
        return Device(self._rank.sip)

    @property
    def is_cuda(self) -> bool:
        """Whether it is on a device: always."""
        return True

    def is_floating_point(self) -> bool:
        """Whether its elements are floating-point numbers."""
        return self.dtype.is_floating()

    def as_pointer(self, name: str) -> PointerArg:
        """What a kernel gets when this tensor is its argument `name`: its first element, bounded by its last."""
        return PointerArg(name, self.data_ptr(), self._view.span * self.dtype.itemsize, self.dtype)

    # -- views ---------------------------------------------------------------------------------------------------

    def seen(self, view: View) -> "Tensor":
        """The same bytes seen otherwise."""
        return Tensor(self._rank, view.shape, self.dtype, view=view, allocation=self._allocation)

    def __getitem__(self, key: Any) -> "Tensor":
        return self.seen(self._view.indexed(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        target = self[key]
        if isinstance(value, Tensor):
            target.copy_(value.expand(*target.shape))
        else:
            target.fill_(value)

    def view(self, *shape: Any) -> "Tensor":
        """Another shape of the same bytes."""
        made = self._view.reshaped(filled(_shape(shape), self.numel()))
        if made is None:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead."
            )
        return self.seen(made)

    def reshape(self, *shape: Any) -> "Tensor":
        """Another shape, of the same bytes if they are contiguous, else of a copy."""
        return self.contiguous().view(*shape)

    def flatten(self) -> "Tensor":
        """One axis."""
        return self.reshape(-1)

    ravel = flatten

    def view_as(self, other: "Tensor") -> "Tensor":
        """The shape of another."""
        return self.view(other.shape)

    def permute(self, *order: Any) -> "Tensor":
        """Axes in another order."""
        axes = _shape(order)
        if sorted(axis % max(self.ndim, 1) for axis in axes) != list(range(self.ndim)):
            raise RuntimeError(f"permute(dims): {list(axes)} are not the {self.ndim} axes of the tensor")
        return self.seen(self._view.permuted(tuple(axis % self.ndim for axis in axes)))

    def transpose(self, dim0: int, dim1: int) -> "Tensor":
        """Two axes exchanged."""
        order = list(range(self.ndim))
        order[dim0], order[dim1] = order[dim1], order[dim0]
        return self.permute(order)

    def t(self) -> "Tensor":
        """The transpose of a matrix."""
        if self.ndim > 2:
            raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but self is {self.ndim}D")
        return self.permute(tuple(reversed(range(self.ndim))))

    @property
    def T(self) -> "Tensor":  # noqa: N802  # torch's name
        """All axes reversed."""
        return self.permute(tuple(reversed(range(self.ndim))))

    @property
    def mT(self) -> "Tensor":  # noqa: N802  # torch's name
        """The last two axes exchanged."""
        return self.transpose(-2, -1)

    def unsqueeze(self, dim: int) -> "Tensor":
        """A new axis of one element."""
        at = dim % (self.ndim + 1)
        return self[(*[slice(None)] * at, None)]

    def squeeze(self, dim: int | None = None) -> "Tensor":
        """Without axes of one element, or without that one."""
        axes = range(self.ndim) if dim is None else (dim % self.ndim,)
        return self[tuple(0 if axis in axes and extent == 1 else slice(None) for axis, extent in enumerate(self.shape))]

    def expand(self, *shape: Any) -> "Tensor":
        """Axes of one element repeated, without a copy."""
        wanted = _shape(shape)
        known = (1,) * (len(wanted) - self.ndim) + self.shape
        return self.seen(self._view.expanded(tuple(b if a == -1 else a for a, b in zip(wanted, known, strict=True))))

    def split(self, size: int, dim: int = 0) -> tuple["Tensor", ...]:
        """Pieces of `size` along an axis."""
        before = [slice(None)] * (dim % self.ndim)
        return tuple(self[(*before, slice(at, at + size))] for at in range(0, self.shape[dim], size))

    def chunk(self, chunks: int, dim: int = 0) -> tuple["Tensor", ...]:
        """So many pieces along an axis, the last one maybe smaller."""
        return self.split(-(-self.shape[dim] // chunks), dim)

    def detach(self) -> "Tensor":
        """Itself: there are no gradients here."""
        return self

    # -- bytes ---------------------------------------------------------------------------------------------------

    def copy_(self, source: "Tensor | Array") -> "Tensor":
        """Write all elements: from an array over the host's link, from a tensor by a kernel; in simulated time."""
        if isinstance(source, Tensor):
            if source.shape != self.shape:
                source = source.expand(*self.shape)
            return self.assign(source)
        array = np.asarray(source)
        if array.shape != self.shape:
            raise UsageError(f"copy_: the shape {array.shape} of the source is not {tuple(self.shape)}")
        if not self.is_contiguous():
            return self.assign(Tensor(self._rank, self.shape, self.dtype).copy_(array))
        if self.nbytes:
            data = np.ascontiguousarray(elements(array, self.dtype)).tobytes()
            self._rank.call(MemoryWriteMsg(self.data_ptr(), self.nbytes, data if self._rank.values else None))
        return self

    def numpy(self) -> Array:
        """Read all elements over the host's link; in simulated time."""
        if not self.is_contiguous():
            return self.contiguous().numpy()
        data: bytes | None = b""
        if self.nbytes:
            data = self._rank.call(MemoryReadMsg(self.data_ptr(), self.nbytes)).data
        if data is None:
            raise UsageError("numpy(): there are no values in a run with --values off")
        return np.frombuffer(data, dtype=self.dtype.numpy).reshape(self.shape).copy()

    def peek(self) -> Array:
        """Look at all elements outside simulated time; for `verify` and tests."""
        size, view = self.dtype.itemsize, self._view
        data = self._rank.peek(self.data_ptr(), view.span * size) if self.nbytes else b""
        flat = np.frombuffer(data, dtype=self.dtype.numpy)
        if view.is_contiguous:
            return flat.reshape(self.shape)
        return np.lib.stride_tricks.as_strided(
            flat, self.shape, [stride * size for stride in view.strides], writeable=False
        )

    def tolist(self) -> Any:
        """Read all elements as nested lists of Python numbers."""
        return self.numpy().tolist()

    def item(self) -> Any:
        """Read the only element."""
        if self.numel() != 1:
            raise UsageError(f"item(): a tensor with {self.numel()} elements cannot be converted to a number")
        return self.numpy().reshape(-1)[0].item()

    def cpu(self) -> "Tensor":
        """Itself: host and device have one kind of tensor here; `numpy()` reads it."""
        return self

    def cuda(self, *_device: Any) -> "Tensor":
        """Itself: it is on the device."""
        return self

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of a 0-d tensor")
        length: int = self.shape[0]
        return length

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __bool__(self) -> bool:
        if self.numel() != 1:
            raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
        return bool(self.item())

    def __iter__(self) -> Any:
        return (self[number] for number in range(len(self)))

    def __repr__(self) -> str:
        where = f"dtype={self.dtype.name}, device='sip:{self._rank.sip}'"
        if not self._rank.values:
            return f"tensor(shape={tuple(self.shape)}, {where})"
        shown = np.array2string(_wide(self.peek()), separator=", ", precision=4, threshold=1000, prefix="tensor(")
        return f"tensor({shown}, {where})"

    def __format__(self, spec: str) -> str:
        return format(_wide(self.peek()).item() if self._rank.values and not self.shape else repr(self), spec)

    # -- gradients -----------------------------------------------------------------------------------------------

    def requires_grad_(self, requires_grad: bool = True) -> "Tensor":
        """Itself, noted as one whose gradient is wanted."""
        self.requires_grad = requires_grad
        return self

    def backward(self, _gradient: Any = None, **_torch: Any) -> None:
        """Refuse: only what `torch.autograd.Function` or `layer_norm` gave knows the step back to its arguments."""
        raise RuntimeError(
            "this tensor has no way back: kernbench's own torch keeps no graph, it goes one step back from "
            "torch.autograd.Function and layer_norm; where torch is installed, its own is used"
        )


class Size(tuple[int, ...]):
    """A shape, as torch.Size: a tuple that counts its elements."""

    __slots__ = ()

    def numel(self) -> int:
        """Elements of a tensor of this shape."""
        return prod(self)


def _wide(array: Array) -> Array:
    """Elements of types that numpy itself has, as it prints no others well."""
    if array.dtype.kind in "iub" or array.dtype == np.float64:
        return array
    return array.astype(np.float32)


def _shape(shape: tuple[Any, ...]) -> tuple[int, ...]:
    """`f(2, 3)` and `f((2, 3))` name shapes, as in torch."""
    if len(shape) == 1 and not isinstance(shape[0], int):
        shape = tuple(shape[0])
    return tuple(int(extent) for extent in shape)
