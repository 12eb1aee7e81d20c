"""`kernbench monitor`: watch a run that goes on, or replay one that is over."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernbench.cli.run_choice import find_run
from kernbench.cli.signals import Held
from kernbench.common.errors import UsageError
from tui.left import Left

if TYPE_CHECKING:
    from tui.app import Monitor


@click.command(short_help="Watch a run, live or recorded.")
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--ascii", "in_ascii", is_flag=True, help="Draw with ASCII characters alone.")
def command(**given: Any) -> None:
    """Show RUN, a path or the beginning of a run's name, on the whole terminal; without it the latest run. ? has help."""
    directory = find_run(given["run"])
    if not has_terminal():
        raise UsageError("monitor: there is no terminal to draw on; `kernbench report` prints what a run left behind")
    watch(directory, in_ascii=given["in_ascii"])


def has_terminal() -> bool:
    """Whether there is a terminal to draw on, which is what Textual uses stderr for, and to read keys from.

    One that calls itself dumb, an editor's shell say, shows what moves a cursor as text.
    """
    return os.environ.get("TERM") not in ("dumb", "unknown") and all(
        stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)
    )


def watch(directory: Path, *, in_ascii: bool) -> Left:
    """Show the run of a directory until the user leaves; how he left it.

    A failure is raised when the terminal is back. A signal, too, does what signals do only then: one that raised wherever
    it strikes could leave the terminal half taken or half given back, or become another error in an import.
    """
    held = Held()
    try:
        with held:
            return _monitor(directory, in_ascii=in_ascii).show(lambda: held.number != 0)
    finally:
        held.deliver()


def _monitor(directory: Path, *, in_ascii: bool) -> "Monitor":
    from kernbench.telemetry.commands import send_command
    from kernbench.telemetry.reader import RunReader
    from tui.app import Monitor
    from tui.feeder import Feeder
    from tui.glyphs import ASCII, UNICODE

    def send(action: str, argument: str, amount: int) -> str:
        return send_command(directory, action, argument, amount)

    def open_run(name: str) -> RunReader:
        reader = RunReader(find_run(name or None))
        assert reader.layout is not None
        return reader

    return Monitor(Feeder(RunReader(directory)), ASCII if in_ascii else UNICODE, send, open_run)
