"""More than a screen has room for, or less than a picture needs: many SIPs, no frames, no room to write."""

import asyncio
import errno
from io import StringIO
from pathlib import Path

import pytest

from kernbench.common.errors import OutputError
from kernbench.telemetry.frame import PhaseMark
from kernbench.telemetry.phase_log import SHOWN, latest
from kernbench.telemetry.reader import RunReader
from tui.export import write
from tui.screenshots import shoot, still

RECORDING = Path(__file__).parent / "recording"


class Recorded(RunReader):
    """The recording, as if it had been read from another directory."""

    def __init__(self, directory):
        super().__init__(RECORDING)
        assert self.layout.sips
        assert self.records
        self.directory = directory


def test_phases_of_every_sip_of_a_crowded_worker_are_told():
    sips = range(2 * SHOWN)
    marks = [PhaseMark(sip, name, start, None) for sip in sips for start, name in enumerate(("row 0", "all_reduce"))]
    assert {mark.sip for mark in latest(marks, len(sips))} == {*sips}


def test_a_timeline_without_room_for_all_sips_shows_the_others_by_up_and_down():
    def sips(*keys):
        text = asyncio.run(shoot(RunReader(RECORDING), (60, 20), ("5", *keys)))[1]
        return [int(line.split()[0][3:]) for line in text.splitlines() if " phases" in line and "SIP" in line]

    assert sips() == [0, 1, 2]
    assert sips("down") == sips("down", "down", "down") == [1, 2, 3]
    assert sips("down", "up", "up") == [0, 1, 2]


def test_a_table_says_how_much_of_it_has_no_room():
    text = asyncio.run(shoot(RunReader(RECORDING), (80, 12), ("4",)))[1]
    assert "more lines: too many for this screen" in text


@pytest.mark.parametrize("size", [(120, 40), (60, 20)])
def test_a_replay_without_frames_says_so(size):
    class Empty(RunReader):
        def frames(self):
            return iter(())

    async def drive():
        app = still(Empty(RECORDING))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            app.tick(0.0)
            return app.page.text()

    assert "this run left no frames" in asyncio.run(drive())


def test_of_an_export_that_a_full_disk_cut_short_nothing_stays(tmp_path, monkeypatch):
    class Full(StringIO):
        def write(self, _text):
            raise OSError(errno.ENOSPC, "No space left on device")

    def opened(path, *_mode, **_):
        path.touch()
        return Full()

    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(OutputError, match="No space left"):
        write([tmp_path], "monitor-links", "csv", "text")
    assert [*tmp_path.iterdir()] == []


def test_of_a_run_whose_directory_was_deleted_that_is_said_and_not_that_it_is_over(tmp_path):
    source = Recorded(tmp_path / "run")

    async def drive():
        app = still(source)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            app.tick(0.0)
            before = app.view.notice
            await pilot.press("o")
            said = app.view.notice
            app.say("")
            await pilot.press("P")
            return before, said, app.view.notice

    gone = f"{tmp_path / 'run'} is gone"
    assert asyncio.run(drive()) == (
        f"the run cannot be read any more: {gone}", "links are sorted by avg", gone,
    )  # fmt: skip
