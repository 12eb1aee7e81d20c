"""The table of commands: quick to start, helpful about names, sure of its own packages."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kernbench import __version__
from kernbench.cli import COMMANDS, PACKAGES, execute, group
from kernbench.cli.list import SECTIONS

HEAVY = {"numpy", "textual", "perfetto", "simpy", "pykka", "rich", "greenlet", "yaml", "msgspec", "ml_dtypes"}
ROOT = Path(__file__).parents[2]


def python(*arguments, cwd=None, path=None):
    environment = {**os.environ, **({"PYTHONPATH": str(path)} if path else {})}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )


def test_help_imports_nothing_heavy():
    result = python("-X", "importtime", "-m", "kernbench", "--help")
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines() if "|" in line}
    assert ("click" in imported, imported & HEAVY, result.returncode) == (True, set(), 0)


def test_help_of_run_imports_no_model():
    result = python("-X", "importtime", "-m", "kernbench", "run", "--help")
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in result.stderr.splitlines() if "|" in line}
    assert (imported & (HEAVY - {"msgspec"}), result.returncode) == (set(), 0)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_takes_debug(name, capsys):
    assert execute([name, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: kernbench {name} ")
    command = group.get_command(click.Context(group), name)
    leaves = command.commands.values() if isinstance(command, click.Group) else [command]
    assert [[option.name for option in leaf.params].count("debug") for leaf in leaves] == [1] * len(leaves)


def test_version_of_the_command_and_of_the_module_are_one():
    assert python("-m", "kernbench", "--version").stdout == f"kernbench {__version__}\n"


def test_no_command_at_all_shows_the_help_and_fails(capsys):
    assert (execute([]), "Commands:" in capsys.readouterr().err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["topolgy"], "unknown command 'topolgy'; did you mean 'topology'?"),
        (["validate", "nope"], "unknown command 'nope'; there are: gemm, hbm, link, mesh, nccl"),
        (["topology", "nope"], "unknown command 'nope'; there are: check, draw, schema, show"),
        (["topology", "chek"], "unknown command 'chek'; did you mean 'check'?"),
        (["zzz"], f"unknown command 'zzz'; there are: {', '.join(COMMANDS)}"),
        (["--jsn"], "unknown option --jsn; --help lists all options"),
        (["list", "x"], f"invalid value for '[{'|'.join(SECTIONS)}]': 'x' is not one of {', '.join(map(repr, SECTIONS))}"),
        (["list", "--jsno"], "unknown option --jsno; did you mean --json?"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_one_line_with_the_nearest(arguments, message, capsys):
    assert (execute(arguments), capsys.readouterr().err) == (2, f"kernbench: error: {message}\n")


@pytest.mark.parametrize("name", PACKAGES)
def test_a_foreign_package_of_our_name_is_named_and_not_imported(name, tmp_path):
    foreign = tmp_path / name / "__init__.py"
    foreign.parent.mkdir()
    foreign.write_text("raise SystemExit('imported')\n")
    result = python("-m", "kernbench", "--version", cwd=tmp_path)
    line = (
        f"{foreign} hides kernbench's own package {name!r} ({ROOT / name}); rename it, uninstall it or start kernbench"
    )
    assert (result.returncode, result.stdout, result.stderr) == (
        2, "", f"kernbench: error: {line} in another folder\n",
    )  # fmt: skip


def test_a_folder_of_our_name_that_is_no_package_does_no_harm(tmp_path):
    (tmp_path / "benches").mkdir()
    assert python("-m", "kernbench", "--version", cwd=tmp_path).returncode == 0


def test_the_library_is_at_the_top_and_imported_when_asked_for():
    code = "import sys, kernbench; print('actors' in sys.modules, kernbench.Simulation.__name__, kernbench.Result.__name__)"
    assert python("-c", code).stdout == "False Simulation Result\n"
