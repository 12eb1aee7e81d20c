"""Which task of a rank is next: those before it are done, and its lane is free and has come to it."""

from collections import Counter, deque
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.workload.task import BARRIER, COMPUTE, RECEIVE, SEND, Task

LANES = {**dict.fromkeys((*KINDS, BARRIER), "collective"), SEND: SEND, RECEIVE: RECEIVE, COMPUTE: COMPUTE}
"""Tasks of a lane begin in order of the list, so that ranks meet; a task of another kind begins when it can."""


class Agenda:
    """Hands out the places of tasks. `depth` is how many of a lane are under way at once."""

    def __init__(self, tasks: Sequence[Task], depth: int) -> None:
        self._depth = depth
        self._lane_of = [LANES.get(task.action) for task in tasks]
        self._missing = [len(task.after) for task in tasks]
        self._behind: list[list[int]] = [[] for _ in tasks]
        self._lanes: dict[str, deque[int]] = {}
        for place, task in enumerate(tasks):
            for other in task.after:
                self._behind[other].append(place)
            if (lane := self._lane_of[place]) is not None:
                self._lanes.setdefault(lane, deque()).append(place)
        self._begun: Counter[str | None] = Counter()
        self._free = [place for place in range(len(tasks)) if self._lane_of[place] is None and not self._missing[place]]
        heapify(self._free)

    def begin(self) -> int | None:
        """The earliest task that can begin now, which it then has; None if there is none."""
        heads = [
            queue[0]
            for lane, queue in self._lanes.items()
            if queue and not self._missing[queue[0]] and self._begun[lane] < self._depth
        ]
        place = min([*heads, *self._free[:1]], default=None)
        if place is None:
            return None
        lane = self._lane_of[place]
        self._begun[lane] += 1
        if lane is None:
            heappop(self._free)
        else:
            self._lanes[lane].popleft()
        return place

    def end(self, place: int) -> None:
        """A task is done: its lane can take another, and others may have waited for it."""
        self._begun[self._lane_of[place]] -= 1
        for other in self._behind[place]:
            self._missing[other] -= 1
            if not self._missing[other] and self._lane_of[other] is None:
                heappush(self._free, other)
