"""VocabParallelEmbedding: an embedding whose rows are divided over the ranks."""

from collections.abc import Sequence
from typing import Any

import kernbench.triton_emu.language as tl
from kernbench.common.errors import UsageError
from kernbench.runtime_api.parallel.parameter import Parameter, Uniform
from kernbench.runtime_api.parallel.product_kernel import within
from kernbench.runtime_api.parallel.state import ModelParallelConfig
from kernbench.runtime_api.parallel.tiling import cut
from kernbench.runtime_api.tensor import Tensor
from kernbench.triton_emu.dtype import float32
from kernbench.triton_emu.jit import jit

PIECE = 8192
"""Elements of a row at once."""


@jit
def take_rows(
    out_ptr: Any,
    weight_ptr: Any,
    NUMBERS: tl.constexpr,
    WIDTH: tl.constexpr,
    SHARE: tl.constexpr,
) -> None:
    """Row i of `out` is row NUMBERS[i] of the weight, zeros where that is -1: another rank's."""
    begin = int(tl.program_id(0)) * SHARE
    for row in range(begin, min(begin + SHARE, len(NUMBERS))):
        for first, size in cut(0, WIDTH, PIECE):
            columns = first + tl.arange(0, size)
            mask = within(columns, first + size, WIDTH)
            if NUMBERS[row] < 0:
                block = tl.zeros((size,), out_ptr.dtype.element_ty)
            else:
                block = tl.load(weight_ptr + NUMBERS[row] * WIDTH + columns, mask=mask)
            tl.store(out_ptr + row * WIDTH + columns, block, mask=mask)


@jit
def add_rows(
    grad_ptr: Any,
    dy_ptr: Any,
    SUMS: tl.constexpr,
    WIDTH: tl.constexpr,
    SHARE: tl.constexpr,
) -> None:
    """For each (row of the weight, rows of dy): the sum of those, in order, in float32."""
    begin = int(tl.program_id(0)) * SHARE
    for number, rows in SUMS[begin : begin + SHARE]:
        for first, size in cut(0, WIDTH, PIECE):
            columns = first + tl.arange(0, size)
            mask = within(columns, first + size, WIDTH)
            total: Any = None
            for row in rows:
                block = tl.load(dy_ptr + row * WIDTH + columns, mask=mask).to(float32)
                total = block if total is None else total + block
            tl.store(grad_ptr + number * WIDTH + columns, total.to(grad_ptr.dtype.element_ty), mask=mask)


class VocabParallelEmbedding:
    """Rank i holds rows [i num_embeddings / p, ...): it looks up the ids that it has, and the ranks' results are summed.

    The ids are the host's, so a lookup's addresses are known without values. The sum is an all-reduce, or with sequence
    parallelism (`reduce_scatter_embeddings`) a reduce-scatter.
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, config: ModelParallelConfig, init_method: Uniform
    ) -> None:
        share = config.divide(num_embeddings, "the vocabulary")
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self._config = config
        self._first = config.rank.index * share
        self._share = share
        self.weight = Parameter(config.compute.divided(share, embedding_dim, config.params_dtype))
        self.weight.fill(config.rank, init_method, range(self._first, self._first + share))
        self._numbers: tuple[int, ...] = ()

    def forward(self, input_: Sequence[int]) -> Tensor:
        """Ids in the order of rows to [rows (of this rank, if sequence-parallel), embedding_dim]."""
        config = self._config
        wrong = next((each for each in input_ if not 0 <= each < self.num_embeddings), None)
        if wrong is not None:
            raise UsageError(f"the id {wrong} is not in the vocabulary of {self.num_embeddings}")
        numbers = [each - self._first for each in input_]
        self._numbers = tuple(number if 0 <= number < self._share else -1 for number in numbers)
        out = config.compute.activations(len(numbers), self.embedding_dim, config.params_dtype)
        share = -(-len(numbers) // len(config.compute.grid.pes))
        launch = take_rows.launch(
            (-(-len(numbers) // share),), out, self.weight.data, self._numbers, self.embedding_dim, share
        )
        row = self.embedding_dim * out.element_size()
        found = sum(number >= 0 for number in self._numbers)
        config.compute.run(launch, config.compute.grid.pes, found * row, out.nbytes)
        if config.sequence_parallel:
            return config.reduce_scatter_to_sequence_parallel_region(out)[0]
        config.all_reduce(out)
        return out

    def backward(self, grad_output: Tensor) -> None:
        """The gradient of the weight, in `weight.grad`; rows that no id named are zero, as a new tensor is."""
        config = self._config
        total = grad_output
        if config.sequence_parallel:
            total, _ = config.gather_from_sequence_parallel_region(grad_output)
        found: dict[int, list[int]] = {}
        for row, number in enumerate(self._numbers):
            if number >= 0:
                found.setdefault(number, []).append(row)
        sums = tuple((number, tuple(found[number])) for number in sorted(found))
        self.weight.grad = config.compute.divided(self._share, self.embedding_dim, config.params_dtype)
        if sums:
            share = -(-len(sums) // len(config.compute.grid.pes))
            launch = add_rows.launch(
                (-(-len(sums) // share),), self.weight.grad, total, sums, self.embedding_dim, share
            )
            size = self.embedding_dim * total.element_size()
            rows = sum(len(each) for _, each in sums)
            config.compute.run(launch, config.compute.grid.pes, rows * size, len(sums) * size)
