"""Gradients of references and of functions around kernels, against small differences in random directions."""

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own abbreviation

rng = np.random.default_rng(8)
A, B, G = (rng.uniform(0.2, 1.5, (3, 4)) for _ in range(3))
target = torch.tensor([1, 3, -100])
CASES = {
    "products": lambda a, b: (a @ b.T).sum(-1, keepdim=True) * a - b / a,
    "powers": lambda a, b: a**3 + 2**b + (1 - a) / b + a.sqrt() * b.rsqrt() + (-a).exp(),
    "softmax": lambda a, b: torch.softmax(a * b, dim=-1) + F.log_softmax(a, dim=0),
    "norms": lambda a, b: F.rms_norm(a, (4,), b[0], 1e-6) + F.rms_norm(b, (4,), a[1], eps=None) + F.layer_norm(b, (4,), a[0], a[1]),
    "written out": lambda a, b: a * torch.rsqrt(a.pow(2).mean(-1, keepdim=True) + 1e-6) * b[1] + (a - a.mean(-1, keepdim=True)) / a.var(-1, keepdim=True).sqrt(),
    "activations": lambda a, b: F.silu(a) * b + F.gelu(b) + F.gelu(a, approximate="tanh") + F.relu(a - 0.7) + torch.sigmoid(b) + torch.tanh(a),
    "views": lambda a, b: torch.cat([a[:, 2:], b.transpose(0, 1).reshape(3, 4)[:, :2]], dim=1) + a.view(4, 3).t() * b.flatten()[3],
    "choices": lambda a, b: torch.where(a > b, a * 2, b) + torch.maximum(a, b) + a.clamp(0.5, 1.0) + a.masked_fill(b > 1, 0.0) + a.max(dim=-1, keepdim=True)[0],
    "stacks": lambda a, b: torch.stack([a, b]).sum(0) + a.expand(2, 3, 4)[1].cumsum(1) + b.gather(1, torch.tensor([[0, 0, 1, 3]] * 3)) + a.unsqueeze(0).squeeze(0).tril(),
    "attention": lambda a, b: F.scaled_dot_product_attention(a[None], b[None], (a * b)[None], is_causal=True)[0],
    "letters": lambda a, b: torch.einsum("ij,kj->ik", a, b)[:, :1] * torch.einsum("ij,ik->jk", a, b).sum() + torch.outer(a[0, :3], b[1]),
    "repeated": lambda a, b: a.repeat_interleave(2, dim=1)[:, ::2] * b.index_select(0, torch.tensor([2, 2, 0])) + torch.addmm(b[:, :1], a, b.T[:, :1]),
    "lengths": lambda a, b: F.normalize(a, dim=-1) + b / b.norm(dim=-1, keepdim=True) + a.std(1, keepdim=True) + F.pad(b, (1, 0))[:, :4],
    "more losses": lambda a, b: a * F.kl_div(F.log_softmax(b, -1), a.detach() * 0 + 0.25, reduction="batchmean") + F.nll_loss(a, target) + F.binary_cross_entropy_with_logits(b, (b.detach() > 1).to(b.dtype)) + F.l1_loss(a, b),
    "losses": lambda a, b: a * 0 + F.cross_entropy(a * b, target, label_smoothing=0.1) + F.mse_loss(a, b) + torch.logsumexp(b, dim=1, keepdim=True) + a.var(-1, keepdim=True),
}  # fmt: skip


def loss(function, a, b):
    """The sum of the result times G, in float64."""
    with torch.no_grad():
        found = function(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64))
        return float((found.numpy() * G).sum())


for name, function in CASES.items():
    a, b = (torch.tensor(each, dtype=torch.float32, requires_grad=True) for each in (A, B))
    function(a, b).backward(torch.tensor(G, dtype=torch.float32))
    for which, tensor in enumerate((a, b)):
        way = rng.standard_normal(A.shape)
        high, low = [A, B], [A, B]
        high[which], low[which] = high[which] + 3e-4 * way, low[which] - 3e-4 * way
        expected = (loss(function, *high) - loss(function, *low)) / 6e-4
        found = float((tensor.grad.numpy() * way).sum())
        assert abs(expected - found) < 3e-3 * max(1, abs(expected)), (name, which, expected, found)


class Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, factor):
        ctx.save_for_backward(x, weight)
        ctx.factor = factor
        assert not torch.is_grad_enabled()
        assert ctx.needs_input_grad == (True, True, False)
        return x * weight * factor, (x > 0).to(torch.int32)

    @staticmethod
    def backward(ctx, dy, _dmask):
        x, weight = ctx.saved_tensors
        return dy * weight * ctx.factor, (dy * x * ctx.factor).sum(0), None


x = torch.tensor(A, dtype=torch.float32, requires_grad=True)
w = torch.nn.Parameter(torch.ones(4))
y, mask = Scaled.apply(x * 2, w, 3.0)
(y.square().sum() + y.sum()).backward()
np.testing.assert_allclose(x.grad.numpy(), 6 * (12 * A + 1), rtol=1e-5)
np.testing.assert_allclose(w.grad.numpy(), (6 * A * (12 * A + 1)).sum(0), rtol=1e-5)
(x.detach() * w).sum().backward()
np.testing.assert_allclose(w.grad.numpy(), (6 * A * (12 * A + 1) + A).sum(0), rtol=1e-5)
x.grad = None
Scaled.apply(x, w, 1.0)[0].sum().backward()
np.testing.assert_allclose(x.grad.numpy(), np.ones((3, 4)))
assert mask.dtype == torch.int32
assert x.is_leaf
assert y.requires_grad
assert not y.is_leaf


@torch.no_grad()
def plain(t):
    return t * 2


assert not plain(x).requires_grad
with torch.no_grad():
    x.mul_(2)
for refused, text in (
    (lambda: x.add_(1.0), "a leaf Variable that requires grad is being used in an in-place operation"),
    ((x * 2).backward, "grad can be implicitly created only for scalar outputs"),
    (x.detach().sum().backward, "does not require grad and does not have a grad_fn"),
):
    try:
        refused()
    except RuntimeError as error:
        assert text in str(error), error  # noqa: PT017  # torch runs this file without pytest
    else:
        raise AssertionError(text)
print("gradients ok")
