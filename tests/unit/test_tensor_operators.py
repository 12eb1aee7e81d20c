"""Tensors against numpy: views, operators that launch kernels, reductions, products, torch's words for what does not fit."""

import numpy as np
import pytest

from actors.simulation import Simulation

SMALL = ("sip.cube_mesh=1x1",)


def checks(torch):
    """Name each check that fails."""
    wrong = []

    def same(name, tensor, want):
        seen = tensor.numpy() if hasattr(tensor, "numpy") else np.asarray(tensor)
        if tuple(seen.shape) != np.shape(want) or not np.array_equal(seen, want):
            wrong.append(f"{name}: {seen!r} is not {want!r}")

    def close(name, tensor, want, rtol=1e-6):
        seen = tensor.numpy()
        if seen.shape != want.shape or not np.allclose(seen.astype(np.float64), want, rtol=rtol, atol=1e-6):
            wrong.append(f"{name}: {seen!r} is not near {want!r}")

    rng = np.random.default_rng(1)
    a = rng.standard_normal((5, 7)).astype(np.float32)
    b = rng.standard_normal((5, 7)).astype(np.float32)
    x, y = torch.from_numpy(a), torch.from_numpy(b)
    for name, got, want in [
        ("add", x + y, a + b),
        ("sub", x - 1.5, a - np.float32(1.5)),
        ("rsub", 2 - x, np.float32(2) - a),
        ("mul", x * y, a * b),
        ("div", x / y, a / b),
        ("neg", -x, -a),
        ("add of bool", (x > 0) + (y > 0), (a > 0) | (b > 0)),
        ("row", x + y[0], a + b[0]),
        ("column", x * y[:, 2:3], a * b[:, 2:3]),
        ("less", x < y, a < b),
        ("equal", x == x, a == a),
        ("slice", x[1:4, ::2], a[1:4, ::2]),
        ("slices", x[1:4, ::2] + y[1:4, 1:2], a[1:4, ::2] + b[1:4, 1:2]),
        ("t", x.t(), a.T),
        ("t and add", x.t() + y.t(), a.T + b.T),
        ("reshape", x.t().reshape(-1), a.T.reshape(-1)),
        ("view", x.view(7, 5), a.reshape(7, 5)),
        ("none", x[None, 2], a[None, 2]),
        ("ellipsis", x[..., -1], a[..., -1]),
        ("squeeze", x[2:3].squeeze(0), a[2]),
        ("unsqueeze", x.unsqueeze(1), a[:, None]),
        ("expand", x[:1].expand(3, -1), np.broadcast_to(a[:1], (3, 7))),
        ("where", torch.where(x > 0, x, y), np.where(a > 0, a, b)),
        ("cat", torch.cat([x, y], 1), np.concatenate([a, b], 1)),
        ("stack", torch.stack([x, y]), np.stack([a, b])),
        ("max", x.max(), a.max()),
        ("amin", x.amin(1), a.min(1)),
        ("amax", x.amax(0, keepdim=True), a.max(0, keepdims=True)),
        ("to", x.to(torch.float16), a.astype(np.float16)),
        ("int", (x * 10).to(torch.int32), (a * 10).astype(np.int32)),
        ("relu", torch.relu(x), np.maximum(a, 0)),
        ("maximum", torch.maximum(x, y), np.maximum(a, b)),
        ("full", torch.full((2, 3), 7, dtype=torch.int32), np.full((2, 3), 7, np.int32)),
        ("fill", torch.empty(3, 3).fill_(2.5), np.full((3, 3), 2.5, np.float32)),
        ("arange", torch.arange(2, 11, 3), np.arange(2, 11, 3)),
        ("zeros_like", torch.zeros_like(x), np.zeros_like(a)),
        ("eye", torch.eye(3), np.eye(3, dtype=np.float32)),
    ]:
        same(name, got, want)
    close("exp", x.exp(), np.exp(a))
    close("sigmoid", torch.sigmoid(x), 1 / (1 + np.exp(-a)))
    close("tanh", torch.tanh(x), np.tanh(a), 1e-5)
    close("sum", x.sum(), a.sum())
    close("sum of an axis", x.sum(0), a.sum(0))
    close("mean", x.mean(1), a.mean(1))
    soft = np.exp(a - a.max(1, keepdims=True))
    close("softmax", torch.softmax(x, dim=1), soft / soft.sum(1, keepdims=True))
    close("softmax of columns", torch.softmax(x.t(), dim=0), (soft / soft.sum(1, keepdims=True)).T)
    close("matmul", x @ y.t(), a @ b.T, 1e-4)
    big = rng.standard_normal((3, 40, 33)).astype(np.float32)
    close("bmm", torch.from_numpy(big) @ torch.from_numpy(big).transpose(1, 2), big @ big.transpose(0, 2, 1), 1e-4)
    close("vector", x @ y[0], a @ b[0], 1e-4)
    x[1:3] = 0
    a[1:3] = 0
    same("setitem", x, a)
    x += y
    same("iadd", x, a + b)
    facts = (x.numel(), x.shape, x.stride(0), x.t().is_contiguous(), x.element_size(), x[2].data_ptr() - x.data_ptr())
    if facts != (35, (5, 7), 7, False, 4, 56) or x.dim() != 2 or x.size(1) != 7 or x.device != torch.device("cuda"):
        wrong.append(f"facts: {facts}")
    if not torch.allclose(x, x.clone()) or torch.equal(x, y) or str((x + 1).dtype) != "float32":
        wrong.append("comparisons")
    return torch.Row({"wrong_checks": wrong}, 0, 0)


