"""Errors that a user can act on, each with the exit code that the command line gives it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The one table of exit codes: command line, docs and tests read it here."""

    OK = 0
    CHECK_FAILED = 1
    USAGE = 2
    SIMULATION = 3
    LIMIT = 4
    OUTPUT = 5
    BUG = 70
    SIGINT = 130
    CLOSED_STDOUT = 141
    SIGTERM = 143


class KernbenchError(Exception):
    """Base of all errors that name a place, a value and a remedy; anything else that escapes is a bug.

    `where` is the dotted name of the place or a source line, `sim_time_fs` the simulated time there, if there is one.
    """

    exit_code = ExitCode.BUG
    where: str = ""
    sim_time_fs: int | None = None


class UsageError(KernbenchError):
    """What the user typed or wrote cannot be used: an option, a file, an argument; a rank's host adds where and when."""

    exit_code = ExitCode.USAGE


class TopologyError(UsageError):
    """A topology that cannot be built; the text begins with file:line:column and the dotted key where known."""


class SimulationError(KernbenchError):
    """The simulation could not go on or cannot be trusted; `waiters` has one line per waiter.

    `reports` are those of the SIPs up to there, encoded; none where the SIPs cannot be asked or believed.
    """

    exit_code = ExitCode.SIMULATION
    reports: tuple[bytes, ...] = ()

    def __init__(
        self, message: str, *, where: str = "", sim_time_fs: int | None = None, waiters: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.sim_time_fs = sim_time_fs
        self.waiters = waiters


class DeadlockError(SimulationError):
    """Nothing can happen any more and somebody still waits."""


class CausalityError(SimulationError):
    """A message reached a SIP in its past: the synchronisation protocol is broken."""


class AuditError(SimulationError):
    """The run ended but its books do not balance."""


class KernelError(SimulationError):
    """A user's kernel did something that the device cannot do; `where` is the source line."""


class RankError(SimulationError):
    """A rank's host program raised."""


class WorkerError(SimulationError):
    """A worker process died, hung or spoke nonsense."""


class LimitError(KernbenchError):
    """A limit that the user set was reached; what is complete is kept."""

    exit_code = ExitCode.LIMIT


class OutputError(KernbenchError):
    """A result could not be written."""

    exit_code = ExitCode.OUTPUT
