"""Kernels of the probes: one that does nothing, one that sends, one that receives."""

from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.triton_emu.jit import jit


@jit
def nothing() -> None:
    """Retire at once."""


@jit
def put(size: int, slot: int, dtype: Any, width: tl.constexpr) -> None:
    """Send `size` bytes, `slot` at a time. What they are does not matter: one block is sent again and again."""
    block = tl.zeros((width,), dtype)
    for at in range(0, size, slot):
        tl.send(block, to="peer", count=min(slot, size - at))


@jit
def take(size: int, slot: int, dtype: Any, width: tl.constexpr) -> None:
    """Receive `size` bytes, `slot` at a time, and drop them."""
    for _ in range(0, size, slot):
        tl.recv((width,), dtype, from_="peer")
