"""A run under the monitor is never left behind by a signal, however early that comes."""

import os
import signal
import subprocess
import sys

import pytest

from kernbench.cli import tui_run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_while_the_run_is_being_started_ends_it(monkeypatch, tmp_path, number, code):
    started, popen = [], subprocess.Popen

    def start(_words, **options):
        started.append(popen([sys.executable, "-c", "input()"], **{**options, "stdin": subprocess.PIPE}))
        os.kill(os.getpid(), number)
        return started[-1]

    handled = signal.default_int_handler
    own = signal.signal(number, handled)  # a shell has a background job ignore SIGINT, and then nobody means it
    monkeypatch.setattr(tui_run, "has_terminal", lambda: True)
    monkeypatch.setattr(subprocess, "Popen", start)
    try:
        assert tui_run.run_with_monitor("allreduce", ["--tui", "--out", str(tmp_path / "run")]) == code
        assert signal.getsignal(number) is handled
    finally:
        signal.signal(number, own)
    (process,) = started
    assert process.poll() is not None
    process.stdin.close()
