"""`torch.nn` and its functions as references, against numpy."""

import math

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  # torch's own abbreviation
from torch import nn

rng = np.random.default_rng(6)
A = rng.standard_normal((2, 4, 8)).astype(np.float32)
x = torch.tensor(A)
W = A.astype(np.float64)


def same(found, expected, rtol=1e-5):
    found = found.detach().float().numpy()
    assert found.shape == np.shape(expected), (found.shape, np.shape(expected))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=1e-5)


def softmax(a, axis=-1):
    power = np.exp(a - a.max(axis, keepdims=True))
    return power / power.sum(axis, keepdims=True)


erf = np.vectorize(math.erf)
same(F.gelu(x), 0.5 * W * (1 + erf(W / math.sqrt(2))))
same(F.gelu(x, approximate="tanh"), 0.5 * W * (1 + np.tanh(math.sqrt(2 / math.pi) * (W + 0.044715 * W**3))))
same(F.silu(x), W / (1 + np.exp(-W)))
same(F.relu(input=x), W.clip(0))
same(F.softplus(x), np.log1p(np.exp(W)))
same(F.logsigmoid(x), -np.log1p(np.exp(-W)))
same(F.elu(x), np.where(W > 0, W, np.expm1(W)))
same(F.leaky_relu(x, 0.1), np.where(W > 0, W, 0.1 * W))
same(F.softmax(x, dim=1, dtype=torch.float32), softmax(W, 1))
same(F.normalize(x, p=2, dim=-1), W / np.sqrt((W**2).sum(-1, keepdims=True)))
rms = 1 / np.sqrt((W**2).mean(-1, keepdims=True) + 1e-6)
scale = torch.arange(8).float()
same(F.rms_norm(x, (8,), scale, eps=1e-6), W * rms * np.arange(8))
norm = (W - W.mean(-1, keepdims=True)) / np.sqrt(W.var(-1, keepdims=True) + 1e-5)
same(F.layer_norm(x, (8,)), norm)
grouped = W.reshape(2, 2, -1)
grouped = (grouped - grouped.mean(2, keepdims=True)) / np.sqrt(grouped.var(2, keepdims=True) + 1e-5)
same(F.group_norm(x, 2), grouped.reshape(W.shape))

logits, target = x.reshape(8, 8), torch.tensor([1, 0, 7, 3, -100, 2, 2, 5])
L, T = np.log(softmax(W.reshape(8, 8))), target.numpy()
real = T >= 0
picked = np.where(real, -L[np.arange(8), np.where(real, T, 0)], 0)
same(F.cross_entropy(logits, target), picked.sum() / real.sum())
same(F.cross_entropy(logits, target, reduction="none"), picked)
smooth = np.where(real, 0.9 * picked - 0.1 / 8 * L.sum(-1), 0)
same(F.cross_entropy(logits, target, label_smoothing=0.1, reduction="sum"), smooth.sum())
same(F.nll_loss(torch.log_softmax(logits, -1), target, ignore_index=-100), picked.sum() / real.sum())
same(nn.CrossEntropyLoss(ignore_index=7)(logits[:4], target[:4]), picked[[0, 1, 3]].mean())
same(F.mse_loss(x, x + 2), 4.0)
P = softmax(W.reshape(8, 8)[::-1])
same(
    F.kl_div(F.log_softmax(logits, -1), torch.tensor(P.copy()).float(), reduction="batchmean"),
    (P * (np.log(P) - L)).sum() / 8,
)
table = torch.arange(12.0).reshape(4, 3)
same(F.embedding(torch.tensor([[3, 0]]), table), table.numpy()[[[3, 0]]])
same(F.one_hot(torch.tensor([2, 0]), 3), np.eye(3)[[2, 0]])
same(F.pad(x, (1, 2, 0, 1), value=3.0), np.pad(W, ((0, 0), (0, 1), (1, 2)), constant_values=3))
same(F.pad(x, (0, -2)), W[..., :-2])
assert F.dropout(x, 0.5, training=False) is x
dropped = F.dropout(torch.ones(1000), p=0.25).numpy()
np.testing.assert_allclose(np.unique(dropped), [0, 4 / 3], rtol=1e-6)
assert 0.6 < (dropped > 0).mean() < 0.9

q = x.reshape(1, 2, 4, 8)
S = W.reshape(1, 2, 4, 8)
scores = S @ S.swapaxes(-1, -2) / math.sqrt(8)
same(F.scaled_dot_product_attention(q, q, q), softmax(scores) @ S)
causal = np.where(np.tril(np.ones((4, 4))) > 0, scores, -np.inf)
same(F.scaled_dot_product_attention(q, q, q, is_causal=True), softmax(causal) @ S)


class Block(nn.Module):
    """As programs write layers."""

    def __init__(self, width):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width, bias=False)
        self.scale = nn.Parameter(torch.full((width,), 2.0))
        self.register_buffer("shift", torch.ones(width))
        self.parts = nn.Sequential(nn.SiLU(), nn.Linear(2 * width, width))

    def forward(self, y):
        return self.parts(self.up(self.norm(y))) * self.scale + self.shift


with torch.no_grad():
    block = Block(8).to("cuda" if torch.cuda.is_available() else "cpu").eval()
    names = [name for name, _ in block.named_parameters()]
    assert names == ["scale", "norm.weight", "norm.bias", "up.weight", "parts.1.weight", "parts.1.bias"], names
    assert [tuple(each.shape) for each in block.parameters()][3] == (16, 8)
    assert set(block.state_dict()) == {*names, "shift"}
    up, down, bias = (
        each.numpy().astype(np.float64) for each in (block.up.weight, block.parts[1].weight, block.parts[1].bias)
    )
    hidden = norm @ up.T
    same(block(x), (hidden / (1 + np.exp(-hidden)) @ down.T + bias) * 2 + 1, rtol=1e-4)
    assert not block.training
    assert all(each.abs().max() <= 1 / math.sqrt(8) for each in (block.up.weight,))
    other = Block(8)
    other.load_state_dict(block.state_dict())
    assert torch.equal(other(x), block(x))
    half = block.half()
    assert {each.dtype for each in half.parameters()} == {torch.float16} == {half.shift.dtype}
    assert isinstance(half.scale, nn.Parameter)
    assert half.scale.requires_grad
    same(nn.RMSNorm(8, eps=1e-6)(x), W * rms)
    same(nn.GELU()(x), 0.5 * W * (1 + erf(W / math.sqrt(2))))
    nn.init.ones_(other.up.weight)
    assert other.up.weight.sum() == 128
print("layers ok")
