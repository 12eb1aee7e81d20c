"""A task: one thing that a rank does in a replay, and what it comes after."""

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.units import Fs, parse_time

COMPUTE, HOST, LOAD, STORE, SEND, RECEIVE, NOTHING = "compute", "host", "load", "store", "send", "recv", "nothing"
BARRIER = "barrier"
"""Actions besides the collectives, which have torch's names."""

UNITS = ("ns", "us", "ms")
MOST_TIME = 3600 * 10**15
"""An hour, in fs: longer than any kernel, and far from where whole numbers of 64 bits end."""


class Task(msgspec.Struct, frozen=True, gc=False):
    """`action` on `size` bytes or for `time` (fs), after the tasks at places `after` of the rank's list, all earlier.

    The size of a collective is what one rank puts in. A compute task without a time does `operations` on `size` bytes,
    and the machine says how long that is. `group` names its ranks, "" all of them; `peer` is the rank of the
    world at the other end of a message or the root of a collective. `name` is for people, and so is `part`, which is what a
    run of tasks in the list belongs to, a pass over a layer, if to anything. Messages of one way are told apart by `tag`.
    """

    name: str
    action: str
    after: tuple[int, ...] = ()
    size: int = 0
    time: Fs = 0
    operations: int = 0
    group: str = ""
    peer: int = 0
    tag: int = 0
    part: str = ""


class Workload(msgspec.Struct, frozen=True):
    """The tasks of every rank, the ranks of every group, and what a reader wants to say about it, a line each."""

    ranks: tuple[tuple[Task, ...], ...]
    groups: Mapping[str, tuple[int, ...]]
    notes: tuple[str, ...] = ()


def in_order(after: Sequence[Iterable[int]]) -> list[int]:
    """The places so that each comes behind those it depends on, else as they are; a cycle's are left out."""
    missing = [len(set(each)) for each in after]
    before: list[list[int]] = [[] for _ in after]
    for place, each in enumerate(after):
        for other in set(each):
            before[other].append(place)
    ready = [place for place, count in enumerate(missing) if not count]
    heapify(ready)
    order: list[int] = []
    while ready:
        place = heappop(ready)
        order.append(place)
        for other in before[place]:
            missing[other] -= 1
            if not missing[other]:
                heappush(ready, other)
    return order


def unit_of(text: str) -> Fs:
    """The unit of compute times, in fs."""
    if text not in UNITS:
        raise UsageError(f"--compute-unit {text}: expected one of {', '.join(UNITS)}")
    return parse_time(f"1{text}")
