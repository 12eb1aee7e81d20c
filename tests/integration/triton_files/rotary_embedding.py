"""Rotary embeddings in place on queries and keys, forward and backward, against the usual rotation of halves."""
# ruff: noqa: B905  # written as users write such files

from dataclasses import dataclass

import torch
import triton
import triton.language as tl


@triton.jit
def _rope(
    q_ptr, q_stride_b, q_stride_s, k_ptr, k_stride_b, k_stride_s, cos_ptr, sin_ptr, cos_stride, seq_len,
    n_qh: tl.constexpr, n_kh: tl.constexpr, hd: tl.constexpr, pad_qh: tl.constexpr, pad_kh: tl.constexpr,
    pad_hd: tl.constexpr, BACKWARD: tl.constexpr = False,
):  # fmt: skip
    pid = tl.program_id(0).to(tl.int64)
    batch, position = pid // seq_len, pid % seq_len
    q_ptr = q_ptr + batch * q_stride_b + position * q_stride_s
    k_ptr = k_ptr + batch * k_stride_b + position * k_stride_s
    half = tl.arange(0, pad_hd // 2)
    inside = half < hd // 2
    cos = tl.load(cos_ptr + position * cos_stride + half, mask=inside, other=0)
    sin = tl.load(sin_ptr + position * cos_stride + half, mask=inside, other=0)
    if BACKWARD:
        sin = -sin
    for which in tl.static_range(2):
        ptr = q_ptr if which == 0 else k_ptr
        heads = tl.arange(0, pad_qh if which == 0 else pad_kh)
        mask = (heads[:, None] < (n_qh if which == 0 else n_kh)) & inside[None, :]
        first = heads[:, None] * hd + half[None, :]
        second = first + (hd // 2)
        x1 = tl.load(ptr + first, mask=mask, other=0).to(sin.dtype)
        x2 = tl.load(ptr + second, mask=mask, other=0).to(sin.dtype)
        tl.store(ptr + first, x1 * cos - x2 * sin, mask=mask)
        tl.store(ptr + second, x2 * cos + x1 * sin, mask=mask)


@dataclass(frozen=True)
class Heads:
    """How the heads are laid out."""

    queries: int
    keys: int
    width: int


def rotate(q, k, cos, sin, backward=False):
    q, k = (each.transpose(1, 2).clone(memory_format=torch.contiguous_format) for each in (q, k))
    batch, seq_len, n_qh, hd = q.shape
    shape = Heads(n_qh, k.shape[2], hd)
    padded = [triton.next_power_of_2(each) for each in (shape.queries, shape.keys, shape.width)]
    _rope[(batch * seq_len,)](
        q, q.stride(0), q.stride(1), k, k.stride(0), k.stride(1), cos, sin, cos.stride(-2), seq_len,
        shape.queries, shape.keys, shape.width, *padded, BACKWARD=backward,
    )  # fmt: skip
    return q.transpose(1, 2), k.transpose(1, 2)


class Rope(torch.autograd.Function):
    """As libraries wrap it."""

    @staticmethod
    def forward(ctx, q, k, cos, sin):
        ctx.save_for_backward(cos, sin)
        return rotate(q, k, cos, sin)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dq, dk):
        cos, sin = ctx.saved_tensors
        return *rotate(dq, dk, cos, sin, backward=True), None, None


def rotate_half(x):
    x1, x2 = x[..., : x.shape[-1] // 2], x[..., x.shape[-1] // 2 :]
    return torch.cat((-x2, x1), dim=-1)


def apply_rotary(q, k, cos, sin, unsqueeze_dim=1):
    cos, sin = cos.unsqueeze(unsqueeze_dim), sin.unsqueeze(unsqueeze_dim)
    return (q * cos) + (rotate_half(q) * sin), (k * cos) + (rotate_half(k) * sin)


torch.manual_seed(9)
batch, n_qh, n_kh, seq_len, hd = 2, 6, 2, 5, 24
inv_freq = 1.0 / (10000 ** (torch.arange(0, hd, 2, dtype=torch.int64).float().to("cuda") / hd))
positions = torch.arange(seq_len, device="cuda")[None, :].expand(1, -1)
freqs = (inv_freq[None, :, None].float().expand(1, -1, 1) @ positions[:, None, :].float()).transpose(1, 2)
emb = torch.cat((freqs, freqs), dim=-1)
cos, sin = emb.cos(), emb.sin()
q, k = (torch.randn((batch, seq_len, heads, hd), device="cuda").transpose(1, 2) for heads in (n_qh, n_kh))
q1, k1 = q.clone().requires_grad_(True), k.clone().requires_grad_(True)
q2, k2 = q.clone().requires_grad_(True), k.clone().requires_grad_(True)
fused, plain = Rope.apply(q1, k1, cos, sin), apply_rotary(q2, k2, cos, sin)
for one, two in zip(fused, plain):
    torch.testing.assert_close(one, two, atol=1e-5, rtol=1e-5)
dq, dk = torch.randn_like(fused[0]), torch.randn_like(fused[1]).to(fused[1].dtype)
torch.autograd.backward(fused, (dq, dk))
torch.autograd.backward(plain, (dq, dk))
torch.testing.assert_close(q1.grad, q2.grad, atol=1e-5, rtol=1e-5)
torch.testing.assert_close(k1.grad, k2.grad, atol=1e-5, rtol=1e-5)
with torch.no_grad():
    assert torch.equal(Rope.apply(q1, k1, cos, sin)[0], fused[0])
