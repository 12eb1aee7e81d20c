"""What a transport is: it runs one island per block of SIPs somewhere and brings their outcomes back."""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

from actors.control import Control
from kernbench.common.messages.island import Command, Job, Outcome, WindowFrame
from kernbench.common.units import FS_PER_NS, Fs

WAIT_S = 0.05
"""How long a gate that holds a run may wait before it looks again."""

COORDINATOR = 2**32 - 1
"""The coordinator as the source of a frame; islands are 0, 1, 2, ..."""


class Transport(Protocol):
    """Runs the islands of a job.

    `run` returns one outcome per block, in order, and leaves nothing behind whatever happens; it raises WorkerError
    when an island is lost and KeyboardInterrupt when the user insists.
    """

    def run(self, job: Job, blocks: list[list[int]], control: Control) -> list[Outcome]:
        """Build the devices, run windows until all islands have ended."""


class Peers(Protocol):
    """The other islands, seen from one of them."""

    def exchange(self, frames: Sequence[WindowFrame]) -> Sequence[WindowFrame]:
        """Give each other island its frame and return theirs for the same window, both in island order."""


class Gate:
    """Where island 0 asks before each window whether to go on; a pause is waited out here, so all others wait too.

    `receive` gives the next command, `wait` returns after a moment or when one may be there. What a step and a limit of
    speed are measured by, phases that have ended and simulated time, `watch` sets. `idle` is called before each wait.
    """

    def __init__(self, receive: Callable[[], Command | None], wait: Callable[[], object]) -> None:
        self._receive = receive
        self._wait = wait
        self._sim_time: Callable[[], Fs] = lambda: 0
        self._phases: Callable[[], int] = lambda: 0
        self._until: int | None = None
        self._speed = 0
        self._since: tuple[float, Fs] = (0.0, 0)
        self.paused = False
        self.idle: Callable[[], object] = lambda: None

    def watch(self, sim_time: Callable[[], Fs], phases: Callable[[], int]) -> None:
        """Measure by these."""
        self._sim_time, self._phases = sim_time, phases

    def why_stop(self) -> str:
        """Why the run is to stop at this window, or an empty string."""
        if self._until is not None and self._phases() >= self._until:
            self._until, self.paused = None, True
        while True:
            command = self._receive()
            if command is None:
                if not self.paused and self._ahead_s() <= 0:
                    return ""
                self.idle()
                self._wait()
            elif command.action == "stop":
                return command.reason
            elif self._obey(command):
                return ""

    def _obey(self, command: Command) -> bool:
        """Act on a command; whether this window runs whatever else holds."""
        if command.action == "speed":
            self._speed = command.amount
        else:
            self._until = self._phases() + 1 if command.action == "step" and command.reason == "phase" else None
            self.paused = command.action != "resume" and self._until is None
        self._since = time.monotonic(), self._sim_time()
        return command.action == "step"

    def _ahead_s(self) -> float:
        """Real seconds by which the run is ahead of the limit of its speed."""
        if not self._speed:
            return 0.0
        begin, first = self._since
        return (self._sim_time() - first) / (self._speed * FS_PER_NS) - (time.monotonic() - begin)
