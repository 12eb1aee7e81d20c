"""The monitor in a real terminal: drawn, left with a key, a signal or a failure, and the terminal is as it was."""

import os
import re
import signal

import pytest

from kernbench.common.errors import ExitCode

FAILS = """
import sys
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
"""A monitor whose list of hot links fails at the fifth picture."""

TELLS = """
import os, pathlib, sys
from tui.app import Monitor
drawn = Monitor._drawn
def tell(self, begin):
    path = pathlib.Path(os.environ["TOLD"])
    if not path.exists():
        part = path.with_suffix(".part")
        part.write_text(" ".join(sys.modules))
        part.rename(path)
    drawn(self, begin)
Monitor._drawn = tell
from kernbench.cli import main
main()
"""
"""A monitor that writes down what is imported when its first picture is drawn."""


STRUCK = """
import importlib, os, signal
module, owner, name = os.environ["STRUCK"].rsplit(".", 2)
owner = getattr(importlib.import_module(module), owner)
struck = getattr(owner, name)
def strike(*given):
    os.kill(os.getpid(), signal.SIGTERM)
    return struck(*given)
setattr(owner, name, strike)
from kernbench.cli import main
main()
"""
"""A monitor that is sent SIGTERM whenever a method of its own or of Textual's begins."""


REDIRECTED = """
import os, sys
os.dup2(os.open(sys.argv.pop(), os.O_WRONLY | os.O_CREAT), 2)
from kernbench.cli import main
main()
"""
"""A monitor whose last word is the file that stderr goes to."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small recorded run."""
    from actors.simulation import Simulation
    from kernbench.common.messages.recording import Recording

    directory = tmp_path_factory.mktemp("run")
    simulation = Simulation(sips=2, overrides=["sip.cube_mesh=2x2"], telemetry=Recording(str(directory)))
    simulation.run("allreduce", sizes="16KiB")
    return str(directory)


@pytest.mark.parametrize(
    ("columns", "lines", "options", "environment", "depths"),
    [
        (120, 40, [], {"COLORTERM": "truecolor"}, {"2"}),
        (160, 50, [], {}, {"5"}),
        (80, 24, ["--ascii"], {"TERM": "xterm"}, set()),
        (60, 20, [], {"NO_COLOR": "1", "COLORTERM": "truecolor"}, {"2"}),
    ],
    ids=["truecolor", "256", "16-ascii", "NO_COLOR"],
)
def test_a_replay_uses_the_colours_there_are_and_q_gives_the_terminal_back(
    terminal, run, columns, lines, options, environment, depths
):
    shown = terminal("-m", "kernbench", "monitor", run, *options, columns=columns, lines=lines, **environment)
    shown.until("Quit", "allreduce")
    assert shown.text.isascii() is bool(options), shown.text
    shown.press("q")
    assert (shown.end(), shown.is_restored) == (0, True)
    found = re.findall(rb"[;\[][34]8;([25]);(\d+)(?:;(\d+);(\d+))?", shown.said)
    assert {depth.decode() for depth, *_ in found} == depths
    if "2" in depths:
        grey = all(len(set(colour)) == 1 for depth, *colour in found if depth == b"2")
        assert grey is ("NO_COLOR" in environment)


def test_help_and_palette_are_ascii_too(terminal, run):
    shown = terminal("-m", "kernbench", "monitor", run, "--ascii", columns=80, lines=24)
    shown.until("Quit", "allreduce")
    for key, words in (("?", ["Help", "hjkl"]), ("\x10", ["Search for commands", "key d"])):
        shown.press(key)
        shown.until(*words)
        assert shown.text.isascii(), shown.text
        shown.press("\x1b")
        shown.until_gone(words[1])
    shown.press("q")
    assert shown.end() == 0


def test_nothing_heavy_is_imported_before_the_first_picture(terminal, run, tmp_path):
    shown = terminal("-c", TELLS, "monitor", run, TOLD=str(tmp_path / "modules"))
    shown.until_there(tmp_path / "modules")
    shown.press("q")
    assert shown.end() == 0, shown.text
    names = set((tmp_path / "modules").read_text().split())
    heavy = {"numpy", "pyarrow", "simpy", "pykka", "greenlet", "yaml", "perfetto", "plotext", "ml_dtypes", "actors"}
    model = {
        f"kernbench.{name}" for name in ("sim_engine", "topology", "components", "di", "runtime_api", "triton_emu")
    }
    assert ("tui.app" in names, names & (heavy | model)) == (True, set())


def test_a_failure_in_a_panel_gives_the_terminal_back_and_is_told_in_a_line(terminal, run):
    shown = terminal("-c", FAILS, "monitor", run)
    code = shown.end()
    assert (code, shown.is_restored) == (70, True), shown.text
    assert "kernbench: error: ZeroDivisionError" in shown.text
    assert "Traceback" not in shown.text


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", 143), ("SIGHUP", 143), ("SIGINT", 130)])
def test_a_signal_gives_the_terminal_back(terminal, run, name, code):
    shown = terminal("-m", "kernbench", "monitor", run)
    shown.until("Quit", "allreduce")
    os.kill(shown.pid, getattr(signal, name))
    assert (shown.end(), shown.is_restored) == (code, True), shown.text


@pytest.mark.parametrize(
    "instant",
    [
        "textual.drivers.linux_driver.LinuxDriver.start_application_mode",
        "textual.drivers.linux_driver.LinuxDriver.stop_application_mode",
        "tui.app.Monitor.on_mount",
        "tui.app.Monitor._drawn",
        "tui.panels.hot.Hot.lines",
    ],
)
def test_a_signal_at_any_instant_gives_the_terminal_back(terminal, run, instant):
    shown = terminal("-c", STRUCK, "monitor", run, STRUCK=instant)
    if "stop" in instant:
        shown.until("Quit")
        shown.press("q")
    code = shown.end()
    assert (code, shown.is_restored, "Traceback" in shown.text) == (143, True, False), shown.text


@pytest.mark.parametrize("before", ["", "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "])
def test_a_monitor_ends_when_its_terminal_is_closed(terminal, run, before):
    shown = terminal("-c", f"{before}from kernbench.cli import main; main()", "monitor", run)
    shown.until("Quit", "allreduce")
    assert shown.hang_up() == (0 if before else ExitCode.OUTPUT)


def test_a_monitor_whose_stderr_is_a_file_says_that_it_has_no_terminal(terminal, run, tmp_path):
    shown = terminal("-c", REDIRECTED, "monitor", run, str(tmp_path / "said"))
    assert shown.end() == ExitCode.USAGE
    assert "there is no terminal to draw on" in (tmp_path / "said").read_text()


def test_on_a_dumb_terminal_nothing_is_drawn(terminal, run):
    shown = terminal("-m", "kernbench", "monitor", run, TERM="dumb")
    assert shown.end() == ExitCode.USAGE
    assert ("there is no terminal to draw on" in shown.text, b"\x1b" in shown.said) == (True, False)


def test_a_page_that_was_left_is_drawn_when_it_is_shown_again(terminal, run):
    shown = terminal("-m", "kernbench", "monitor", run)
    for key, word in (("", "HOTTEST LINKS"), ("4", "WAITS FOR"), ("1", "HOTTEST LINKS"), ("4", "WAITS FOR")):
        shown.press(key)
        shown.until(word)
    shown.press("q")
    assert shown.end() == 0
