"""`--algo auto`: the algorithm with the shortest closed form, for each collective and size."""

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from kernbench.common.units import Fs
from kernbench.runtime_api.collectives import ALGORITHMS, algorithm
from kernbench.runtime_api.collectives.closed_form import closed_form
from kernbench.runtime_api.group import Group
from kernbench.runtime_api.rank import Machine
from kernbench.triton_emu.jit import JitFunction

_estimates: WeakKeyDictionary[Machine, dict[tuple[Any, ...], Fs]] = WeakKeyDictionary()
"""Closed forms by machine and what is moved among whom: all ranks of a process ask for the same ones."""


def candidates(group: Group, kind: str) -> list[str]:
    """The algorithms that offer a collective; `hierarchical` only where ranks have several members."""
    return [
        name
        for name in ALGORITHMS
        if hasattr(algorithm(name), kind) and (name != "hierarchical" or group.team.local > 1)
    ]


def estimate(group: Group, algo: str, kind: str, count: int, itemsize: int) -> Fs:
    """The closed form of a collective of `count` elements a block; 0 for a kernel of a user's own and for one member."""
    if group.team.size == 1 or isinstance(getattr(algorithm(algo), kind, None), JitFunction):
        return 0
    names, slots = group.names(), group.cut(kind, algo, 1, itemsize)[1]
    key = (algo, kind, count, itemsize, slots.slots, slots.slot_bytes, group.channels, *names)
    known = _estimates.setdefault(group.machine, {})
    if key not in known:
        known[key] = closed_form(
            group.machine,
            lambda each: group.cut(kind, algo, max(each, 1), itemsize),
            count,
            itemsize,
            names,
            group.channels,
        )
    return known[key]


def choose(group: Group, kind: str, count: int, itemsize: int) -> str:
    """The algorithm with the shortest closed form, of equal ones the first of the table."""
    if group.team.size == 1:
        return next(iter(ALGORITHMS))
    return min(candidates(group, kind), key=lambda algo: estimate(group, algo, kind, count, itemsize))


def crossovers(group: Group, kind: str, itemsize: int, most: int) -> Iterator[tuple[int, str]]:
    """(bytes of a block, algorithm) wherever doubling sizes up to `most` make another algorithm the best."""
    last = ""
    size = itemsize
    while size <= most:
        best = choose(group, kind, size // itemsize, itemsize)
        if best != last:
            yield size, best
        last = best
        size *= 2
