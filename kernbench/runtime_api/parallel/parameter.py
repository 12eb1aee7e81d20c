"""Parameters: the shard that a rank holds of a matrix which the seed alone determines, and its gradient."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.tensor import Tensor

Array: TypeAlias = npt.NDArray[Any]


class Uniform:
    """Megatron's `init_method`: a full matrix of uniform numbers in float32, any of its rows at will.

    Row i of the matrix `name` is drawn from (seed, name, i): every rank of every group size holds the same matrix.
    Its elements have mean `mean` and variance 1/columns unless `deviation` says otherwise.
    """

    def __init__(
        self, seed: int, name: str, columns: int, *, deviation: float | None = None, mean: float = 0.0
    ) -> None:
        digest = blake2b(f"{seed} {name}".encode(), digest_size=16).digest()
        self._key = np.frombuffer(digest, np.uint64)
        self._columns = columns
        self._half = np.float32(3**0.5 * (columns**-0.5 if deviation is None else deviation))
        self._mean = np.float32(mean)

    def rows(self, numbers: Sequence[int]) -> Array:
        """These rows, as an array [len(numbers), columns]."""
        out = np.empty((len(numbers), self._columns), np.float32)
        for place, number in enumerate(numbers):
            generator = np.random.Generator(np.random.Philox(key=self._key, counter=[0, 0, 0, number]))
            generator.random(out=out[place], dtype=np.float32)
        out *= 2 * self._half
        out += self._mean - self._half
        return out


class Parameter:
    """A shard in memory (`data`) and its gradient (`grad`), None before the first backward pass."""

    def __init__(self, data: Tensor) -> None:
        self.data = data
        self.grad: Tensor | None = None

    def fill(self, rank: Rank, init_method: Uniform, rows: Sequence[int], columns: slice = slice(None)) -> None:
        """Put rows and columns of the full matrix there, outside simulated time: weights are loaded before a run."""
        if rank.values:
            shard = np.ascontiguousarray(init_method.rows(rows)[:, columns].astype(self.data.dtype.numpy))
            rank.poke(self.data.data_ptr(), shard.tobytes())
