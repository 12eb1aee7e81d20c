"""Limits of real time and memory of a run, and the exception that ends one which does not obey them."""

import resource

import msgspec

from kernbench.common.errors import UsageError


class Limits(msgspec.Struct, frozen=True):
    """What a run may take; None is no limit. `memory` is in bytes resident, of all processes of the run together."""

    seconds: float | None = None
    memory: int | None = None


class Overdue(KeyboardInterrupt):  # whatever lets Ctrl-C pass lets this pass too
    """A run was told to stop at its next window and goes on: raised wherever Python is, like a second Ctrl-C."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def resident() -> int:
    """Resident bytes of this process; where the system does not say, the most there ever were."""
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # ten times a second: no path object
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def seconds_of(variable: str, text: str) -> float:
    """The seconds that an environment variable gives."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise UsageError(f"{variable}={text}: expected seconds above 0, such as 30")
    return seconds
