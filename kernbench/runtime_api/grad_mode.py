"""Whether gradients are noted: `torch.no_grad` and its relatives, as contexts and as decorators."""

from contextlib import ContextDecorator
from typing import Any

from kernbench.runtime_api.rank import Rank


class GradMode(ContextDecorator):
    """Steps are noted, or not, inside; with `at_once` from now on, and what was before comes back at the end of a block."""

    def __init__(self, rank: Rank, *, tracing: bool, at_once: bool = False) -> None:
        self._rank = rank
        self._tracing = tracing
        self._before = [rank.tracing] if at_once else []
        self._entered = at_once
        if at_once:
            rank.tracing = tracing

    @classmethod
    def of(cls, rank: Rank, given: Any = True, *, tracing: bool) -> Any:
        """The mode, or the function that it is put before without brackets in that mode; False changes nothing."""
        if callable(given):
            return cls(rank, tracing=tracing)(given)
        return cls(rank, tracing=tracing if given else rank.tracing)

    def _recreate_cm(self) -> "GradMode":
        return type(self)(self._rank, tracing=self._tracing)

    def __enter__(self) -> None:
        if not self._entered:
            self._before.append(self._rank.tracing)
            self._rank.tracing = self._tracing
        self._entered = False

    def __exit__(self, *_error: object) -> None:
        self._rank.tracing = self._before.pop()
