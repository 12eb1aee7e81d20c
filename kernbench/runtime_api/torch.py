"""The torch-like namespace that a rank's program is given as `torch`."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from kernbench.common.errors import UsageError
from kernbench.policy.placement import Interleaved, Local, Placement
from kernbench.runtime_api.distributed import Distributed
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.row import Row as BenchRow
from kernbench.runtime_api.tensor import Array
from kernbench.runtime_api.tensor import Tensor as DeviceTensor
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.dtype import DType

Size: TypeAlias = int | Sequence[int]


class Torch:
    """One rank's view: creation of tensors on its device, element types, and `distributed`."""

    Row = BenchRow
    Tensor = DeviceTensor
    Local = Local
    Interleaved = Interleaved
    float32 = dtypes.float32
    float16 = dtypes.float16
    bfloat16 = dtypes.bfloat16
    int64 = dtypes.int64
    int32 = dtypes.int32
    int16 = dtypes.int16
    int8 = dtypes.int8

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self._random = _stream(rank.seed, rank.index)
        self.distributed = Distributed(rank)

    def dtype_named(self, name: str) -> DType:
        """Look an element type up by name."""
        found = dtypes.BY_NAME.get(name)
        if found is None or found is dtypes.int1:
            names = ", ".join(each for each in dtypes.BY_NAME if each != "int1")
            raise UsageError(f"unknown dtype {name!r}; there are {names}")
        return found

    def empty(self, *size: Any, dtype: DType = dtypes.float32, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor without writing it: its bytes are zero, and no simulated time passes."""
        return DeviceTensor(self._rank, _shape(size), dtype, placement)

    def full(
        self, size: Size, fill_value: float, dtype: DType = dtypes.float32, placement: Placement | None = None
    ) -> DeviceTensor:
        """Make a tensor with every element `fill_value`."""
        tensor = self.empty(size, dtype=dtype, placement=placement)
        return tensor.copy_(np.full(tensor.shape, fill_value, dtype=dtype.numpy))

    def zeros(self, *size: Any, dtype: DType = dtypes.float32, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor of zeros."""
        return self.full(_shape(size), 0, dtype, placement)

    def ones(self, *size: Any, dtype: DType = dtypes.float32, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor of ones."""
        return self.full(_shape(size), 1, dtype, placement)

    def arange(
        self, start: int, end: int | None = None, *, dtype: DType = dtypes.int64, placement: Placement | None = None
    ) -> DeviceTensor:
        """Make a tensor of consecutive numbers from `start` (0 if only one bound is given) below `end`."""
        bounds = (0, start) if end is None else (start, end)
        return self.from_numpy(np.arange(*bounds).astype(dtype.numpy), placement=placement)

    def tensor(self, data: Any, dtype: DType | None = None, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor of nested lists or numbers; floats are float32, as in torch."""
        array = np.asarray(data)
        if dtype is None:
            dtype = dtypes.float32 if array.dtype.kind == "f" else dtypes.by_numpy(array.dtype)
        return self.from_numpy(array.astype(dtype.numpy), placement=placement)

    def manual_seed(self, seed: int) -> None:
        """Start this rank's random numbers anew; ranks of one seed still differ."""
        self._random = _stream(seed, self._rank.index)

    def rand(self, *size: Any, dtype: DType = dtypes.float32, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor of uniform random numbers in [0, 1), from (seed, rank)."""
        return self.from_numpy(self._random.random(_shape(size), np.float32).astype(dtype.numpy), placement)

    def randn(self, *size: Any, dtype: DType = dtypes.float32, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor of standard normal random numbers, from (seed, rank)."""
        return self.from_numpy(self._random.standard_normal(_shape(size), np.float32).astype(dtype.numpy), placement)

    def from_numpy(self, array: Array, placement: Placement | None = None) -> DeviceTensor:
        """Make a tensor of an array's values."""
        return self.empty(array.shape, dtype=dtypes.by_numpy(array.dtype), placement=placement).copy_(array)


def _stream(seed: int, rank: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed, rank]))


def _shape(size: Any) -> tuple[int, ...]:
    """`f(2, 3)`, `f((2, 3))` and `f(2)` name shapes, as in torch."""
    if len(size) == 1 and not isinstance(size[0], int):
        size = tuple(size[0])
    return tuple(int(extent) for extent in size)
