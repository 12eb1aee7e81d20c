"""Rings inside larger algorithms: all-gather and reduce-scatter among some members, from step to step over memory."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from kernbench.runtime_api.collectives.schedule import Action, Step

Runs: TypeAlias = Sequence[tuple[int, int]]
"""(first chunk, chunks) of what a member of the ring is responsible for."""


def gather_around(ring: Sequence[int], me: int, runs: Callable[[int], Runs], buffer: str) -> list[Step]:
    """Everybody's runs reach everybody: in step t a member passes on what it got in step t - 1."""
    n, at = len(ring), ring.index(me)
    after, before = ring[(at + 1) % n], ring[at - 1]
    steps: list[Step] = []
    for t in range(n - 1):
        out = [Action(first, chunks, load=buffer, to=(after,)) for first, chunks in runs(ring[(at - t) % n])]
        back = [
            Action(first, chunks, sources=(before,), store=buffer) for first, chunks in runs(ring[(at - t - 1) % n])
        ]
        steps.append([*out, *back])
    return steps


def reduce_around(
    ring: Sequence[int], me: int, runs: Callable[[int], Runs], source: str, work: str, last: str, *, finish: bool
) -> list[Step]:
    """Each member ends with the total of its own runs, in `last`: they start at its successor and go round once.

    Own elements come from `source`, partial results of earlier steps lie in `work`.
    """
    n, at = len(ring), ring.index(me)
    after, before = ring[(at + 1) % n], ring[at - 1]
    steps: list[Step] = []
    for t in range(n - 1):
        ends = t == n - 2
        out = [
            Action(first, chunks, load=work if t else source, to=(after,))
            for first, chunks in runs(ring[(at - t - 1) % n])
        ]
        back = [
            Action(
                first,
                chunks,
                sources=(before,),
                load=source,
                store=last if ends else work,
                finish=finish and ends,
            )
            for first, chunks in runs(ring[(at - t - 2) % n])
        ]
        steps.append([*out, *back])
    return steps
