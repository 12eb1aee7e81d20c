"""Live runs under real monitors on real terminals: watched to the end, detached from, stopped, attached to and left."""

import json
import os
import signal
import time

import pytest

from kernbench.runtime_api.bench import Sweep
from kernbench.telemetry.commands import send_command
from kernbench.telemetry.reader import RunReader

SMALL = ("--sips", "2", "--workers", "2", "--set", "sip.cube_mesh=2x2")
RUN = ("-m", "kernbench", "run", "--tui", *SMALL, "-b", "64K", "-e")

FAILS = """
from tui.panels.hot import Hot
drawn, lines = [], Hot.lines
def fail(self, width, height):
    drawn.append(lines(self, width, height))
    assert 1 // (5 - len(drawn)) >= 0
    return drawn[-1]
Hot.lines = fail
from kernbench.cli import main
main()
"""
"""A monitor that fails at its fifth picture; the run is a process of its own and does not know."""


def only_run(folder):
    """The directory of the only run that was made in a folder."""
    runs = [each for each in (folder / ".kernbench" / "runs").iterdir() if not each.is_symlink()]
    assert len(runs) == 1
    return runs[0]


def document_of(directory, patience_s=30):
    """run.json, once it is there."""
    deadline = time.monotonic() + patience_s
    while RunReader(directory).document is None:
        assert time.monotonic() < deadline
        os.sched_yield()
    return json.loads((directory / "run.json").read_text())


def test_a_run_is_watched_to_its_end_and_its_output_is_printed_then(terminal, tmp_path):
    shown = terminal(*RUN, "64K", folder=tmp_path)
    shown.until("ENDED")
    shown.press("q")
    assert (shown.end(), shown.is_restored) == (0, True), shown.text
    assert only_run(tmp_path).name.split("-")[1] == "allreduce"
    assert f"digest: {document_of(only_run(tmp_path))['digest']}" in shown.text


@pytest.mark.parametrize(("words", "exit_code"), [((), 0), (("--max-events", "5000"), 4)])
def test_a_monitor_that_crashes_gives_the_terminal_back_and_the_run_ends_as_it_would(
    terminal, tmp_path, words, exit_code
):
    shown = terminal("-c", FAILS, *RUN[2:], "64K", *words, folder=tmp_path)
    assert (shown.end(), shown.is_restored) == (exit_code, True), shown.text
    assert document_of(only_run(tmp_path))["status"]["exit"] == exit_code
    assert "the monitor failed: ZeroDivisionError" in shown.text
    printed = (only_run(tmp_path) / "stdout.txt").read_text().splitlines()
    assert (printed[-1] in shown.text, "Traceback" in shown.text) == (True, False)


def test_a_run_that_is_stopped_is_waited_for_and_its_exit_code_told(terminal, tmp_path):
    shown = terminal(*RUN, "1G", folder=tmp_path)
    shown.until("LIVE")
    shown.press("q")
    shown.until("still going on")
    shown.press("\x03")  # it asks once, not once more on top
    shown.until_gone("still going on")
    shown.press("q")
    shown.until("still going on")
    shown.press("s")
    assert (shown.end(), shown.is_restored) == (4, True), shown.text
    assert ("stopped by a viewer" in shown.text, "goes on" in shown.text) == (True, False)


def test_viewers_that_come_go_are_killed_or_never_read_leave_the_result_alone(terminal, sim, tmp_path):
    alone = sim(sips=2, overrides=["sip.cube_mesh=2x2"]).run("allreduce", sizes=Sweep.of("64K", "512K", 4))
    first = terminal(*RUN, "512K", folder=tmp_path)  # long enough to be paused on a machine that is slow just then
    first.until("LIVE")
    first.press("P")
    first.until("PAUSED")
    first.press("q")
    first.until("still going on")
    first.press("d")
    assert (first.end(), first.is_restored) == (0, True), first.text
    assert "the run goes on" in first.text
    directory = only_run(tmp_path)
    viewers = [terminal("-m", "kernbench", "monitor", folder=tmp_path) for _ in range(3)]
    silent, killed, kept = viewers
    for each in (killed, kept):
        each.until("LIVE", "PAUSED", "Let run")
    silent.press("4")  # nobody reads what it draws: it blocks on its terminal
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.end() == -signal.SIGKILL
    kept.press("P")
    kept.until("ENDED")
    assert document_of(directory)["digest"] == alone.digest
    kept.press("q")
    assert (kept.end(), kept.is_restored, silent.code) == (0, True, None)
    assert send_command(directory, "stop") == "the run has ended"


def test_ctrl_c_before_there_is_anything_to_see_ends_the_run_too(terminal, tmp_path):
    os.mkfifo(tmp_path / "never.yaml")  # who opens it waits for somebody to write
    shown = terminal(*RUN, "64K", "--topology", "never.yaml", folder=tmp_path)
    runs = tmp_path / ".kernbench" / "runs" / "latest"
    deadline = time.monotonic() + 20
    while not (runs / "stderr.txt").exists():
        assert time.monotonic() < deadline
        os.sched_yield()
    shown.press("\x03")
    assert (shown.end(), RunReader(runs).live) == (130, False), shown.text
    with pytest.raises(OSError, match="No such device or address"):  # nobody waits there any more
        os.open(tmp_path / "never.yaml", os.O_WRONLY | os.O_NONBLOCK)


@pytest.mark.parametrize(
    ("words", "said"), [(["--no-record"], "leave out --no-record"), (["--out", "full"], "new folder")]
)
def test_what_cannot_be_watched_is_refused_with_the_remedy(terminal, tmp_path, words, said):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "stdout.txt").touch()
    shown = terminal(*RUN, "64K", *words, folder=tmp_path)
    code = shown.end()
    assert (code, said in shown.text) == ({"--out": 5, "--no-record": 2}[words[0]], True), shown.text
