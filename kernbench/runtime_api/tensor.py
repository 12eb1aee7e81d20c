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
from kernbench.runtime_api.host_methods import method
from kernbench.runtime_api.host_places import is_place, put, taken
from kernbench.runtime_api.on_host import OnHost
from kernbench.runtime_api.operators import Operators
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.rearranging import Rearranging
from kernbench.runtime_api.tracking import Tracked, track
from kernbench.runtime_api.view import View, filled
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.dtype import DType

Array: TypeAlias = npt.NDArray[Any]


class Tensor(Operators, OnHost, Rearranging, Tracked):
    """A tensor on the rank's device. A new one's bytes are zero until written; host access takes simulated time.

    Views share the bytes of what they view. Operators launch kernels, so they take simulated time too.
    """

    is_sparse = False

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

    def is_contiguous(self, **_torch: Any) -> bool:
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

    @property
    def grad_fn(self) -> Any:
        """What it came from, None if from nothing that wants a gradient."""
        return self.step

    def get_device(self) -> int:
        """The number of its device."""
        return 0

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
        return taken(self, key) if is_place(key) else self.seen(self._view.indexed(key))

    def __setitem__(self, key: Any, value: Any) -> None:
        if is_place(key):
            put(self, key, value)
            return
        target = self[key]
        if isinstance(value, Tensor):
            target.copy_(value.expand(*target.shape))
        else:
            target.fill_(value)

    def __getattr__(self, name: str) -> Any:
        """A method that the host computes."""
        if name.startswith("__"):
            raise AttributeError(name)
        return method(self, name)

    def view(self, *shape: Any) -> "Tensor":
        """Another shape, or another element type, of the same bytes."""
        if len(shape) == 1 and isinstance(shape[0], DType):
            return self._as(shape[0])
        made = self._view.reshaped(filled(_shape(shape), self.numel()))
        if made is None:
            raise RuntimeError(
                "view size is not compatible with input tensor's size and stride (at least one dimension spans across "
                "two contiguous subspaces). Use .reshape(...) instead."
            )
        return self.seen(made)

    def _as(self, dtype: DType) -> "Tensor":
        """The same bytes as elements of another type, more or fewer of them along the last axis."""
        ratio = self.dtype.itemsize / dtype.itemsize
        view = self._view
        if ratio != 1:
            last = self.shape[-1] * ratio if self.shape else 0.5
            if not self.is_contiguous() or not last.is_integer() or not (view.offset * ratio).is_integer():
                raise RuntimeError(
                    f"view: the bytes of a tensor of shape {list(self.shape)} and type {self.dtype.name} are no whole "
                    f"elements of {dtype.name} side by side"
                )
            shape = (*self.shape[:-1], int(last))
            view = View(shape, View.whole(shape).strides, int(view.offset * ratio))
        return Tensor(self._rank, view.shape, dtype, view=view, allocation=self._allocation)

    def reshape(self, *shape: Any) -> "Tensor":
        """Another shape, of the same bytes if strides allow it, else of a copy."""
        made = self._view.reshaped(filled(_shape(shape), self.numel()))
        return self.contiguous().view(*shape) if made is None else self.seen(made)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> "Tensor":
        """Some axes in a row, or all, as one."""
        if not self.shape:
            return self.reshape(1)
        first, last = start_dim % self.ndim, end_dim % self.ndim
        return self.reshape(*self.shape[:first], prod(self.shape[first : last + 1]), *self.shape[last + 1 :])

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

    def detach(self) -> "Tensor":
        """The same bytes, with no gradient wanted."""
        return self.seen(self._view)

    data = property(detach, lambda self, value: self.copy_(value))

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

    def __index__(self) -> int:
        if self.dtype.is_floating() or self.numel() != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self.item())

    __array_priority__ = 1000  # numpy leaves mixed operators to the tensor

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        return self.numpy() if dtype is None else self.numpy().astype(dtype)

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

    def backward(self, gradient: Any = None, **_torch: Any) -> None:
        """Add to `grad` of each tensor that this came from and that wants one; `gradient` is that of this, 1 if left out.

        A RuntimeError if it came from none, a `Missing` if a function on the way has no derivative here.
        """
        from kernbench.runtime_api.host_autograd import go_back  # noqa: PLC0415  # it needs tensors

        go_back(self, gradient)


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


track(*(each for each in Tensor.__mro__ if each.__module__.startswith("kernbench.") and each is not Tracked))
