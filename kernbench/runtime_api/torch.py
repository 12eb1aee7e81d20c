"""The torch-like namespace that a rank's program is given as `torch`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, overload

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.policy.placement import Interleaved, Local
from kernbench.runtime_api.cubes import Beside
from kernbench.runtime_api.device import Device
from kernbench.runtime_api.distributed import Distributed
from kernbench.runtime_api.distribution import AnyPlacement as Placement
from kernbench.runtime_api.distribution import Partial as PartialPlacement
from kernbench.runtime_api.distribution import Replicate, Shard
from kernbench.runtime_api.elements import elements
from kernbench.runtime_api.functions import Functions
from kernbench.runtime_api.kernel_row import kernel_row
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.partial import PartialTensor
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.roof import Work
from kernbench.runtime_api.row import Row as BenchRow
from kernbench.runtime_api.tensor import Array
from kernbench.runtime_api.tensor import Size as TensorSize
from kernbench.runtime_api.tensor import Tensor as DeviceTensor
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.compiled import Compiled
from kernbench.triton_emu.dtype import DType

Size: TypeAlias = int | Sequence[int]


class Torch(Functions):
    """One rank's view: creation of tensors on its device, functions of them, element types, and `distributed`.

    `device` arguments are taken for the rank's SIP.
    """

    Row = BenchRow
    Tensor = DeviceTensor
    Size = TensorSize
    Local = Local
    Interleaved = Interleaved
    Shard = Shard
    Replicate = Replicate
    Partial = PartialPlacement
    Beside = Beside
    device = Device
    dtype = DType
    float32 = float = dtypes.float32
    float16 = half = dtypes.float16
    bfloat16 = dtypes.bfloat16
    int64 = long = dtypes.int64
    int32 = int = dtypes.int32
    int16 = short = dtypes.int16
    int8 = dtypes.int8
    bool = dtypes.int1
    inf = np.inf
    nan = np.nan
    pi = np.pi

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        rank.random = _stream(rank.seed, rank.index)
        self.distributed = Distributed(rank)

    def __getattr__(self, name: str) -> Any:
        """Element types that the kernel language has beyond those above (float8, unsigned integers)."""
        found = dtypes.BY_NAME.get({"float8_e4m3fn": "float8e4nv", "float8_e5m2": "float8e5"}.get(name, name))
        if found is None:
            raise AttributeError(f"module 'torch' of kernbench has no attribute {name!r}")
        return found

    def dtype_named(self, name: str) -> DType:
        """Look an element type up by name."""
        found = dtypes.BY_NAME.get(name)
        if found is None or found is dtypes.int1:
            names = ", ".join(each for each in dtypes.BY_NAME if each != "int1")
            raise UsageError(f"unknown dtype {name!r}; there are {names}")
        return found

    def kernel_row(
        self,
        launched: Compiled,
        columns: dict[str, Any],
        *,
        results: tuple[DeviceTensor, ...] = (),
        inputs: tuple[DeviceTensor, ...] = (),
        **work: Any,
    ) -> BenchRow:
        """The row of one launch: `launched` is what `kernel[grid](...)` gave back.

        `work` is the least that it has to do: `matrix` and `vector` FLOP, bytes `read` and `written`.
        """
        return kernel_row(self._rank, launched, columns, Work(**work), results, inputs)

    def parallel(self, params_dtype: DType, **options: Any) -> ModelParallelConfig:
        """Megatron's configuration of model parallelism over all ranks: what `parallel` layers take as `config`."""
        return ModelParallelConfig(self._rank, self.distributed, params_dtype, **options)

    # -- creation ------------------------------------------------------------------------------------------------

    @overload
    def empty(
        self, *size: Any, dtype: DType | None = None, placement: Placement | None = None, device: Any = None
    ) -> DeviceTensor: ...
    @overload
    def empty(
        self, *size: Any, dtype: DType | None = None, placement: PartialPlacement, device: Any = None
    ) -> PartialTensor: ...
    def empty(
        self, *size: Any, dtype: DType | None = None, placement: Any = None, device: Any = None
    ) -> DeviceTensor | PartialTensor:
        """Make a tensor without writing it: its bytes are zero, and no simulated time passes."""
        if isinstance(placement, PartialPlacement):
            return PartialTensor(self._rank, _shape(size), dtype or dtypes.float32, placement)
        return DeviceTensor(self._rank, _shape(size), dtype or dtypes.float32, placement)

    def full(
        self,
        size: Any,
        fill_value: Any,
        dtype: DType = dtypes.float32,
        placement: Placement | None = None,
        device: Any = None,
    ) -> DeviceTensor:
        """Make a tensor with every element `fill_value`, written by the host."""
        tensor = self.empty(size, dtype=dtype, placement=placement)
        kind = np.float32 if tensor.dtype.is_fp8() else tensor.dtype.numpy  # the copy rounds to fp8
        return tensor.copy_(np.full(tensor.shape, fill_value, dtype=kind))

    def zeros(
        self, *size: Any, dtype: DType | None = None, placement: Placement | None = None, device: Any = None
    ) -> DeviceTensor:
        """Make a tensor of zeros."""
        return self.full(_shape(size), 0, dtype or dtypes.float32, placement)

    def ones(
        self, *size: Any, dtype: DType | None = None, placement: Placement | None = None, device: Any = None
    ) -> DeviceTensor:
        """Make a tensor of ones."""
        return self.full(_shape(size), 1, dtype or dtypes.float32, placement)

    def arange(
        self,
        start: Any,
        end: Any = None,
        step: Any = 1,
        *,
        dtype: DType | None = None,
        placement: Placement | None = None,
        device: Any = None,
    ) -> DeviceTensor:
        """Make a tensor of evenly spaced numbers from `start` (0 if only one bound is given) below `end`."""
        bounds = (0, start, step) if end is None else (start, end, step)
        if dtype is None:
            dtype = (
                dtypes.float32
                if any(isinstance(each, np.floating | complex) or "." in str(each) for each in bounds)
                else dtypes.int64
            )
        return self.from_numpy(elements(np.arange(*bounds), dtype), placement=placement)

    def eye(self, n: Any, dtype: DType = dtypes.float32, device: Any = None) -> DeviceTensor:
        """Make a matrix with ones on its diagonal."""
        return self.from_numpy(np.eye(n).astype(dtype.numpy))

    def tensor(
        self, data: Any, dtype: DType | None = None, placement: Placement | None = None, device: Any = None
    ) -> DeviceTensor:
        """Make a tensor of nested lists or numbers; floats are float32, as in torch."""
        array = np.asarray(data)
        if dtype is None:
            dtype = dtypes.float32 if array.dtype.kind == "f" else dtypes.by_numpy(array.dtype)
        return self.from_numpy(elements(array, dtype), placement=placement)

    as_tensor = tensor

    def from_numpy(self, array: Array, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor of an array's values."""
        return self.empty(array.shape, dtype=dtypes.by_numpy(array.dtype), placement=placement).copy_(array)

    def empty_like(self, other: DeviceTensor, *, dtype: DType | None = None, device: Any = None) -> DeviceTensor:
        """Make an unwritten tensor of another's shape and type."""
        return self.empty(other.shape, dtype=dtype or other.dtype)

    def zeros_like(self, other: DeviceTensor, *, dtype: DType | None = None, device: Any = None) -> DeviceTensor:
        """Make a tensor of zeros of another's shape and type."""
        return self.zeros(other.shape, dtype=dtype or other.dtype)

    def ones_like(self, other: DeviceTensor, *, dtype: DType | None = None, device: Any = None) -> DeviceTensor:
        """Make a tensor of ones of another's shape and type."""
        return self.ones(other.shape, dtype=dtype or other.dtype)

    def full_like(
        self, other: DeviceTensor, fill_value: Any, *, dtype: DType | None = None, device: Any = None
    ) -> DeviceTensor:
        """Make a tensor of one number of another's shape and type."""
        return self.full(other.shape, fill_value, dtype or other.dtype)

    # -- random numbers ------------------------------------------------------------------------------------------

    def manual_seed(self, seed: Any) -> None:
        """Start this rank's random numbers anew; ranks of one seed still differ."""
        self._rank.random = _stream(seed, self._rank.index)

    def _drawn(self, draw: Callable[..., Any], size: Any, dtype: DType, placement: Placement | None) -> DeviceTensor:
        # The tensor first: it refuses what does not fit the device before the host draws it.
        tensor = self.empty(*size, dtype=dtype, placement=placement)
        return tensor.copy_(np.asarray(draw(tensor.shape, np.float32)).astype(dtype.numpy))

    def rand(
        self, *size: Any, dtype: DType | None = None, placement: Placement | None = None, device: Any = None
    ) -> DeviceTensor:
        """Make a tensor of uniform random numbers in [0, 1), from (seed, rank)."""
        return self._drawn(self._rank.random.random, size, dtype or dtypes.float32, placement)

    def randn(
        self, *size: Any, dtype: DType | None = None, placement: Placement | None = None, device: Any = None
    ) -> DeviceTensor:
        """Make a tensor of standard normal random numbers, from (seed, rank)."""
        return self._drawn(self._rank.random.standard_normal, size, dtype or dtypes.float32, placement)

    def rand_like(self, other: DeviceTensor, *, dtype: DType | None = None, device: Any = None) -> DeviceTensor:
        """Make a tensor of uniform random numbers of another's shape and type."""
        return self.rand(other.shape, dtype=dtype or other.dtype)

    def randn_like(self, other: DeviceTensor, *, dtype: DType | None = None, device: Any = None) -> DeviceTensor:
        """Make a tensor of normal random numbers of another's shape and type."""
        return self.randn(other.shape, dtype=dtype or other.dtype)

    def randint(
        self, low: Any, high: Any = None, size: Any = None, *, dtype: DType | None = None, device: Any = None
    ) -> DeviceTensor:
        """Make a tensor of random integers from `low` (0 if only one bound is given) below `high`."""
        if high is None or (size is None and isinstance(high, tuple | list)):
            low, high, size = 0, low, size or high
        tensor = self.empty(size, dtype=dtype or dtypes.int64)  # first, as in `_drawn`
        return tensor.copy_(self._rank.random.integers(low, high, tensor.shape).astype(tensor.dtype.numpy))

    def randperm(self, n: Any, *, dtype: DType | None = None, device: Any = None) -> DeviceTensor:
        """Make a random permutation of the integers below `n`."""
        return self.from_numpy(self._rank.random.permutation(n).astype((dtype or dtypes.int64).numpy))


def _stream(seed: Any, rank: Any) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, rank]))


def _shape(size: Any) -> tuple[int, ...]:
    """`f(2, 3)`, `f((2, 3))` and `f(2)` name shapes, as in torch."""
    if len(size) == 1 and not isinstance(size[0], int):
        size = tuple(size[0])
    return tuple(int(extent) for extent in size)
