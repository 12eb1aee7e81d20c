"""Dropout whose mask is a function of a seed and an element's number, so that nobody has to keep it."""

import numpy as np
import torch
import triton
import triton.language as tl


@triton.jit
def drop(x_ptr, out_ptr, count, share, seed, BLOCK: tl.constexpr):
    at = tl.program_id(axis=0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    x = tl.load(x_ptr + at, mask=inside)
    kept = tl.rand(seed, at) > share
    tl.store(out_ptr + at, tl.where(kept, x / (1 - share), 0.0), mask=inside)


def dropped(x, share, seed):
    out = torch.empty_like(x)
    drop[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](x, out, x.numel(), share, seed, BLOCK=1024)
    return out.numpy()


x = torch.randn(size=(3000,), device="cuda")
once, again, other = dropped(x, 0.25, 123), dropped(x, 0.25, 123), dropped(x, 0.25, 512)
assert np.array_equal(once, again)
assert not np.array_equal(once, other)
kept = once != 0
assert np.array_equal(once[kept], (x.numpy() / np.float32(0.75))[kept])
assert abs(kept.mean() - 0.75) < 0.03
