"""What a replay took: a row for all of it, then one for each kind of task and size."""

from collections import Counter
from collections.abc import Iterator

import msgspec

from kernbench.common.units import Fs
from kernbench.runtime_api.collectives.kinds import KINDS
from kernbench.runtime_api.row import Row
from kernbench.runtime_api.workload.span import Span, length, outside
from kernbench.runtime_api.workload.task import BARRIER, COMPUTE, NOTHING, RECEIVE, SEND, Task, Workload

Key = tuple[str, int, int]
"""Action, bytes as nccl-tests counts them, ranks of the group; compute and host tasks are one kind whatever they take."""


class Ran(msgspec.Struct, frozen=True):
    """A task that ended: device times, what host and control added, queueing and overlap of its launch (fs)."""

    task: Task
    start: Fs
    end: Fs
    launch: Fs = 0
    queued: Fs = 0
    overlap: Fs = 0


class Tally:
    """Makes the rows of a rank; every rank has the same rows in the same order, whatever it did itself."""

    def __init__(self, workload: Workload, itemsize: int) -> None:
        self._workload = workload
        self._itemsize = itemsize
        self._counts = [
            Counter(self._key(task) for task in tasks if task.action != NOTHING) for tasks in workload.ranks
        ]

    def rows(self, began: Fs, ran: list[Ran]) -> Iterator[Row]:
        """The rows, times counted from `began`, when all ranks began."""
        spans: dict[str, list[Span]] = {"compute": [], "communication": []}
        by_key: dict[Key, list[Ran]] = {}
        for each in ran:
            by_key.setdefault(self._key(each.task), []).append(each)
            if (sort := _sort(each.task.action)) is not None:
                spans[sort].append((each.start, each.end))
        columns = {
            "task": "all",
            "size_bytes": None,
            "ranks": len(self._workload.ranks),
            "tasks": max((sum(count.values()) for count in self._counts), default=0),
            "compute_fs": length(spans["compute"]),
            "communication_fs": length(spans["communication"]),
            "exposed_fs": outside(spans["communication"], spans["compute"]),
        }
        yield Row(columns, began, max((each.end for each in ran), default=began))
        for key in dict.fromkeys(key for count in self._counts for key in count):
            yield self._row(key, began, by_key.get(key, []))

    def _row(self, key: Key, began: Fs, ran: list[Ran]) -> Row:
        action, size, ranks = key
        columns: dict[str, object] = {
            "task": action,
            "size_bytes": size or None,
            "ranks": ranks or None,
            "tasks": max(count[key] for count in self._counts),
        }
        if action in KINDS:
            columns["bus_factor"] = list(KINDS[action].bus(ranks)) if ranks > 1 else [1, 1]
        if all(count[key] == 1 for count in self._counts):
            (one,) = ran
            return Row(columns, one.start, one.end, launch=one.launch, queued=one.queued, overlap=one.overlap)
        several = max(len(ran), 1)
        mean = sum(each.end - each.start for each in ran) // several
        return Row(
            columns,
            began,
            began + mean,
            launch=sum(each.launch for each in ran) // several,
            queued=sum(each.queued for each in ran) // several,
            overlap=sum(each.overlap for each in ran) // several,
        )

    def _key(self, task: Task) -> Key:
        action = task.action
        if action in KINDS:
            ranks = len(self._workload.groups.get(task.group, self._workload.ranks))
            return action, counted(task, ranks, self._itemsize) * self._itemsize, ranks
        if action == BARRIER:
            return action, 0, len(self._workload.groups.get(task.group, self._workload.ranks))
        return action, task.size if action != COMPUTE else 0, 0


def counted(task: Task, ranks: int, itemsize: int) -> int:
    """The elements of a collective as nccl-tests counts them, all blocks of a blocked one: whole ones, at least one each."""
    described = KINDS[task.action]
    if not described.blocked:
        return -(-task.size // itemsize)
    block = task.size if described.inputs == "one" else -(-task.size // ranks)
    return -(-block // itemsize) * ranks


def _sort(action: str) -> str | None:
    """What a task is to the overlap of computation and communication."""
    if action == COMPUTE:
        return "compute"
    return "communication" if action in KINDS or action in (BARRIER, SEND, RECEIVE) else None
