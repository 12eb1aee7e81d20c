"""What a transport is: it runs one island per block of SIPs somewhere and brings their outcomes back."""

from collections.abc import Callable, Sequence
from typing import Protocol

from actors.control import Control
from kernbench.common.messages.island import Command, Job, Outcome, WindowFrame

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
    """Where island 0 asks before each window whether to go on; a pause is waited out here, so all others wait too."""

    def __init__(self, receive: Callable[[], Command | None], wait: Callable[[], None]) -> None:
        self._receive = receive
        self._wait = wait
        self._paused = False

    def why_stop(self) -> str:
        """Why the run is to stop at this window, or an empty string."""
        while True:
            command = self._receive()
            if command is None:
                if not self._paused:
                    return ""
                self._wait()
            elif command.action == "stop":
                return command.reason
            else:
                self._paused = command.action != "resume"
                if command.action == "step":
                    return ""
