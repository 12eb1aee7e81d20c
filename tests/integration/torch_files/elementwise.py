"""Functions of each element, operators and types of results, against numpy."""

import math

import numpy as np
import torch

A = np.array([[-1.75, -0.5, 0.25], [0.75, 1.0, 2.5]], np.float32)
N = np.array([[7, -7, 3], [2, 5, -4]], np.int64)
x, n, h = torch.tensor(A), torch.tensor(N), torch.tensor(A).half()


def same(found, expected, kind):
    assert found.dtype == kind, (found.dtype, kind)
    np.testing.assert_allclose(found.float().numpy(), np.asarray(expected, np.float32), rtol=2e-6, atol=1e-7)


W = A.astype(np.float64)
ONE = {
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "atan": np.arctan, "sinh": np.sinh, "exp2": np.exp2, "expm1": np.expm1,
    "ceil": np.ceil, "floor": np.floor, "round": np.rint, "trunc": np.trunc, "sign": np.sign, "neg": np.negative,
    "square": np.square, "abs": np.abs, "exp": np.exp, "tanh": np.tanh, "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "erf": np.vectorize(math.erf),
}  # fmt: skip
with np.errstate(all="ignore"):
    for name, function in ONE.items():
        same(getattr(torch, name)(x), function(W), torch.float32)
        same(getattr(x, name)(), function(W), torch.float32)
for name in ("log", "log2", "log10", "log1p", "sqrt"):
    same(getattr(x.abs(), name)(), getattr(np, name)(np.abs(W)), torch.float32)
same(torch.sin(n), np.sin(N), torch.float32)
same(torch.cos(h), np.cos(W).astype(np.float16), torch.float16)
same(torch.floor(n), N, torch.int64)

same(x**2, W**2, torch.float32)
same(2**x, 2**W, torch.float32)
same(n**2, N**2, torch.int64)
same(n * 0.5, N * 0.5, torch.float32)
same(n // 2, N // 2, torch.int64)
same(n % 4, N % 4, torch.int64)
same(x % 0.5, np.mod(W, 0.5), torch.float32)
same(torch.fmod(n, 4), np.fmod(N, 4), torch.int64)
same(torch.remainder(x, 0.3), np.mod(W, np.float64(0.3)), torch.float32)
same(x // 0.5, np.floor(W / 0.5), torch.float32)
same(n & 6, N & 6, torch.int64)
same(n | 8, N | 8, torch.int64)
same(n ^ 5, N ^ 5, torch.int64)
same(~n, ~N, torch.int64)
same(n << 2, N << 2, torch.int64)
same(n >> 1, N >> 1, torch.int64)
same((x > 0) & ~(x > 1), (A > 0) & ~(A > 1), torch.bool)
same(torch.logical_and(n, x > 0), (N != 0) & (A > 0), torch.bool)
same(torch.logical_not(n - 7), N == 7, torch.bool)
same(torch.atan2(x, x + 5), np.arctan2(W, W + 5), torch.float32)
same(torch.lt(x, 0.5), A < 0.5, torch.bool)
same(x.ge(0.75), A >= 0.75, torch.bool)
same(x.half() + x, A * 2, torch.float32)
same(x.half() + x.bfloat16(), A * 2, torch.float32)
same(n + h, (N + A).astype(np.float16), torch.float16)
same(n.int() + n, 2 * N, torch.int64)
same(torch.clamp(x, -1, 1), A.clip(-1, 1), torch.float32)
same(x.clip(max=0.5), A.clip(max=0.5), torch.float32)
same(n.clamp(min=-2), N.clip(min=-2), torch.int64)
same(torch.where(x > 0, x, 0.0), np.where(A > 0, A, 0), torch.float32)
same(torch.where(n > 0, n, -1), np.where(N > 0, N, -1), torch.int64)
same(torch.lerp(x, x + 1, 0.25), A + 0.25, torch.float32)
same(torch.addcmul(x, x, x, value=0.5), W + 0.5 * W * W, torch.float32)
same(x.masked_fill(x < 0, -math.inf).isinf(), A < 0, torch.bool)
same(torch.nan_to_num(torch.tensor([math.nan, 1.0])), [0, 1], torch.float32)
same(torch.isclose(x, x + 1e-9), np.ones((2, 3)), torch.bool)
assert torch.isnan(torch.tensor([math.nan, 1.0])).tolist() == [True, False]
assert torch.promote_types(torch.float16, torch.bfloat16) == torch.float32
assert torch.result_type(n, 1.0) == torch.float32
assert torch.finfo(torch.float16).max == 65504
assert torch.finfo(torch.bfloat16).eps == 0.0078125
assert torch.iinfo(torch.int8).min == -128
assert (torch.float32.is_floating_point, torch.int8.is_floating_point, torch.float64.itemsize) == (True, False, 8)
assert torch.double == torch.float64

y = x.clone()
assert y.sin_() is y
same(y, np.sin(W), torch.float32)
same(y.copy_(x).clamp_(min=0).mul_(2), 2 * A.clip(min=0), torch.float32)
same(y.masked_fill_(y == 0, 9.0), np.where(A.clip(min=0) == 0, 9, 2 * A.clip(min=0)), torch.float32)
for refused, text in ((lambda: n.clone().sin_(), "result type Float can't be cast"), (lambda: n // 0, "ZeroDivision")):
    try:
        refused()
    except RuntimeError as error:
        assert text in str(error), error  # noqa: PT017  # torch runs this file without pytest
    else:
        raise AssertionError(text)
print("elementwise ok")
