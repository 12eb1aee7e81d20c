"""A barrier: tokens around the ring until every rank has heard from every other."""

from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.triton_emu.dtype import int32
from kernbench.triton_emu.jit import jit


@jit
def ring_barrier(world: int) -> Any:
    """After k exchanges with its neighbours a rank has heard, directly or not, from its k predecessors."""
    token = tl.zeros((1,), int32)
    for _ in range(world - 1):
        tl.send(token, to="next")
        token = tl.recv((1,), int32, from_="prev")
