"""Sum of two vectors whose length is no multiple of the block; a lambda grid, a keyword constexpr, a benchmark."""
# ruff: noqa: E731  # written as users write such files

import numpy as np
import torch
import triton
import triton.language as tl

DEVICE = triton.runtime.driver.active.get_active_torch_device()


@triton.jit
def sum_of_two(left, right, result, count, BLOCK: tl.constexpr):
    first = tl.program_id(axis=0) * BLOCK
    at = first + tl.arange(0, BLOCK)
    inside = at < count
    total = tl.load(left + at, mask=inside) + tl.load(right + at, mask=inside)
    tl.store(result + at, total, mask=inside)


def add(a, b):
    assert a.device == DEVICE
    result = torch.empty_like(a)
    sum_of_two[lambda meta: (triton.cdiv(a.numel(), meta["BLOCK"]),)](a, b, result, a.numel(), BLOCK=256)
    return result


torch.manual_seed(3)
a = torch.rand(5003, device=DEVICE)
b = torch.rand(5003, device=DEVICE)
assert np.array_equal(add(a, b).numpy(), a.numpy() + b.numpy())


@triton.testing.perf_report(
    triton.testing.Benchmark(
        x_names=["count"],
        x_vals=[1000, 4000],
        x_log=True,
        line_arg="who",
        line_vals=["ours"],
        line_names=["Ours"],
        styles=[("blue", "-")],
        ylabel="GB/s",
        plot_name="vectors",
        args={},
    )
)
def measured(count, who):
    assert who == "ours"
    x = torch.rand(count, device=DEVICE, dtype=torch.float32)
    middle, low, high = triton.testing.do_bench(lambda: add(x, x), quantiles=[0.5, 0.2, 0.8])
    rate = lambda ms: 3 * x.numel() * x.element_size() * 1e-9 / (ms * 1e-3)
    return rate(middle), rate(high), rate(low)


measured.run(print_data=True, show_plots=True)
