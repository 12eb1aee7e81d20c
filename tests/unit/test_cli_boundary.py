"""What escapes a command becomes one line, one document and one exit code."""

import errno
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from kernbench import __version__
from kernbench.cli.boundary import CheckError, Concluded, Interrupted, Terminated, guard, status_of
from kernbench.cli.terminal import printable
from kernbench.common import errors
from kernbench.common.errors import ExitCode


def fails_with(error, capsys, *arguments):
    def call():
        raise error

    code = guard(call, arguments)
    out, err = capsys.readouterr()
    return code, out, err


def simulation_error(kind, waiters=()):
    return kind("it broke", where="sip1.io.cpu", sim_time_fs=2_500_000, waiters=waiters)


CODES = {
    CheckError("3 elements are wrong"): ExitCode.CHECK_FAILED,
    errors.UsageError("--sips 0: expected 1 to 64"): ExitCode.USAGE,
    errors.TopologyError("a.yaml:1:2 sips: expected"): ExitCode.USAGE,
    click.UsageError("Odd."): ExitCode.USAGE,
    errors.LimitError("timeout: stopped"): ExitCode.LIMIT,
    errors.OutputError("--out x: cannot be written"): ExitCode.OUTPUT,
    OSError(errno.EIO, "Input/output error"): ExitCode.OUTPUT,
    ValueError("what"): ExitCode.BUG,
    errors.KernbenchError("never raised as such"): ExitCode.BUG,
    KeyboardInterrupt(): ExitCode.SIGINT,
    Interrupted("interrupt: stopped"): ExitCode.SIGINT,
    SystemExit(143): ExitCode.SIGTERM,
    Terminated("terminated: stopped"): ExitCode.SIGTERM,
    **{
        simulation_error(each): ExitCode.SIMULATION
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, errors.SimulationError)
    },
}


@pytest.mark.parametrize(("error", "code"), CODES.items(), ids=lambda value: type(value).__name__)
def test_every_error_has_its_exit_code(error, code):
    assert status_of(error).exit == code


def test_every_exit_code_is_reached_by_an_error_or_by_the_boundary_itself():
    assert {*CODES.values(), ExitCode.OK, ExitCode.CLOSED_STDOUT} == set(ExitCode)


def test_the_codes_of_signals_are_those_of_a_shell():
    assert (ExitCode.SIGINT, ExitCode.SIGTERM, ExitCode.CLOSED_STDOUT) == (
        128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGPIPE,
    )  # fmt: skip


def test_success_says_nothing(capsys):
    assert (guard(lambda: None, []), capsys.readouterr()) == (0, ("", ""))


def test_an_error_is_one_line(capsys):
    assert fails_with(errors.UsageError("--sips 0: expected 1 to 64"), capsys) == (
        2, "", "kernbench: error: --sips 0: expected 1 to 64\n",
    )  # fmt: skip


def test_a_topology_error_keeps_its_source_line_and_caret(capsys):
    text = "a.yaml:1:7 sips: expected at least 1, got 0\n  sips: 0\n        ^"
    assert fails_with(errors.TopologyError(text), capsys)[2] == f"kernbench: error: {text}\n"


def test_a_simulation_error_says_where_and_when_unless_its_message_does(capsys):
    said = fails_with(simulation_error(errors.RankError), capsys)[2]
    silent = fails_with(
        errors.WorkerError("worker 1 was killed at 3 ns of simulated time", where="worker 1", sim_time_fs=3), capsys
    )[2]
    assert (said, silent) == (
        "kernbench: error: it broke; sip1.io.cpu at 2.5 ns of simulated time\n",
        "kernbench: error: worker 1 was killed at 3 ns of simulated time\n",
    )


def test_waiters_are_lines_of_their_own_and_at_most_eight(capsys):
    waiters = tuple(f"sip{index}: waits" for index in range(10))
    error = errors.DeadlockError(f"deadlock at 0 ns of simulated time: stuck: {'; '.join(waiters)}", waiters=waiters)
    lines = fails_with(error, capsys)[2].splitlines()
    assert lines == [
        "kernbench: error: deadlock at 0 ns of simulated time: stuck",
        *(f"  {line}" for line in waiters[:8]),
        "  and 2 more (--debug shows all)",
    ]


