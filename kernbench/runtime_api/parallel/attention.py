"""CoreAttention: causal attention of a rank's own heads, query heads in groups that share a key-value head."""

from kernbench.runtime_api.parallel.attention_kernels import Heads, Strides, attend, attend_keys, attend_queries
from kernbench.runtime_api.parallel.pointwise import apply
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.dtype import float32


class CoreAttention:
    """softmax(q k^T / sqrt(size)) v for `groups` groups of `each` query heads; rows are positions x batch.

    `mixed` has for each group its query heads, its key and its value, side by side, as Megatron's linear_qkv makes them.
    """

    def __init__(self, groups: int, each: int, size: int, *, batch: int, config: ModelParallelConfig) -> None:
        self._config = config
        self._groups, self._each, self._size, self._batch = groups, each, size, batch
        self._saved: tuple[Tensor, Tensor, Tensor, Heads] | None = None

    def forward(self, mixed: Tensor) -> Tensor:
        """[rows, groups (each + 2) size] to [rows, groups each size], every position seeing those up to itself."""
        pitch, positions = mixed.shape[1], mixed.shape[0] // self._batch
        strides = Strides(self._batch * pitch, pitch, (self._each + 2) * self._size)
        heads = self._heads(positions, positions, strides, strides)
        out, lse = self._attend(mixed, *self._keys_values(mixed), heads)
        self._saved = mixed, out, lse, heads
        return out

    def decode(self, mixed: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """One new position of each sequence, which sees all of the caches [positions x batch, groups size]."""
        self._keep(mixed, keys, values)
        pitch, wide = mixed.shape[1], self._groups * self._size
        own = Strides(self._batch * pitch, pitch, (self._each + 2) * self._size)
        cached = Strides(self._batch * wide, wide, self._size)
        heads = self._heads(1, keys.shape[0] // self._batch, own, cached)
        return self._attend(mixed, keys, values, heads)[0]

    def _keep(self, mixed: Tensor, keys: Tensor, values: Tensor) -> None:
        """Put the new position's keys and values at the end of the caches, a row for each head."""
        last, heads, size = keys.shape[0] - self._batch, self._batch * self._groups, self._size
        per_group = mixed.view(heads, (self._each + 2) * size)
        at = self._each * size
        sources = per_group[:, at : at + size], per_group[:, at + size :]
        targets = keys[last:].view(heads, size), values[last:].view(heads, size)
        apply(self._config.compute, "copy", targets, sources)

    def _keys_values(self, mixed: Tensor) -> tuple[Tensor, Tensor]:
        at = self._each * self._size
        return mixed[:, at:], mixed[:, at + self._size :]

    def _heads(self, queries: int, keys: int, q: Strides, kv: Strides) -> Heads:
        wide = self._groups * self._each * self._size
        out = Strides(self._batch * wide, wide, self._each * self._size)
        return Heads(self._batch, self._groups, self._each, self._size, queries, keys, q, kv, out)

    def _attend(self, mixed: Tensor, keys: Tensor, values: Tensor, heads: Heads) -> tuple[Tensor, Tensor]:
        """The output, and the logarithms of the softmax's sums."""
        compute, count = self._config.compute, heads.heads * self._batch
        out = compute.activations(mixed.shape[0], heads.heads * self._size, self._config.params_dtype)
        lse = compute.activations(count, heads.queries, float32)
        launch = attend.launch((len(heads.query_blocks()) * count,), out, lse, mixed, keys, values, heads)
        # q k^T and p v over the pairs that the causal mask leaves.
        compute.ledger.flops += 4 * self._size * count * heads.pairs
        compute.ledger.multiplied += 4 * heads.width * count * heads.area_by_queries
        loaded = count * (heads.queries + 2 * heads.keys_read) * self._size * out.element_size()
        compute.run(launch, compute.grid.pes, loaded, out.nbytes + lse.nbytes)
        return out, lse

    def backward(self, grad_output: Tensor) -> Tensor:
        """The gradient of `mixed`."""
        assert self._saved is not None, "backward before forward"
        mixed, out, lse, heads = self._saved
        compute, keys_values = self._config.compute, self._keys_values(mixed)
        grad, delta = compute.activations_like(mixed), compute.activations_like(lse)
        count, shared, row = heads.heads * self._batch, heads.groups * self._batch, self._size * out.element_size()
        # dv, dp, dq and dk are the model's work; that p is computed again, twice, is not.
        compute.ledger.flops += 8 * self._size * count * heads.pairs
        compute.ledger.multiplied += 2 * heads.width * count * (3 * heads.area_by_queries + 4 * heads.area_by_keys)
        launch = attend_queries.launch(
            (len(heads.query_blocks()) * count,), grad, delta, grad_output, out, lse, mixed, *keys_values, heads
        )
        loaded = count * (3 * heads.queries + 2 * heads.keys_read) * row + lse.nbytes
        compute.run(launch, compute.grid.pes, loaded, count * heads.queries * row + delta.nbytes)
        launch = attend_keys.launch(
            (len(heads.key_blocks()) * shared,),
            *self._keys_values(grad),
            delta,
            grad_output,
            lse,
            mixed,
            *keys_values,
            heads,
        )
        loaded = 2 * shared * heads.keys * row + count * heads.queries_read * 2 * (row + float32.itemsize)
        compute.run(launch, compute.grid.pes, loaded, 2 * shared * heads.keys * row)
        return grad
