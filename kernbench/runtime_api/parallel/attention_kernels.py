"""The kernels of attention: a running softmax forward, its gradient from the saved sums backward (FlashAttention-2)."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

import kernbench.triton_emu.language as tl
from kernbench.runtime_api.parallel.product_kernel import both, within
from kernbench.runtime_api.parallel.tiling import cut
from kernbench.triton_emu.dtype import float32
from kernbench.triton_emu.jit import jit

TALL, WIDE = 128, 128
"""Queries and keys of a block."""


class Strides(msgspec.Struct, frozen=True):
    """Elements from one position, sequence of the batch, and group of heads to the next; heads of a group adjoin."""

    position: int
    batch: int
    group: int


class Heads(msgspec.Struct, frozen=True):
    """`groups` key-value heads of `size` elements, each with `each` query heads; sequences of `queries` and `keys`.

    Query i sees keys up to i + keys - queries.
    """

    batch: int
    groups: int
    each: int
    size: int
    queries: int
    keys: int
    q: Strides
    kv: Strides
    out: Strides

    @property
    def heads(self) -> int:
        """Query heads."""
        return self.groups * self.each

    @property
    def width(self) -> int:
        """The extent of a block along a head."""
        return 1 << (self.size - 1).bit_length()

    @property
    def scale(self) -> float:
        """1 / sqrt(size)."""
        return float(self.size**-0.5)

    def query_blocks(self) -> list[tuple[int, int]]:
        """(first query, extent) of every block."""
        return list(cut(0, self.queries, TALL))

    def key_blocks(self) -> list[tuple[int, int]]:
        """(first key, extent) of every block."""
        return list(cut(0, self.keys, WIDE))

    def keys_of(self, first: int, size: int) -> Iterator[tuple[int, int]]:
        """The blocks of keys that a block of queries sees."""
        return cut(0, min(self.keys, min(first + size, self.queries) + self.keys - self.queries), WIDE)

    def queries_of(self, first: int) -> Iterator[tuple[int, int]]:
        """The blocks of queries that see a block of keys: those of `query_blocks`, not before the diagonal."""
        begin = first - (self.keys - self.queries)
        return ((at, size) for at, size in self.query_blocks() if at + size > begin)

    # -- closed forms, of one head of one sequence ---------------------------------------------------------------

    @property
    def pairs(self) -> int:
        """Pairs of a query and a key that it sees."""
        return self.queries * (self.keys - self.queries) + self.queries * (self.queries + 1) // 2

    @property
    def keys_read(self) -> int:
        """Keys that all blocks of queries read."""
        return sum(_inside(self.keys_of(*each), self.keys) for each in self.query_blocks())

    @property
    def queries_read(self) -> int:
        """Queries that all blocks of keys read."""
        return sum(_inside(self.queries_of(start), self.queries) for start, _ in self.key_blocks())

    @property
    def area_by_queries(self) -> int:
        """Elements of all blocks of scores, made block of queries by block of queries."""
        return sum(tall * wide for first, tall in self.query_blocks() for _, wide in self.keys_of(first, tall))

    @property
    def area_by_keys(self) -> int:
        """The same, made block of keys by block of keys."""
        return sum(tall * wide for start, wide in self.key_blocks() for _, tall in self.queries_of(start))


def _inside(blocks: Iterable[tuple[int, int]], extent: int) -> int:
    """Positions of blocks that are inside."""
    return sum(min(size, extent - at) for at, size in blocks)


def block(ptr: Any, at: int, size: int, extent: int, heads: Heads, stride: int) -> Any:
    """`size` positions of a head from `at` on, 0 beyond `extent`."""
    rows, columns = at + tl.arange(0, size), tl.arange(0, heads.width)
    mask = both(within(rows, at + size, extent), within(columns, heads.width, heads.size))
    return tl.load(ptr + (rows[:, None] * stride + columns[None, :]), mask=mask)


def put(ptr: Any, value: Any, at: int, size: int, extent: int, heads: Heads, stride: int) -> None:
    """The other way."""
    rows, columns = at + tl.arange(0, size), tl.arange(0, heads.width)
    mask = both(within(rows, at + size, extent), within(columns, heads.width, heads.size))
    tl.store(ptr + (rows[:, None] * stride + columns[None, :]), value.to(ptr.dtype.element_ty), mask=mask)


def seen(heads: Heads, first: int, tall: int, start: int, wide: int) -> Any:
    """Which queries see which keys, None if all do."""
    last = heads.keys - heads.queries
    if start + wide - 1 <= first + last and start + wide <= heads.keys:
        return None
    rows, columns = first + last + tl.arange(0, tall), start + tl.arange(0, wide)
    return (rows[:, None] >= columns[None, :]) & (columns < heads.keys)[None, :]


@jit
def attend(out_ptr: Any, lse_ptr: Any, q_ptr: Any, k_ptr: Any, v_ptr: Any, H: tl.constexpr) -> None:
    """A block of queries of one head: out = softmax(q k^T scale) v, and the logarithm of its sum for backward."""
    number = int(tl.program_id(0))
    blocks = H.query_blocks()
    # The last blocks see most keys: they begin first.
    first, tall = blocks[len(blocks) - 1 - number // (H.heads * H.batch)]
    head, sequence = number % H.heads, number // H.heads % H.batch
    q_ptr = q_ptr + (sequence * H.q.batch + head // H.each * H.q.group + head % H.each * H.size)
    shared = sequence * H.kv.batch + head // H.each * H.kv.group
    q = block(q_ptr, first, tall, H.queries, H, H.q.position)
    highest: Any = None
    weight: Any = None
    acc: Any = None
    for start, wide in H.keys_of(first, tall):
        k = block(k_ptr + shared, start, wide, H.keys, H, H.kv.position)
        scores = tl.dot(q, tl.trans(k)) * H.scale
        mask = seen(H, first, tall, start, wide)
        if mask is not None:
            scores = tl.where(mask, scores, float("-inf"))
        top = tl.max(scores, 1)
        if highest is not None:
            top = tl.maximum(highest, top)
        p = tl.exp(scores - top[:, None])
        total = tl.sum(p, 1)
        if highest is not None:
            old = tl.exp(highest - top)
            total = weight * old + total
            acc = acc * old[:, None]
        highest, weight = top, total
        v = block(v_ptr + shared, start, wide, H.keys, H, H.kv.position)
        acc = tl.dot(p.to(v.dtype), v, acc, out_dtype=float32)
        del k, v, p, scores, top, total
    place = out_ptr + (sequence * H.out.batch + head * H.size)
    put(place, acc / weight[:, None], first, tall, H.queries, H, H.out.position)
    rows = first + tl.arange(0, tall)
    sums = lse_ptr + (sequence * H.heads + head) * H.queries + rows
    tl.store(sums, highest + tl.log(weight), mask=within(rows, first + tall, H.queries))


@jit
def attend_queries(
    dq_ptr: Any,
    delta_ptr: Any,
    dout_ptr: Any,
    out_ptr: Any,
    lse_ptr: Any,
    q_ptr: Any,
    k_ptr: Any,
    v_ptr: Any,
    H: tl.constexpr,
) -> None:
    """The gradient of a block of queries: dq = ds k, ds = p (dout v^T - delta) scale, delta = sum(dout out)."""
    number = int(tl.program_id(0))
    blocks = H.query_blocks()
    first, tall = blocks[len(blocks) - 1 - number // (H.heads * H.batch)]
    head, sequence = number % H.heads, number // H.heads % H.batch
    place = sequence * H.q.batch + head // H.each * H.q.group + head % H.each * H.size
    shared = sequence * H.kv.batch + head // H.each * H.kv.group
    own = sequence * H.out.batch + head * H.size
    q = block(q_ptr + place, first, tall, H.queries, H, H.q.position)
    dout = block(dout_ptr + own, first, tall, H.queries, H, H.out.position)
    out = block(out_ptr + own, first, tall, H.queries, H, H.out.position)
    rows = first + tl.arange(0, tall)
    inside = within(rows, first + tall, H.queries)
    line = (sequence * H.heads + head) * H.queries + rows
    delta = tl.sum(dout.to(float32) * out.to(float32), 1)
    tl.store(delta_ptr + line, delta, mask=inside)
    del out
    lse = tl.load(lse_ptr + line, mask=inside)
    dq = None
    for start, wide in H.keys_of(first, tall):
        k = block(k_ptr + shared, start, wide, H.keys, H, H.kv.position)
        v = block(v_ptr + shared, start, wide, H.keys, H, H.kv.position)
        p = tl.exp(tl.dot(q, tl.trans(k)) * H.scale - lse[:, None])
        mask = seen(H, first, tall, start, wide)
        if mask is not None:
            p = tl.where(mask, p, 0.0)
        ds = p * (tl.dot(dout, tl.trans(v)) - delta[:, None]) * H.scale
        dq = tl.dot(ds.to(k.dtype), k, dq, out_dtype=float32)
        del k, v, p, ds
    put(dq_ptr + place, dq, first, tall, H.queries, H, H.q.position)


@jit
def attend_keys(
    dk_ptr: Any,
    dv_ptr: Any,
    delta_ptr: Any,
    dout_ptr: Any,
    lse_ptr: Any,
    q_ptr: Any,
    k_ptr: Any,
    v_ptr: Any,
    H: tl.constexpr,
) -> None:
    """The gradients of a block of keys and values, over all query heads of their group: dv = p^T dout, dk = ds^T q."""
    number = int(tl.program_id(0))
    # The first blocks are seen by most queries: they begin first.
    start, wide = H.key_blocks()[number // (H.groups * H.batch)]
    group, sequence = number % H.groups, number // H.groups % H.batch
    shared = sequence * H.kv.batch + group * H.kv.group
    k = block(k_ptr + shared, start, wide, H.keys, H, H.kv.position)
    v = block(v_ptr + shared, start, wide, H.keys, H, H.kv.position)
    dk = dv = None
    for head in range(group * H.each, (group + 1) * H.each):
        place = sequence * H.q.batch + group * H.q.group + head % H.each * H.size
        own = sequence * H.out.batch + head * H.size
        for first, tall in H.queries_of(start):
            q = block(q_ptr + place, first, tall, H.queries, H, H.q.position)
            dout = block(dout_ptr + own, first, tall, H.queries, H, H.out.position)
            rows = first + tl.arange(0, tall)
            inside = within(rows, first + tall, H.queries)
            line = (sequence * H.heads + head) * H.queries + rows
            lse = tl.load(lse_ptr + line, mask=inside)
            delta = tl.load(delta_ptr + line, mask=inside)
            p = tl.exp(tl.dot(q, tl.trans(k)) * H.scale - lse[:, None])
            mask = seen(H, first, tall, start, wide)
            if mask is not None:
                p = tl.where(mask, p, 0.0)
            dv = tl.dot(tl.trans(p.to(dout.dtype)), dout, dv, out_dtype=float32)
            ds = p * (tl.dot(dout, tl.trans(v)) - delta[:, None]) * H.scale
            dk = tl.dot(tl.trans(ds.to(q.dtype)), q, dk, out_dtype=float32)
            del q, dout, p, ds, lse, delta
    put(dk_ptr + shared, dk, start, wide, H.keys, H, H.kv.position)
    put(dv_ptr + shared, dv, start, wide, H.keys, H, H.kv.position)
