"""How a run ended, and what it waited for then, on the screens of its replay."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from kernbench.telemetry.frame import PhaseMark
from kernbench.telemetry.reader import RunReader
from tui.screenshots import shoot

RECORDING = Path(__file__).parent / "recording"
DEADLOCK = {
    "exit": 3, "kind": "deadlock", "message": "deadlock at 5 us: nothing can happen any more, but sip0 still waits", "where": "sip0",
    "waiters": ["sip0.host: the rank waits for [/]\x1b[31m recv"],
}  # fmt: skip
RAISED = {"exit": 3, "kind": "rank", "message": "ValueError: boom", "where": "sip1.host (a.py:10)", "waiters": []}
LIMIT = {"exit": 4, "kind": "limit", "message": "stopped by a viewer: 0 rows", "where": "", "waiters": []}


class Ended(RunReader):
    """The recording, with a status in its run.json."""

    killed = False
    status: dict = {}  # noqa: RUF012  # each test has its own class

    @property
    def document(self):
        return {"status": self.status}


def ended(told):
    """A reader of the recording that ended like this."""
    return type("Told", (Ended,), {"status": told})(RECORDING)


@pytest.mark.parametrize(
    ("status", "word", "lines", "stuck"),
    [
        (DEADLOCK, "FAILED", [DEADLOCK["message"], "sip0.host: the rank waits for [/]?[31m recv"], "yes, see below"),
        (RAISED, "FAILED", ["ValueError: boom", "at sip1.host (a.py:10)"], "no"),
        (LIMIT, "STOPPED", [LIMIT["message"]], "no"),
        ({"exit": 0, "kind": "ok"}, "ENDED", ["nobody waits: the run is over"], "no"),
        (None, "ENDED", ["nobody waits: the run is over"], "no"),
    ],
    ids=["deadlock", "rank", "limit", "ok", "nothing said"],
)
def test_a_replay_says_at_its_end_how_the_run_ended_and_who_waited(status, word, lines, stuck):
    half, text = (asyncio.run(shoot(ended(status), (120, 40), ("4",), part))[1] for part in (0.5, 1.0))
    shown = [line.strip() for line in text.splitlines()]
    begin = shown.index("WAITS FOR") + 1
    assert (text.split()[0], shown[begin : begin + len(lines)]) == (word, lines)
    assert f"stuck: {stuck}" in text
    assert (half.split()[0], lines[0] in half) == ("RUNNING", False)


def test_the_first_lines_of_the_sync_screen_are_whole_on_a_narrow_one():
    text = asyncio.run(shoot(RunReader(RECORDING), (60, 20), ("4",)))[1]
    (line,) = (each for each in text.splitlines() if "lookahead" in each)
    assert line.split("   ")[-1] == "stuck: no"
    assert not line.rstrip().endswith(":")


def test_a_phase_that_a_run_was_stopped_in_is_on_the_timeline():
    class Cut(RunReader):
        def frames(self):
            for frame in super().frames():
                lasting = tuple(PhaseMark(mark.sip, "never over", mark.start + 1, None) for mark in frame.phases[-1:])
                yield msgspec.structs.replace(frame, phases=frame.phases + lasting)

    text = asyncio.run(shoot(Cut(RECORDING), (160, 50), ("5",), 1.0))[1]
    phases = [line for line in text.splitlines() if " phases" in line]
    assert sum("never over" in line for line in phases) == 2, text  # the last phases of both workers


def test_the_timeline_of_a_tiny_screen_has_a_sip_and_its_cursor():
    for lines in range(12, 40):
        text = asyncio.run(shoot(RunReader(RECORDING), (60, lines), ("5",)))[1]
        assert ("SIP0 phases" in text, "cursor 0.000 ns" in text) == (True, True), text
