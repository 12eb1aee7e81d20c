"""Command lines that nobody meant: each ends with a documented exit code, in words of ours, and leaves JSON whole."""

import json
import os
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from kernbench.cli import execute
from kernbench.common.errors import ExitCode

MANY = settings(max_examples=settings().max_examples)
FEW = settings(max_examples=settings().max_examples // 8)
DOCUMENTED = set(ExitCode) - {ExitCode.BUG}
BOUNDED = ["--max-events", "400", "--timeout", "10s", "--set", "sip.cube_mesh=1x1", "--set", "sip.cube.pes=1"]
"""What keeps a command that does something quick; the words drawn come before it."""
SHORT = {
    "probe": ["--case", "kernel-launch", "--set", "sip.cube_mesh=1x1"],
    "sweep": ["--sips", "2", *BOUNDED],
    "validate": ["--list"],
    "validate gemm": [],
    "validate nccl": ["--simulate", "none"],
    "validate hbm": ["--refreshes", "1"],
    "validate link": ["--packets", "200"],
    "validate mesh": ["--packets", "200"],
}
"""What keeps the others quick."""
VALUES = ["", "0", "-1", "1", "2", "64", "65", "1e9", "nan", "9" * 30, "1e99999999", "1KiB", "4KiB", "-4KiB", "10s", "auto", "all", "٣",
          "x", "=", "a=b", "sips=2", "sip:0", "sip:9", "sip:-1", "--", "-", "\x1b[31m", "../..", "/dev/null",
          "/proc/self/mem", "nowhere.yaml", "nowhere.py:bench", "on", "off", "\udc80", "💥", "busbw<1", "1+1", "__import__"]  # fmt: skip
WORDS = {
    "run": ["allreduce", "sendrecv", "--bench", "--sips", "--workers", "--transport", "--topology", "--set", "--device",
            "--values", "--seed", "--emulate", "--poison", "--timeout", "--max-events", "--max-memory", "--no-record",
            "--perfetto", "--size", "-b", "-e", "-f", "--dtype", "--op", "--algo", "--channels", "--iters", "--json"],
    "report": ["--diff", "--fail-if", "--html", "--csv", "--json", "latest"],
    "monitor": ["--ascii", "latest"],
    "trace": ["-o", "latest", "--json"],
    "probe": ["--topology", "--set", "--case", "kernel-launch", "--list", "--size", "--route", "--sensitivity", "--json"],
    "list": ["benches", "algos", "kinds", "cases", "tl", "--json"],
    "topology": ["check", "show", "schema", "--set", "--topology", "--json"],
    "sweep": ["allreduce", "sendrecv", "--set", "seed=1", "fabric.bw_gbs=50", "fabric.bw_gbs=50,50", "--jobs", "--pareto",
              "sim_time_ns,time_ns", "--topology", "--size", "--tui", "--perfetto", "--record", "--json"],
    "validate": ["--only", "zero-load", "--list", "--mnk", "1,2,3", "--array", "--flow",
                 "--shapes", "--mesh", "--flits", "--traffic", "--rate", "--buffer", "--pattern", "--refreshes", "--json"],
    "": ["--version", "--help", "-h", "rnu", "--debug"],
}  # fmt: skip
TEXT = st.text(st.characters(exclude_characters="\0"), max_size=6)
QUICK = ["report", "monitor", "trace", "list", "topology", ""]


def words_of(command):
    return st.lists(st.sampled_from(WORDS[command]) | st.sampled_from(VALUES) | TEXT, max_size=6)


def lines(commands):
    return st.sampled_from(commands).flatmap(
        lambda command: words_of(command).map(lambda words: [*filter(None, [command]), *words])
    )


def run(line):
    """The exit code and what was printed, in a folder of its own."""
    out, err = StringIO(), StringIO()
    with tempfile.TemporaryDirectory() as folder, chdir(folder), redirect_stdout(out), redirect_stderr(err):
        code = execute(line)
    assert code in DOCUMENTED, f"{code}: {err.getvalue()}"
    assert "--debug" in line or "Traceback" not in err.getvalue()
    assert "\x1b" not in err.getvalue()
    return code, out.getvalue(), err.getvalue()


def check(line):
    code, out, err = run(line)
    before = line[: line.index("--")] if "--" in line else line
    # Behind an option it may be that one's value.
    asked = [at for at, word in enumerate(before) if word == "--json" and not before[at - 1].startswith("-")]
    if code and asked and "--help" not in before:
        assert json.loads(out)["status"]["exit"] == code, err


@MANY
@given(lines(QUICK))
@example([])
@example(["report", "--fail-if", "__import__('os').system('true')"])
def test_a_command_that_only_looks_ends_as_documented(line):
    check(line)


@FEW
@given(lines(["run"]))
@example(["run", "--size", "9" * 30])
@example(["run", "--sips", "64", "--workers", "64", "--size", "\udc80"])
@example(["run", "--seed", "9" * 30, "--size", "1KiB"])
@example(["run", "--iters", "9" * 30, "--size", "1KiB"])
@example(["run", "--timeout", "9" * 30 + "s", "--size", "1KiB"])
@example(["run", "--max-memory", "1", "--size", "1KiB"])
@example(["run", "--algo", "--algo", "--algo", "--json"])
@example(["run", "--algo", "\udc80"])
def test_a_run_ends_as_documented(line):
    # Nothing draws more than one process: what workers do is not asked here.
    with mock.patch.dict(os.environ, {"KERNBENCH_HANG_S": "5"}):
        check([*line, *BOUNDED, "--workers", "1", "--sips", "2"])


@FEW
@given(st.sampled_from([*SHORT]), st.sampled_from([*SHORT]).flatmap(lambda key: words_of(key.split()[0])))
@example("sweep", ["--set", "fabric.bw_gbs=50,100", "--jobs", "0"])
@example("sweep", ["--set", "=", "--pareto", ","])
@example("probe", ["--size", "9" * 30 + "GiB"])
@example("validate hbm", ["--slice-gbs", "1e99999999"])
@example("validate mesh", ["--flits", "1:1e-99999999"])
@example("validate mesh", ["--traffic", "hotspot:1=1e99999999"])
@example("validate gemm", ["--mnk", "9" * 5000 + ",1,1"])
@example("validate mesh", ["--mesh", "9" * 30 + "x1"])
def test_a_probe_a_validation_and_a_sweep_end_as_documented(command, words):
    check([*command.split(), *words, *SHORT[command]])
