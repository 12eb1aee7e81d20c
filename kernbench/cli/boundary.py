"""The boundary of a command: what escapes becomes one line on stderr, one document with --json and one exit code."""

import errno
import json
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TextIO

import click

import kernbench
from kernbench.cli.terminal import note
from kernbench.common.errors import ExitCode, KernbenchError, SimulationError, TopologyError
from kernbench.common.units import format_time, to_ns

MOST_WAITERS = 8
NOT_WRITTEN = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


class CheckError(KernbenchError):
    """The command did its work and a check of the result failed."""

    exit_code = ExitCode.CHECK_FAILED


class Interrupted(KernbenchError):
    """The user pressed Ctrl-C."""

    exit_code = ExitCode.SIGINT


class Terminated(KernbenchError):
    """Somebody sent SIGTERM."""

    exit_code = ExitCode.SIGTERM


class Concluded(Exception):
    """A command failed (the cause says how) and has a `document` of its own for --json."""

    def __init__(self, document: dict[str, Any]) -> None:
        super().__init__()
        self.document = document


class Status(NamedTuple):
    """How a command ended; `kind` is `ok` or the kind of error, `waiters` one line per waiter of a simulation."""

    exit: int = ExitCode.OK
    kind: str = "ok"
    message: str = ""
    where: str = ""
    sim_time_ns: float | None = None
    waiters: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The status as JSON has it."""
        return {**self._asdict(), "exit": int(self.exit), "waiters": [*self.waiters]}


def guard(call: Callable[[], object], arguments: Sequence[str], ending: Callable[[], object] = lambda: None) -> int:
    """Call, then `ending`, tell what went wrong, return the exit code; a closed stdout ends quietly."""
    try:
        return _attempt(call, arguments, ending)
    except BrokenPipeError:
        _abandon(sys.stdout)
        return ExitCode.CLOSED_STDOUT
    except OSError as error:
        if error.errno not in NOT_WRITTEN:
            raise
        _abandon(sys.stdout)
        _abandon(sys.stderr)  # there is nowhere left to say it
        return ExitCode.OUTPUT


def _attempt(call: Callable[[], object], arguments: Sequence[str], ending: Callable[[], object]) -> int:
    try:
        try:
            call()
        finally:
            ending()
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        note(error.message)
        return ExitCode.USAGE
    except BrokenPipeError:
        raise
    except BaseException as error:
        return _tell(error, arguments)
    return ExitCode.OK


def _abandon(stream: TextIO) -> None:
    """What is still buffered must not fail once more when the process ends."""
    with open(os.devnull, "w") as nowhere:  # noqa: PTH123  # a device, not a file
        os.dup2(nowhere.fileno(), stream.fileno())


def status_of(error: BaseException) -> Status:
    """The status that an error stands for."""
    time = to_ns(error.sim_time_fs) if isinstance(error, KernbenchError) and error.sim_time_fs is not None else None
    if isinstance(error, SimulationError):
        # The waiters are listed apart; a message that repeats them all would be no line to read.
        message = error.message.partition(": " + error.waiters[0])[0] if error.waiters else error.message
        return Status(error.exit_code, _kind(error), message, error.where, time, error.waiters)
    if isinstance(error, KernbenchError):
        return Status(error.exit_code, _kind(error), str(error), error.where, time)
    if isinstance(error, click.ClickException):
        return Status(ExitCode.USAGE, "usage", _words(error))
    if isinstance(error, KeyboardInterrupt):
        return Status(ExitCode.SIGINT, "interrupted", "interrupted")
    if isinstance(error, SystemExit):
        return Status(ExitCode.SIGTERM, "terminated", "terminated")
    if isinstance(error, OSError) and error.errno in NOT_WRITTEN:
        return Status(ExitCode.OUTPUT, "output", f"the output cannot be written: {error.strerror}")
    if isinstance(error.__cause__, (KeyboardInterrupt, SystemExit)):
        return status_of(error.__cause__)  # it struck in a class body; before 3.12 Python makes a RuntimeError of that
    return Status(
        ExitCode.BUG, "bug", f"{type(error).__name__}: {error}; this is a bug in kernbench; --debug shows where"
    )


def failure_document(command: str, status: Status) -> dict[str, Any]:
    """The document of a command that has nothing but its status to say."""
    return {"schema": f"kernbench/{command}/1", "version": kernbench.__version__, "status": status.document()}


def print_json(document: dict[str, Any]) -> None:
    """Print the one document of --json; ASCII, so that no terminal obeys it."""
    click.echo(json.dumps(document, indent=2))


def _tell(error: BaseException, arguments: Sequence[str]) -> int:
    own = None
    if isinstance(error, Concluded):
        assert error.__cause__ is not None
        own, error = error.document, error.__cause__
    status = status_of(error)
    given = _before_dashes(arguments)
    debug = "--debug" in given
    if debug:
        note("".join(traceback.format_exception(error)).rstrip())
    for line in _lines(error, status, debug=debug):
        note(line)
    if isinstance(error, OSError) and error.errno in NOT_WRITTEN:
        _abandon(sys.stdout)
    if "--json" in given:
        command = next((argument for argument in given if not argument.startswith("-")), "error")
        print_json(own or failure_document(command, status))
    return status.exit


def _lines(error: BaseException, status: Status, *, debug: bool) -> list[str]:
    """The error in a line, then source lines and waiters, indented."""
    first, *rest = status.message.splitlines() or [""]
    if isinstance(error, KernbenchError):
        first += _place(error, first)
    lines = [f"kernbench: error: {first}"]
    if isinstance(error, TopologyError):
        return lines + rest
    details = [*rest, *status.waiters]
    shown = details if debug else details[:MOST_WAITERS]
    lines += [f"  {line}" for line in shown]
    if len(shown) < len(details):
        lines.append(f"  and {len(details) - len(shown)} more (--debug shows all)")
    return lines


def _place(error: KernbenchError, said: str) -> str:
    """Where and when, as far as the message does not say it itself."""
    parts = [error.where] if error.where and error.where not in said else []
    if error.sim_time_fs is not None and "of simulated time" not in said:
        parts.append(f"at {format_time(error.sim_time_fs)} of simulated time")
    return f"; {' '.join(parts)}" if parts else ""


def _words(error: click.ClickException) -> str:
    """Click's message in the style of ours."""
    if isinstance(error, click.NoSuchOption):
        near = error.possibilities or []
        hint = f"did you mean {near[0]}?" if near else "--help lists all options"
        return f"unknown option {error.option_name}; {hint}"
    message = " ".join(error.format_message().split()).rstrip(".")
    return message[:1].lower() + message[1:]


def _kind(error: KernbenchError) -> str:
    return type(error).__name__.removesuffix("Error").lower()


def _before_dashes(arguments: Sequence[str]) -> Sequence[str]:
    return arguments[: arguments.index("--")] if "--" in arguments else arguments
