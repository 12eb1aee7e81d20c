"""The command line: one table of commands, each imported when it is named."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn

import click

import kernbench
from kernbench.cli.boundary import guard
from kernbench.cli.command_group import CommandGroup
from kernbench.cli.signals import Signals
from kernbench.common.errors import UsageError

COMMANDS = {
    "run": "kernbench.cli.run:command",
    "monitor": "kernbench.cli.monitor:command",
    "sweep": "kernbench.cli.sweep:command",
    "report": "kernbench.cli.report:command",
    "trace": "kernbench.cli.trace:command",
    "probe": "kernbench.cli.probe:command",
    "list": "kernbench.cli.list:command",
    "topology": "kernbench.cli.topology:command",
    "validate": "kernbench.cli.validate:command",
}
"""A new command is a file and a line here. A command's file imports click and the standard library at its top, no more."""

PACKAGES = ("actors", "tui", "benches")
"""Our packages besides kernbench; other distributions use these names too."""
ENGINE = "kernbench.sim_engine.link"
"""A module of what `make native` compiles."""


class Commands(CommandGroup):
    """The group of all commands; each also takes --debug, which the boundary reads."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        """Name the commands in the order of the table."""
        return [*COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  # click's signature
        """Import a command."""
        target = COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, _, attribute = target.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        _add_debug(command)
        return command


def _tell_version(context: click.Context, _option: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        spec = find_spec(ENGINE)
        compiled = spec is not None and not str(spec.origin).endswith(".py")
        click.echo(f"kernbench {kernbench.__version__}{', compiled engine' if compiled else ''}")
        context.exit()


@click.group(cls=Commands)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def group() -> None:
    """Simulate a multi-device AI accelerator: values and time of kernels and collectives."""


def main() -> NoReturn:
    """Run the command line of this process and exit with its code."""
    _keep_standard_streams()
    signals = Signals()
    signals.listen()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the terminal cannot show is no reason to fail
    sys.exit(execute(sys.argv[1:], signals.end))


def _keep_standard_streams() -> None:
    """Where one was closed (`2>&-`) nothing is: else the next file or socket took its number, and its output too."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # workers too


def execute(arguments: Sequence[str], ending: Callable[[], object] = lambda: None) -> int:
    """Run one command; whatever happens is told on stderr, after a call of `ending`, and is the exit code."""
    return guard(lambda: _invoke([*arguments]), arguments, ending)


def _invoke(arguments: list[str]) -> None:
    check_packages()
    with group.make_context("kernbench", arguments) as context:
        group.invoke(context)


def check_packages() -> None:
    """Refuse to start when Python finds foreign packages of our names; nothing of them is imported."""
    home = Path(__file__).resolve().parents[2]
    for name in PACKAGES:
        spec = find_spec(name)
        origin = None if spec is None else spec.origin
        if origin is None:
            raise UsageError(
                f"the package {name!r} of kernbench is missing beside {home / 'kernbench'}; reinstall kernbench"
            )
        if Path(origin).resolve() != home / name / "__init__.py":
            raise UsageError(
                f"{origin} hides kernbench's own package {name!r} ({home / name}); "
                "rename it, uninstall it or start kernbench in another folder"
            )


def _add_debug(command: click.Command) -> None:
    if isinstance(command, click.Group):
        for each in command.commands.values():
            _add_debug(each)
    elif not any(parameter.name == "debug" for parameter in command.params):
        command.params.append(
            click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks and every waiter.")
        )
