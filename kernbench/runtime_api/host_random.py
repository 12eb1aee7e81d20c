"""Random numbers put into a tensor's place, from its rank's stream, by torch's names."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from kernbench.runtime_api.elements import elements

if TYPE_CHECKING:
    from kernbench.runtime_api.tensor import Tensor


def _drawn(x: "Tensor", draw: Callable[[Any, tuple[int, ...]], Any]) -> "Tensor":
    stream = x._rank.random  # noqa: SLF001  # a tensor's rank is nobody else's business
    return x.copy_(elements(np.asarray(draw(stream, tuple(x.shape))), x.dtype))


def normal_(x: "Tensor", mean: float = 0.0, std: float = 1.0) -> "Tensor":
    """Normal numbers with this mean and standard deviation."""
    return _drawn(x, lambda stream, shape: stream.standard_normal(shape, np.float32) * std + mean)


def uniform_(x: "Tensor", low: float = 0.0, high: float = 1.0) -> "Tensor":
    """Numbers from `low` on below `high`."""
    return _drawn(x, lambda stream, shape: stream.random(shape, np.float32) * (high - low) + low)


def exponential_(x: "Tensor", lambd: float = 1.0) -> "Tensor":
    """Waits between events that come at the rate `lambd`."""
    return _drawn(x, lambda stream, shape: stream.standard_exponential(shape, np.float32) / lambd)


def bernoulli_(x: "Tensor", p: float = 0.5) -> "Tensor":
    """1 with probability `p`, else 0."""
    return _drawn(x, lambda stream, shape: stream.random(shape, np.float32) < p)


def random_(x: "Tensor", low: int, high: int | None = None) -> "Tensor":
    """Integers from `low` (0 if only one bound is given) below `high`."""
    least, most = (0, low) if high is None else (low, high)
    return _drawn(x, lambda stream, shape: stream.integers(least, most, shape))


FUNCTIONS: dict[str, Callable[..., Any]] = {
    each.__name__: each for each in (normal_, uniform_, exponential_, bernoulli_, random_)
}
