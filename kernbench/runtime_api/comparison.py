"""How many elements of a result are wrong, against numpy's of a higher precision."""

from typing import Any

import numpy as np

from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.dtype import DType


def wrong_elements(result: Tensor, exact: Any, ulps: float, scale: Any = 0.0) -> int:
    """Count elements farther from `exact` than `ulps` units in the last place of their type.

    The unit is that of |exact|, or of `scale` where that is larger: what a sum's terms were when they cancel out. What
    is not a number is wrong.
    """
    size = np.maximum(np.abs(exact), scale)
    with np.errstate(invalid="ignore"):
        error = np.abs(result.peek().astype(np.float64) - exact)
    return int(np.count_nonzero(~(error <= ulps * epsilon(result.dtype) * size)))


def epsilon(dtype: DType) -> float:
    """From 1 to the next number of a floating-point type."""
    digits: int = {"float16": 10, "bfloat16": 7, "float32": 23}[dtype.name]
    return 2.0**-digits
