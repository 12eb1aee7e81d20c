"""What a replay is at, as phases that nest: a part of the workload, in it the tasks that are under way together."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from heapq import nsmallest

from kernbench.runtime_api.workload.task import Task
from kernbench.telemetry.phase_log import PhaseLog

NAMED, LONGEST, LAST = 3, 60, 20
"""How many tasks a phase names, the most characters of a name and how many of a longer one's end stay, what the task does
among them: files may have any number of any length."""


class Progress:
    """Tells the phases of one rank.

    Tasks that overlap need not nest, so there is no phase for each: one lasts as long as the same tasks are under way and
    is named after all of them, the earliest of the list first. What a task took is the sum of the phases that name it.
    A part lasts until a task of a later one begins; what it leaves behind is named in the phases of that one.
    """

    def __init__(self, log: PhaseLog, tasks: Sequence[Task]) -> None:
        self._log = log
        self._tasks = tasks
        self._furthest = 0
        self._part = ""

    def begin(self, place: int) -> None:
        """A task begins."""
        self._furthest = max(self._furthest, place)
        part = self._tasks[self._furthest].part
        if part != self._part:
            self.end()
            if part:
                self._log.begin(_short(part))
            self._part = part

    def during(self, places: Iterable[int]) -> AbstractContextManager[None]:
        """The phase in which the tasks at `places` are under way, and no task begins or ends."""
        running = [*places]
        names = [
            _short(f"{self._tasks[place].name} {self._tasks[place].action}") for place in nsmallest(NAMED, running)
        ]
        more = [f"{len(running) - NAMED} more"] if len(running) > NAMED else []
        return self._log.phase(" + ".join([*names, *more]))

    def end(self) -> None:
        """The part that lasts ends."""
        if self._part:
            self._log.end()
            self._part = ""


def _short(name: str) -> str:
    """A name as it can be shown anywhere: files may hold what a terminal obeys."""
    if len(name) > LONGEST:
        name = f"{name[: LONGEST - LAST - 1]}~{name[-LAST:]}"
    return name if name.isprintable() else "".join(each if each.isprintable() else "?" for each in name)
