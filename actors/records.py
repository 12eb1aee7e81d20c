"""The directory in which a run leaves its records: made ready before the run, with its tables after it."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from actors.command_server import CommandServer, serve
from actors.control import Hooks, Progress
from kernbench.common.errors import KernbenchError, OutputError
from kernbench.common.messages.island import Command
from kernbench.common.messages.recording import Recording
from kernbench.telemetry.layout import Layout
from kernbench.telemetry.reader import ENDED, LAYOUT, LOCK, RunReader
from kernbench.telemetry.tables import write_tables


class Remote(Hooks):
    """Hooks that also hear the commands of viewers."""

    def __init__(self, hooks: Hooks | None, server: CommandServer | None) -> None:
        self._hooks = hooks or Hooks()
        self._server = server

    def progress(self, progress: Progress) -> None:
        """Pass it on."""
        self._hooks.progress(progress)

    def command(self) -> Command | None:
        """What a viewer asks for first, else what the other hooks want."""
        if self._server is not None and self._server.commands:
            return self._server.commands.popleft()
        return self._hooks.command()


@contextmanager
def recorded(recording: Recording | None, layout: Layout | None, hooks: Hooks | None) -> Iterator[Hooks | None]:
    """Have a run recorded: its layout, a lock that tells that it lives, its socket, and its tables at the end.

    Raises OutputError where the directory cannot be written; tables that cannot be written are only warned of.
    """
    if recording is None or layout is None:
        yield hooks
        return
    directory = Path(recording.directory)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.ftruncate(lock, 0)  # another run may have ended here
        _write(directory / LAYOUT, msgspec.json.encode(layout))
    except OSError as error:
        raise OutputError(f"{directory}: records cannot be written: {error.strerror}; give --no-record") from error
    server = serve(directory)
    try:
        yield Remote(hooks, server)
    finally:
        if server is not None:
            server.close()
        try:
            write_tables(RunReader(directory, layout))
        except (OSError, KernbenchError) as error:
            sys.stderr.write(f"kernbench: warning: tables are not written: {error}\n")
        with suppress(OSError):
            os.write(lock, ENDED)
        with suppress(OSError):
            os.close(lock)  # only now: who sees the lock gone finds all there is


def _write(path: Path, data: bytes) -> None:
    """All of it or nothing."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
