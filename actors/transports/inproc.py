"""All SIPs in this process: one island, no child, no frame."""

import time
from collections.abc import Sequence

from actors.control import Control
from actors.island import Island
from actors.limits import Overdue
from actors.publisher import published
from actors.transports.base import WAIT_S, Gate
from kernbench.common.messages.island import Command, Job, Outcome, WindowFrame

POLL_S = 0.05
"""How often, at most, a window boundary looks for commands and reports progress."""


class NoPeers:
    """The other islands where there are none."""

    def exchange(self, frames: Sequence[WindowFrame]) -> Sequence[WindowFrame]:
        """Nobody to hear from."""
        return frames


class InProcess:
    """Runs all blocks as one island in the caller's process and thread."""

    def run(self, job: Job, blocks: list[list[int]], control: Control) -> list[Outcome]:
        """Build the devices and run them; an exception of a factory leaves as it is.

        A program that does not obey a limit is torn from where it is, and what is complete until then is kept.
        """
        island = Island(job, 0, [[sip for block in blocks for sip in block]])
        try:
            lookaheads = island.build()
            gate = polled_gate(island, control)
            with published(island, job, 0, gate):
                try:
                    return [island.run(lookaheads, NoPeers(), gate)]
                except Overdue as overdue:
                    control.settle()
                    outcome = island.cut_short(overdue.reason)
                    if outcome.failures:
                        raise
                    return [outcome]
        finally:
            control.settle()
            island.close()


def polled_gate(island: Island, control: Control) -> Gate:
    """The gate of an island that shares its process with the coordinator."""
    due = 0.0

    def receive() -> Command | None:
        nonlocal due
        now = time.monotonic()
        if now < due:
            return None
        command = control.poll()
        if command is None:  # else there may be more
            due = now + POLL_S
            control.report(island.windows, island.events, island.sim_time)
        elif command.action == "stop":
            control.settle()
        return command

    return Gate(receive, lambda: time.sleep(WAIT_S))
