"""Exceptions as data: how an error leaves a process and comes out in the coordinator as the same class."""

import traceback

from kernbench.common import errors
from kernbench.common.errors import KernbenchError, SimulationError
from kernbench.common.messages.island import Failure
from kernbench.common.units import Fs
from kernbench.common.user_line import user_line


def of_device(error: BaseException, sip: int, now: Fs | None = None) -> SimulationError:
    """What a part of SIP `sip` raised, at the line of whoever wrote that part, if it is not one of ours."""
    name = f"sip{sip}"
    where = user_line(error.__traceback__) or name
    return SimulationError(f"{name}: {type(error).__name__}: {error}", where=where, sim_time_fs=now)


def pack(error: BaseException, sip: int) -> Failure:
    """The failure of `sip` (-1: of its whole island) as a message."""
    known = error if isinstance(error, KernbenchError) else None
    details = error if isinstance(error, SimulationError) else None
    message = details.message if details else str(error) if known else f"{type(error).__name__}: {error}"
    return Failure(
        sip,
        _kind(error),
        message,
        known.where if known else "",
        known.sim_time_fs if known else None,
        details.waiters if details else (),
        "".join(traceback.format_exception(error)),
    )


def unpack(failure: Failure) -> KernbenchError:
    """The same error again; the traceback of the other side is its note, which only a printed traceback shows."""
    kind = vars(errors).get(failure.kind, SimulationError)
    if issubclass(kind, SimulationError):
        error: KernbenchError = kind(
            failure.message, where=failure.where, sim_time_fs=failure.sim_time, waiters=failure.waiters
        )
    else:
        error = kind(failure.message)
        error.where, error.sim_time_fs = failure.where, failure.sim_time
    error.add_note(failure.traceback)
    return error


def first(failures: list[Failure]) -> Failure:
    """The one to raise: the earliest in simulated time, then the lowest SIP, whatever process was quicker."""
    return min(failures, key=lambda failure: (failure.sim_time or 0, failure.sip))


def _kind(error: BaseException) -> str:
    for ancestor in type(error).__mro__:
        if ancestor.__module__ == errors.__name__:
            return ancestor.__name__
    return SimulationError.__name__
