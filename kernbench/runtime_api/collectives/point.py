"""Point to point: a kernel that sends a tensor and one that receives it, slice by slice."""

from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.triton_emu.jit import jit


@jit
def send_tensor(x_ptr: Any, COUNT: tl.constexpr, SLICE: tl.constexpr) -> None:
    """Load and send."""
    columns = tl.arange(0, SLICE)
    for start in range(0, COUNT, SLICE):
        length = min(SLICE, COUNT - start)
        tl.send(tl.load(x_ptr + (start + columns), mask=columns < length), to="peer", count=length)


@jit
def receive_tensor(y_ptr: Any, COUNT: tl.constexpr, DTYPE: Any, SLICE: tl.constexpr) -> None:
    """Receive and store."""
    columns = tl.arange(0, SLICE)
    for start in range(0, COUNT, SLICE):
        length = min(SLICE, COUNT - start)
        tl.store(y_ptr + (start + columns), tl.recv((SLICE,), DTYPE, from_="peer"), mask=columns < length)
