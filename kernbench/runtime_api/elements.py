"""Elements that a host program gives a tensor: numbers become the tensor's type as torch converts them on a CPU."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from kernbench.triton_emu.dtype import DType, float8e4nv
from kernbench.triton_emu.numerics import rounding

Array: TypeAlias = npt.NDArray[Any]


def elements(array: Array, dtype: DType) -> Array:
    """`array` as elements of `dtype`, of the same shape; itself if it has them.

    torch 2.13 saturates float8_e4m3fn at 448, infinity too, and gives infinity beyond float8_e5m2; a kernel saturates
    both. https://github.com/pytorch/pytorch/pull/178817
    """
    if not dtype.is_fp8():
        return array.astype(dtype.numpy, copy=False)
    with np.errstate(all="ignore"):
        return np.asarray(rounding(dtype)(array)) if dtype is float8e4nv else array.astype(dtype.numpy, copy=False)
