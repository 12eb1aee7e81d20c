"""Decoding with a cache in pages: each sequence's keys and values lie where its table says, and lengths differ."""

import math

import torch
import triton
import triton.language as tl


@triton.jit
def paged_decode(
    Q, K_cache, V_cache, Block_table, Seq_lens, Out, Lse,
    sm_scale,
    stride_qb, stride_qh, stride_kp, stride_kt, stride_kh, stride_tb, stride_ob, stride_oh,
    KV_GROUP: tl.constexpr, HEAD: tl.constexpr, PAGE: tl.constexpr, SPLITS: tl.constexpr,
):  # fmt: skip
    batch, head, split = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    kv_head = head // KV_GROUP
    length = tl.load(Seq_lens + batch)
    pages = tl.cdiv(length, PAGE)
    per_split = tl.cdiv(pages, SPLITS)
    first = split * per_split
    last = tl.minimum(first + per_split, pages)
    offs_d = tl.arange(0, HEAD)
    offs_t = tl.arange(0, PAGE)
    q = tl.load(Q + batch * stride_qb + head * stride_qh + offs_d).to(tl.float32) * sm_scale * 1.44269504
    m_i = -float("inf")
    l_i = 0.0
    acc = tl.zeros([HEAD], dtype=tl.float32)
    for number in range(first, last):
        page = tl.load(Block_table + batch * stride_tb + number).to(tl.int64)
        real = number * PAGE + offs_t < length
        at = page * stride_kp + offs_t[:, None] * stride_kt + kv_head * stride_kh + offs_d[None, :]
        k = tl.load(K_cache + at, mask=real[:, None], other=0.0)
        scores = tl.where(real, tl.sum(q[None, :] * k.to(tl.float32), 1), float("-inf"))
        m_new = tl.maximum(m_i, tl.max(scores, 0))
        alpha = tl.math.exp2(m_i - m_new)
        p = tl.math.exp2(scores - m_new)
        v = tl.load(V_cache + at, mask=real[:, None], other=0.0)
        acc = acc * alpha + tl.sum(p[:, None] * v.to(tl.float32), 0)
        l_i = l_i * alpha + tl.sum(p, 0)
        m_i = m_new
    if last > first:
        acc = acc / l_i
    here = batch * stride_ob + head * stride_oh + split * HEAD + offs_d
    tl.store(Out + here, acc)
    lse = tl.where(last > first, m_i + tl.math.log2(l_i), float("-inf"))
    tl.store(Lse + (batch * tl.num_programs(1) + head) * SPLITS + split, lse)


@triton.jit
def combine(Part, Lse, Out, HEAD: tl.constexpr, SPLITS: tl.constexpr):
    row = tl.program_id(0)
    splits = tl.arange(0, SPLITS)
    lse = tl.load(Lse + row * SPLITS + splits)
    weight = tl.exp2(lse - tl.max(lse, axis=0))
    weight = weight / tl.sum(weight, axis=0)
    cols = tl.arange(0, HEAD)
    part = tl.load(Part + row * SPLITS * HEAD + splits[:, None] * HEAD + cols[None, :])
    tl.store(Out + row * HEAD + cols, tl.sum(part * weight[:, None], axis=0).to(Out.dtype.element_ty))


def paged_attention(q, k_cache, v_cache, block_table, seq_lens, splits=2):
    batch, heads, head_dim = q.shape
    part = torch.empty((batch, heads, splits, head_dim), dtype=torch.float32, device=q.device)
    lse = torch.empty((batch, heads, splits), dtype=torch.float32, device=q.device)
    out = torch.empty_like(q)
    with torch.cuda.device(q.device):
        paged_decode[(batch, heads, splits)](
            q, k_cache, v_cache, block_table, seq_lens, part, lse, 1.0 / math.sqrt(head_dim),
            *q.stride()[:2], *k_cache.stride()[:3], block_table.stride(0), *part.stride()[:2],
            KV_GROUP=heads // k_cache.size(2), HEAD=head_dim, PAGE=k_cache.size(1), SPLITS=splits, num_warps=4,
        )  # fmt: skip
        combine[(batch * heads,)](part, lse, out, HEAD=head_dim, SPLITS=splits)
    return out


def reference(q, k_cache, v_cache, block_table, seq_lens):
    outs = []
    for number, length in enumerate(seq_lens.tolist()):
        pages = block_table[number, : triton.cdiv(length, k_cache.size(1))].long()
        k = k_cache[pages].flatten(0, 1)[:length].repeat_interleave(q.size(1) // k_cache.size(2), dim=1)
        v = torch.index_select(v_cache, 0, pages).flatten(0, 1)[:length]
        v = v.repeat_interleave(q.size(1) // k_cache.size(2), dim=1)
        scores = torch.einsum("hd,thd->ht", q[number].float(), k.float()) / math.sqrt(q.size(-1))
        outs.append(torch.einsum("ht,thd->hd", torch.softmax(scores, dim=-1), v.float()))
    return torch.stack(outs, dim=0).to(q.dtype)


@torch.inference_mode()
def main():
    torch.manual_seed(3)
    batch, heads, kv_heads, head_dim, page, count = 3, 4, 2, 32, 16, 12
    q = torch.randn(batch, heads, head_dim, device="cuda", dtype=torch.float16)
    k_cache = torch.randn(count, page, kv_heads, head_dim, device="cuda", dtype=torch.float16)
    v_cache = torch.randn_like(k_cache)
    block_table = torch.randperm(count, device="cuda")[: batch * 4].view(batch, 4).to(torch.int32)
    seq_lens = torch.tensor([50, 7, 33], dtype=torch.int32, device="cuda")
    out = paged_attention(q, k_cache, v_cache, block_table, seq_lens)
    torch.testing.assert_close(out, reference(q, k_cache, v_cache, block_table, seq_lens), atol=2e-3, rtol=2e-3)


main()
