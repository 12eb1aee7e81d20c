"""The kernel of everything that is computed element by element from matrices of the same rows, and the functions it knows."""

from collections.abc import Callable
from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.runtime_api.parallel.product_kernel import both, within
from kernbench.runtime_api.parallel.tiling import cut
from kernbench.triton_emu.dtype import float32
from kernbench.triton_emu.jit import jit

SLOPE, CUBIC = 0.7978845608028654, 0.044715
"""sqrt(2 / pi) and the cubic term of GeLU in its tanh form, as GPT-2 and Megatron's fused bias_gelu have it."""


def _tanh(x: Any) -> Any:
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0


def _gelu(x: Any) -> Any:
    return x * (0.5 * _tanh(SLOPE * (x + CUBIC * x * x * x)) + 0.5)


def _gelu_backward(x: Any, dy: Any) -> Any:
    t = _tanh(SLOPE * (x + CUBIC * x * x * x))
    slope = 0.5 * x * (1.0 - t * t) * (SLOPE * (1.0 + 3.0 * CUBIC * x * x)) + 0.5 * t + 0.5
    return dy * slope


def _swiglu(gate: Any, up: Any) -> Any:
    return gate * tl.sigmoid(gate) * up


def _swiglu_backward(gate: Any, up: Any, dy: Any) -> tuple[Any, Any]:
    s = tl.sigmoid(gate)
    silu = gate * s
    return dy * up * (s + silu * (1.0 - s)), dy * silu


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "copy": lambda *blocks: blocks,
    "gelu": _gelu,
    "gelu_backward": _gelu_backward,
    "swiglu": _swiglu,
    "swiglu_backward": _swiglu_backward,
}


@jit
def pointwise(
    targets: Any,
    sources: Any,
    NAME: tl.constexpr,
    OUTS: tl.constexpr,
    INS: tl.constexpr,
    ROWS: tl.constexpr,
    WIDTH: tl.constexpr,
    SHARE: tl.constexpr,
    STEP: tl.constexpr,
    PIECE: tl.constexpr,
) -> None:
    """Some rows of a matrix of `WIDTH` columns; OUTS and INS are the row pitch of each operand."""
    begin = int(tl.program_id(0)) * SHARE
    end = min(begin + SHARE, ROWS)
    for first, size in cut(begin, end, STEP):
        rows = first + tl.arange(0, size)
        high = within(rows, first + size, end)
        for left, wide in cut(0, WIDTH, PIECE):
            columns = left + tl.arange(0, wide)
            mask = both(high, within(columns, left + wide, WIDTH))
            blocks = []
            for ptr, pitch in zip(sources, INS, strict=True):
                place = ptr + (rows[:, None] * pitch + columns[None, :])
                blocks.append(tl.load(place, mask=mask).to(float32))
            made = FUNCTIONS[NAME](*blocks)
            del blocks
            for ptr, pitch, block in zip(targets, OUTS, made if isinstance(made, tuple) else (made,), strict=True):
                place = ptr + (rows[:, None] * pitch + columns[None, :])
                tl.store(place, block.to(ptr.dtype.element_ty), mask=mask)
            del made, block
