"""The gate before each window: pauses, steps and limits of speed."""

from actors.transports import base
from actors.transports.base import Gate
from kernbench.common.messages.island import Command


class Run:
    """A run of windows of 1 us whose phases end when the test says so; its clock is the number of waits in tenths."""

    def __init__(self, monkeypatch, *commands):
        self.commands = list(commands)
        self.windows = self.phases = self.waits = 0
        self.gate = Gate(lambda: self.commands.pop(0) if self.commands else None, self.wait)
        self.gate.watch(lambda: self.windows * 10**9, lambda: self.phases)
        monkeypatch.setattr(base.time, "monotonic", lambda: self.waits / 10)

    def wait(self):
        self.waits += 1
        assert self.waits < 1000

    def window(self):
        reason = self.gate.why_stop()
        self.windows += 1
        return reason


def test_a_limit_of_speed_makes_windows_wait(monkeypatch):
    run = Run(monkeypatch, Command("speed", amount=1000))
    for _ in range(11):
        run.window()
    assert run.waits == 100


def test_a_speed_of_zero_lifts_the_limit(monkeypatch):
    run = Run(monkeypatch, Command("speed", amount=1000), Command("speed", amount=0))
    for _ in range(5):
        run.window()
    assert run.waits == 0


def test_a_step_of_a_phase_runs_until_one_has_ended_and_pauses_there(monkeypatch):
    run = Run(monkeypatch, Command("pause"), Command("step", "phase"))
    for _ in range(3):
        run.window()
    assert (run.gate.paused, run.waits) == (False, 0)
    run.phases += 1
    run.commands = [None, Command("resume")]
    run.window()
    assert (run.waits, run.gate.paused) == (1, False)


def test_a_pause_drops_the_step_that_was_under_way(monkeypatch):
    run = Run(monkeypatch, Command("step", "phase"))
    run.window()
    run.commands = [Command("pause"), None, Command("resume")]
    run.window()
    run.phases += 1
    run.window()
    assert (run.waits, run.gate.paused) == (1, False)


def test_a_stop_ends_a_pause(monkeypatch):
    run = Run(monkeypatch, Command("pause"), None, Command("stop", "enough"))
    assert (run.window(), run.waits) == ("enough", 1)
