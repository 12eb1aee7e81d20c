"""The progress of a run on stderr: a changing line on a terminal, a line now and then elsewhere."""

import io
import sys

import pytest

from actors.control import Progress
from kernbench.cli.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def onto(monkeypatch):
    def put(stream):
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "60")
        return stream

    return put


def at(wall_s):
    return Progress(windows=1234, events=2_000_000, sim_time=1_500_000_000, wall_s=wall_s)


def test_without_a_terminal_there_is_a_line_every_five_seconds(onto):
    stderr = onto(io.StringIO())
    line = ProgressLine(max_events=4_000_000)
    for wall_s in (4.9, 5.0, 5.1, 9.9, 10.0):
        line.progress(at(wall_s))
    line.clear()
    assert stderr.getvalue().splitlines() == [
        "kernbench: 5 s, at its limit in 5 s, 1.5 us simulated, 2,000,000 events (400,000/s), 1,234 windows",
        "kernbench: 10 s, at its limit in 10 s, 1.5 us simulated, 2,000,000 events (200,000/s), 1,234 windows",
    ]


def test_before_the_first_event_nobody_knows_when_the_limit_is_reached(onto):
    stderr = onto(io.StringIO())
    ProgressLine(max_events=1000).progress(Progress(windows=0, events=0, sim_time=0, wall_s=6.0))
    assert stderr.getvalue() == "kernbench: 6 s, 0 ns simulated, 0 events (0/s), 0 windows\n"


def test_on_a_terminal_one_line_changes_is_never_broken_and_goes(onto):
    stderr = onto(Terminal())
    line = ProgressLine(timeout_s=60)
    line.progress(at(0.1))
    quiet = stderr.getvalue()
    line.progress(at(0.2))
    line.progress(at(1.0))
    shown = stderr.getvalue()
    line.clear()
    assert (quiet, shown.isascii(), shown.count("\n"), "1 s, at its limit in 59 s, 1.5 us simulated" in shown) == (
        "",
        True,
        0,
        True,
    )
    assert stderr.getvalue().endswith("\x1b[2K")


def test_a_run_that_is_over_in_a_moment_draws_nothing(onto):
    stderr = onto(Terminal())
    line = ProgressLine()
    line.progress(at(0.1))
    line.clear()
    assert stderr.getvalue() == ""
