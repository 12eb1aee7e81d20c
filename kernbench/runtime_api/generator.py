"""A stream of random numbers of its own: `torch.Generator`."""

from typing import Any

import numpy as np

DEFAULT_SEED = 67280421310721
"""The seed that torch gives a generator."""


class Generator:
    """Two generators of one seed give the same numbers, whatever else was drawn."""

    def __init__(self) -> None:
        self.random: Any
        self._seed = 0
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> "Generator":
        """Start anew."""
        self._seed = int(seed)
        self.random = np.random.Generator(np.random.Philox(key=[self._seed, 2**63]))
        return self

    def initial_seed(self) -> int:
        """The seed it was started with."""
        return self._seed
