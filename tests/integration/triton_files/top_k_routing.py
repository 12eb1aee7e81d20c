"""Routing of tokens to experts: the greatest few by a sort of packed keys, a histogram by atomics, places by a scan."""
# ruff: noqa: PT018  # written as users write such files

import torch
import triton
import triton.language as tl


@triton.jit
def _key_of(x):
    bits = x.to(tl.int32, bitcast=True)
    return tl.where(bits < 0, bits ^ 0x7FFFFFFF, bits)


@triton.jit
def topk_softmax(logits_ptr, weights_ptr, ids_ptr, counts_ptr, n_experts, K: tl.constexpr, BLOCK_E: tl.constexpr):
    token = tl.program_id(0)
    experts = tl.arange(0, BLOCK_E)
    x = tl.load(logits_ptr + token * n_experts + experts, mask=experts < n_experts, other=-float("inf"))
    packed = (_key_of(x.to(tl.float32)).to(tl.int64) << 32) | (BLOCK_E - 1 - experts).to(tl.int64)
    packed = tl.sort(packed, descending=True)
    chosen = tl.arange(0, BLOCK_E) < K
    ids = BLOCK_E - 1 - (packed & 0xFFFFFFFF).to(tl.int32)
    best = tl.load(logits_ptr + token * n_experts + ids, mask=chosen, other=-float("inf")).to(tl.float32)
    power = tl.exp(best - tl.max(best, axis=0))
    weights = power / tl.sum(power, axis=0)
    tl.store(weights_ptr + token * K + experts, weights, mask=chosen)
    tl.store(ids_ptr + token * K + experts, ids, mask=chosen)
    tl.atomic_add(counts_ptr + ids, tl.full([BLOCK_E], 1, tl.int32), mask=chosen, sem="relaxed")


@triton.jit
def exclusive_starts(counts_ptr, starts_ptr, n, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    counts = tl.load(counts_ptr + at, mask=at < n, other=0)
    tl.store(starts_ptr + at, tl.cumsum(counts, 0) - counts, mask=at < n)


@triton.jit
def place_tokens(ids_ptr, starts_ptr, filled_ptr, order_ptr, total, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < total
    expert = tl.load(ids_ptr + at, mask=mask, other=0)
    mine = tl.atomic_add(filled_ptr + expert, 1, mask=mask)
    tl.store(order_ptr + tl.load(starts_ptr + expert, mask=mask) + mine, at, mask=mask)


@triton.jit
def histogram_of_bytes(x_ptr, out_ptr, n, BLOCK: tl.constexpr, BINS: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    x = tl.load(x_ptr + at, mask=mask, other=0)
    local = tl.histogram(x, BINS)
    local = tl.where(tl.arange(0, BINS) == 0, local - tl.sum((~mask).to(tl.int32), 0), local)
    tl.atomic_add(out_ptr + tl.arange(0, BINS), local)


def route(logits: torch.Tensor, k: int):
    tokens, experts = logits.shape
    weights = torch.empty(tokens, k, dtype=torch.float32, device=logits.device)
    ids = torch.empty((tokens, k), dtype=torch.int32, device=logits.device)
    counts, filled = (torch.zeros(experts, dtype=torch.int32, device=logits.device) for _ in range(2))
    starts = torch.empty_like(counts)
    order = torch.full((tokens * k,), -1, dtype=torch.int32, device=logits.device)
    block = triton.next_power_of_2(experts)
    topk_softmax[(tokens,)](logits, weights, ids, counts, experts, K=k, BLOCK_E=block)
    exclusive_starts[(1,)](counts, starts, experts, BLOCK=block)
    place_tokens[(triton.cdiv(tokens * k, 32),)](ids, starts, filled, order, tokens * k, BLOCK=32)
    return weights, ids, counts, starts, order


torch.manual_seed(5)
tokens, experts, k = 40, 12, 2
logits = torch.randn(tokens, experts, device="cuda")
weights, ids, counts, starts, order = route(logits, k)

values, indices = torch.topk(logits, k, dim=-1)
assert torch.equal(ids.long(), indices)
torch.testing.assert_close(weights, torch.softmax(values, dim=-1))
assert torch.equal(counts.long(), torch.bincount(indices.flatten(), minlength=experts))
assert torch.equal(starts[1:], counts.cumsum(0)[:-1].to(torch.int32)) and starts[0] == 0
expert_of = ids.flatten()[order.long()]
assert (expert_of[1:] >= expert_of[:-1]).all(), "the order is not grouped by expert"
assert torch.equal(order.sort().values, torch.arange(tokens * k, dtype=torch.int32, device="cuda"))
one_hot = torch.nn.functional.one_hot(indices, experts).sum(dim=(0, 1))
assert torch.equal(one_hot, counts.long())
dense = torch.zeros_like(logits).scatter_(1, indices, weights)
assert torch.allclose(dense.gather(1, indices), weights) and torch.count_nonzero(dense) == tokens * k

sample = torch.randint(0, 16, (300,), device="cuda", dtype=torch.int32)
bins = torch.zeros(16, dtype=torch.int32, device="cuda")
histogram_of_bytes[lambda meta: (triton.cdiv(300, meta["BLOCK"]),)](sample, bins, 300, BLOCK=128, BINS=16)
assert torch.equal(bins, torch.histc(sample.float(), bins=16, min=0, max=16).int())