def test_operators_and_views_are_numpys():
    (row,) = Simulation(sips=1, overrides=SMALL).run(checks).rows
    assert row.columns["wrong_checks"] == []


def refusals(torch, *, which: int = 0):
    x = torch.zeros(2, 3)
    [
        lambda: x + torch.zeros(2, 4),
        lambda: x @ x,
        lambda: x.view(4, 2),
        lambda: x[2],
        lambda: x[0, 0, 0],
        lambda: x @ torch.zeros(3, 2, dtype=torch.float16),
        lambda: x.t().view(6),
        lambda: bool(x),
        lambda: torch.testing.assert_close(x, x + 1),
        lambda: torch.no_such_name,
    ][which]()


@pytest.mark.parametrize(
    ("which", "words"),
    list(enumerate([
        r"The size of tensor a \(3\) must match the size of tensor b \(4\) at non-singleton dimension 1",
        r"mat1 and mat2 shapes cannot be multiplied \(2x3 and 2x3\)",
        r"shape '\[4, 2\]' is invalid for input of size 6",
        "index 2 is out of bounds for dimension 0 with size 2",
        "too many indices for tensor of dimension 2",
        "expected m1 and m2 to have the same dtype",
        "view size is not compatible with input tensor's size and stride",
        "Boolean value of Tensor with more than one value is ambiguous",
        "Tensor-likes are not close!",
        "has no attribute 'no_such_name'",
    ])),
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_torchs_words(which, words):
    with pytest.raises(Exception, match=words):
        Simulation(sips=1, overrides=SMALL).run(refusals, which=which)


def mixed(torch):
    half, whole, real = torch.ones(2, dtype=torch.float16), torch.ones(2, dtype=torch.int32), torch.ones(2)
    kinds = [half + 1, half + 1.5, whole + 1, whole + 1.5, whole + half, half + real, whole / 2, whole > 0, whole.sum()]
    return torch.Row({"types": [str(each.dtype) for each in kinds]}, 0, 0)


def test_types_mix_as_in_torch():
    (row,) = Simulation(sips=1, overrides=SMALL).run(mixed).rows
    expected = ["float16", "float16", "int32", "float32", "float16", "float32", "float32", "int1", "int64"]
    assert row.columns["types"] == expected
