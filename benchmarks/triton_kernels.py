"""Kernels that kernbench and Triton's interpreter both run: one source, launched on request, each launch timed.

A line on standard input names a case; the CPU seconds from the launch to its completion come back on a line of
standard output. The first launch of a case is checked.
"""
# ruff: noqa: ANN001, ANN201, ANN204, D102, D103, N803  # written as users write such files

import sys
import time

import numpy as np
import torch
import triton
import triton.language as tl


@triton.jit
def softmax_rows(y_ptr, x_ptr, x_stride, y_stride, rows, columns, WIDTH: tl.constexpr, num_stages: tl.constexpr):
    first = tl.program_id(0)
    step = tl.num_programs(0)
    for row in tl.range(first, rows, step, num_stages=num_stages):
        at = tl.arange(0, WIDTH)
        real = at < columns
        x = tl.load(x_ptr + row * x_stride + at, mask=real, other=-float("inf"))
        powers = tl.exp(x - tl.max(x, axis=0))
        tl.store(y_ptr + row * y_stride + at, powers / tl.sum(powers, axis=0), mask=real)


@triton.jit
def tiled_matmul(
    a_ptr, b_ptr, c_ptr, M, N, K, a_row, a_col, b_row, b_col, c_row, c_col,
    TM: tl.constexpr, TN: tl.constexpr, TK: tl.constexpr, GROUP: tl.constexpr,
):  # fmt: skip
    number = tl.program_id(axis=0)
    down = tl.cdiv(M, TM)
    across = tl.cdiv(N, TN)
    in_group = GROUP * across
    top = (number // in_group) * GROUP
    height = min(down - top, GROUP)
    tile_m = top + ((number % in_group) % height)
    tile_n = (number % in_group) // height
    rows = (tile_m * TM + tl.arange(0, TM)) % M
    columns = (tile_n * TN + tl.arange(0, TN)) % N
    depth = tl.arange(0, TK)
    a_at = a_ptr + (rows[:, None] * a_row + depth[None, :] * a_col)
    b_at = b_ptr + (depth[:, None] * b_row + columns[None, :] * b_col)
    total = tl.zeros((TM, TN), dtype=tl.float32)
    for k in range(tl.cdiv(K, TK)):
        a = tl.load(a_at, mask=depth[None, :] < K - k * TK, other=0.0)
        b = tl.load(b_at, mask=depth[:, None] < K - k * TK, other=0.0)
        total = tl.dot(a, b, total)
        a_at += TK * a_col
        b_at += TK * b_row
    out_rows = tile_m * TM + tl.arange(0, TM)
    out_columns = tile_n * TN + tl.arange(0, TN)
    c_at = c_ptr + c_row * out_rows[:, None] + c_col * out_columns[None, :]
    tl.store(c_at, total.to(tl.float16), mask=(out_rows[:, None] < M) & (out_columns[None, :] < N))


@triton.jit
def layer_norm(x_ptr, y_ptr, w_ptr, b_ptr, mean_ptr, rstd_ptr, stride, N, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    y_ptr += row * stride
    x_ptr += row * stride
    partial = tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        partial += tl.load(x_ptr + at, mask=at < N, other=0.0).to(tl.float32)
    mean = tl.sum(partial, axis=0) / N
    squares = tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + at, mask=at < N, other=0.0).to(tl.float32)
        x = tl.where(at < N, x - mean, 0.0)
        squares += x * x
    rstd = 1 / tl.sqrt(tl.sum(squares, axis=0) / N + eps)
    tl.store(mean_ptr + row, mean)
    tl.store(rstd_ptr + row, rstd)
    for start in range(0, N, BLOCK):
        at = start + tl.arange(0, BLOCK)
        real = at < N
        w = tl.load(w_ptr + at, mask=real)
        b = tl.load(b_ptr + at, mask=real)
        x = tl.load(x_ptr + at, mask=real, other=0.0).to(tl.float32)
        tl.store(y_ptr + at, (x - mean) * rstd * w + b, mask=real)


def random(shape, kind=np.float32):
    """The same tensor on both sides."""
    return torch.from_numpy(np.random.default_rng(0).standard_normal(shape, np.float32).astype(kind))


class Softmax:
    """Each of 128 programs takes every 128th row."""

    def __init__(self):
        self.x = random((1823, 781))
        self.y = torch.empty_like(self.x)

    def launch(self):
        x, y = self.x, self.y
        rows, columns = x.shape
        width = triton.next_power_of_2(columns)
        softmax_rows[(128,)](y, x, x.stride(0), y.stride(0), rows, columns, WIDTH=width, num_stages=2)

    def check(self):
        x = self.x.numpy()
        powers = np.exp(x - x.max(1, keepdims=True))
        np.testing.assert_allclose(self.y.numpy(), powers / powers.sum(1, keepdims=True), rtol=1e-5)


class Matmul:
    """A program for each tile of 64 x 64."""

    def __init__(self):
        self.a = random((512, 512), np.float16)
        self.b = random((512, 512), np.float16)
        self.c = torch.empty((512, 512), dtype=torch.float16)

    def launch(self):
        a, b, c = self.a, self.b, self.c
        strides = (a.stride(0), a.stride(1), b.stride(0), b.stride(1), c.stride(0), c.stride(1))
        tiled_matmul[(8 * 8,)](a, b, c, 512, 512, 512, *strides, TM=64, TN=64, TK=32, GROUP=8)

    def check(self):
        a, b = (each.numpy().astype(np.float32) for each in (self.a, self.b))
        np.testing.assert_allclose(self.c.numpy().astype(np.float32), a @ b, rtol=1e-2, atol=5e-2)


class LayerNorm:
    """A program for each of 512 rows, which it takes in steps of `block` columns."""

    def __init__(self, block):
        self.block = block
        self.x, self.w, self.b = random((512, 8192)), random((8192,)), random((8192,))
        self.y = torch.empty_like(self.x)
        self.mean, self.rstd = (torch.empty((512,), dtype=torch.float32) for _ in range(2))

    def launch(self):
        x = self.x
        rows, columns = x.shape
        layer_norm[(rows,)](
            x, self.y, self.w, self.b, self.mean, self.rstd, x.stride(0), columns, 1e-5, BLOCK=self.block
        )

    def check(self):
        x = self.x.numpy()
        exact = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
        np.testing.assert_allclose(self.y.numpy(), exact * self.w.numpy() + self.b.numpy(), rtol=1e-4, atol=1e-4)


CASES = {
    "softmax": Softmax,
    "matmul": Matmul,
    "layer_norm_1024": lambda: LayerNorm(1024),
    "layer_norm_8192": lambda: LayerNorm(8192),
}


def serve():
    """Launch what is asked for until nothing more is."""
    made = {}
    for line in sys.stdin:
        name = line.strip()
        case = made.get(name) or CASES[name]()
        begin = time.process_time()
        case.launch()
        took = time.process_time() - begin
        if name not in made:
            case.check()
            made[name] = case
        print(took, flush=True)


serve()