def test_debug_shows_the_traceback_and_all_waiters(capsys):
    waiters = tuple(f"sip{index}: waits" for index in range(10))
    err = fails_with(simulation_error(errors.DeadlockError, waiters), capsys, "run", "--debug")[2]
    assert ("Traceback (most recent call last)" in err, "sip9: waits" in err, "more" in err) == (True, True, False)


def test_a_bug_asks_for_debug_and_shows_no_traceback(capsys):
    assert fails_with(ValueError("what"), capsys) == (
        70, "", "kernbench: error: ValueError: what; this is a bug in kernbench; --debug shows where\n",
    )  # fmt: skip


def test_text_from_a_file_cannot_control_the_terminal_or_be_markup(capsys):
    err = fails_with(errors.RankError("[red]\x1b[31mboo\x07\u202e\x9b[/red]"), capsys)[2]
    assert err == "kernbench: error: [red]?[31mboo???[/red]\n"


def test_printable_text_keeps_its_line_ends():
    assert printable("a\n\tb\r") == "a\n?b?"


def test_with_json_a_failure_is_one_document_too(capsys):
    code, out, err = fails_with(errors.UsageError("no"), capsys, "run", "--json")
    assert (code, err, json.loads(out)) == (
        2,
        "kernbench: error: no\n",
        {
            "schema": "kernbench/run/1",
            "version": __version__,
            "status": {"exit": 2, "kind": "usage", "message": "no", "where": "", "sim_time_ns": None, "waiters": []},
        },
    )


def test_a_command_may_bring_a_document_of_its_own(capsys):
    error = Concluded({"mine": 1})
    error.__cause__ = errors.LimitError("enough")
    code, out, err = fails_with(error, capsys, "run", "--json")
    assert (code, json.loads(out), err) == (4, {"mine": 1}, "kernbench: error: enough\n")


def test_json_after_two_dashes_is_no_option(capsys):
    assert fails_with(errors.UsageError("no"), capsys, "run", "--", "--json")[1] == ""


@pytest.mark.parametrize(
    ("error", "kind"),
    [(CheckError(""), "check"), (errors.DeadlockError(""), "deadlock"), (errors.TopologyError(""), "topology"),
     (KeyboardInterrupt(), "interrupted"), (Interrupted(""), "interrupted"), (SystemExit(143), "terminated")],
)  # fmt: skip
def test_the_kind_is_a_word(error, kind):
    assert status_of(error).kind == kind


def test_an_interruption_that_python_made_a_failure_of_is_one():
    class Struck:
        def __set_name__(self, owner, name):
            raise KeyboardInterrupt

    with pytest.raises((RuntimeError, KeyboardInterrupt)) as caught:
        type("Owner", (), {"attribute": Struck()})
    assert status_of(caught.value).kind == "interrupted"


SCRIPT = """
import sys
from pathlib import Path
from kernbench.cli.boundary import guard
from kernbench.cli.terminal import say
def call():
    for number in range(100000):
        say(str(number))
sys.exit(guard(call, []))
"""


def test_a_closed_stdout_ends_quietly():
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        err = process.stderr.read()
    assert (process.returncode, err) == (141, b"")


def test_a_full_disk_under_stdout_is_an_output_that_cannot_be_written():
    with Path("/dev/full").open("w") as full:
        process = subprocess.run([sys.executable, "-c", SCRIPT], stdout=full, stderr=subprocess.PIPE, check=False)
    assert (process.returncode, process.stderr) == (
        5, b"kernbench: error: the output cannot be written: No space left on device\n",
    )  # fmt: skip


def test_kinds_are_documented_in_the_schema():
    from importlib.resources import files

    schema = json.loads((files("kernbench") / "data" / "run.schema.json").read_text())
    text = schema["$defs"]["status"]["properties"]["kind"]["description"]
    words = set(re.findall(r"\w+", text))
    assert {status_of(error).kind for error in CODES} - {"kernbench"} <= words
    assert schema["$defs"]["status"]["properties"]["exit"]["enum"] == sorted(map(int, ExitCode))
