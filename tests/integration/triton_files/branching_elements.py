"""A function of single elements with branches and loops, mapped over blocks; a running variance kept in an aggregate."""
# ruff: noqa: PLW2901, SIM108  # written as users write such files

import numpy as np
import torch
import triton
import triton.language as tl


@triton.jit
def steps_to_one(number):
    count = 0
    while number != 1:
        if number % 2 == 0:
            number = number // 2
        else:
            number = 3 * number + 1
        count += 1
    return count


@triton.jit
def count_steps(numbers, counts, total, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    made = tl.map_elementwise(steps_to_one, tl.load(numbers + at, mask=at < total, other=1))
    tl.store(counts + at, made, mask=at < total)


@triton.aggregate
class Moments:
    count: tl.tensor
    mean: tl.tensor
    spread: tl.tensor
    bias: tl.constexpr = 1

    @triton.jit
    def after(self, x):
        count = self.count + 1
        mean = self.mean + (x - self.mean) / count
        return tl.aggregate_replace(self, count=count, mean=mean, spread=self.spread + (x - self.mean) * (x - mean))

    @triton.jit
    def variance(self):
        return self.spread / (self.count - self.bias)


@triton.jit
def columns_variance(source, result, rows, columns, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    nothing = tl.zeros([BLOCK], tl.float32)
    moments = Moments(nothing, nothing, spread=nothing)
    for row in range(rows):
        moments = moments.after(tl.load(source + row * columns + at, mask=at < columns, other=0.0))
    tl.store(result + at, moments.variance(), mask=at < columns)


numbers = torch.arange(1, 101, dtype=torch.int32)
counts = torch.empty_like(numbers)
count_steps[(triton.cdiv(100, 32),)](numbers, counts, 100, BLOCK=32)
expected = []
for number in range(1, 101):
    count = 0
    while number != 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        count += 1
    expected.append(count)
assert counts.numpy().tolist() == expected

torch.manual_seed(5)
x = torch.randn(12, 50)
variance = torch.empty(50)
columns_variance[(1,)](x, variance, 12, 50, BLOCK=64)
np.testing.assert_allclose(variance.numpy(), np.var(x.numpy(), axis=0, ddof=1), rtol=1e-5)
