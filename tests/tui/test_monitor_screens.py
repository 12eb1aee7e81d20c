"""The monitor on a recorded run: every screen at every size, with and without colour, every key, awkward names."""

import asyncio
import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pytest

from kernbench.common.errors import UsageError
from kernbench.telemetry.reader import RunReader
from tui.actions import ACTIONS
from tui.filter import FIELDS, parse
from tui.screenshots import shoot, still

SIZES = ((160, 50), (120, 40), (80, 24), (60, 20))
SCREENS = {"1": "HOTTEST", "2": "SIP0", "3": "LINK", "4": "WORKER", "5": "TIMELINE"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small recorded run of two SIPs."""
    from actors.simulation import Simulation
    from kernbench.common.messages.recording import Recording

    directory = tmp_path_factory.mktemp("run")
    simulation = Simulation(sips=2, overrides=["sip.cube_mesh=2x2"], telemetry=Recording(str(directory), period_s=0.02))
    assert simulation.run("allreduce", sizes="64KiB").wrong == 0
    return directory


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("key", SCREENS)
def test_each_screen_fills_no_more_than_its_terminal_and_says_what_it_is(run, size, key):
    _svg, text = asyncio.run(shoot(RunReader(run), size, (key,)))
    lines = text.splitlines()
    assert (len(lines) <= size[1], max(map(len, lines)) <= size[0]) == (True, True)
    assert SCREENS[key].lower() in text.lower()


@pytest.mark.parametrize("key", SCREENS)
def test_without_colour_the_same_text_is_drawn_and_no_colour(run, key, monkeypatch):
    _svg, coloured = asyncio.run(shoot(RunReader(run), (120, 40), (key,)))
    monkeypatch.setenv("NO_COLOR", "1")
    svg, text = asyncio.run(shoot(RunReader(run), (120, 40), (key,)))
    colours = {part[:6] for part in svg.split("#")[1:] if all(char in "0123456789abcdefABCDEF" for char in part[:6])}
    dots = {"ff5f57", "febc2e", "28c840", "c5c8c6"}  # of the frame that a screenshot draws around the terminal
    grey = {colour for colour in colours - dots if colour[:2] == colour[2:4] == colour[4:6]}
    assert (text, colours - dots - grey - {"0b0f14", "c9d4e3"}) == (coloured, set())


def test_a_resize_in_between_draws_the_other_layout(run):
    async def sizes():
        app = still(RunReader(run))
        async with app.run_test(size=(160, 50)) as pilot:
            await pilot.pause()
            texts = []
            for size in ((80, 24), (60, 20), (160, 50)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                app.redraw()
                texts.append(app.page.text().splitlines())
            return texts

    texts = asyncio.run(sizes())
    assert [max(map(len, lines)) <= width for lines, width in zip(texts, (80, 60, 160), strict=True)] == [True] * 3


@pytest.mark.slow
@pytest.mark.parametrize("screen", SCREENS)
def test_every_key_leaves_the_monitor_alive(run, screen, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    keys = [action.keys.split(",")[0] for action in ACTIONS if action.action != "leave"]

    async def press():
        app = still(RunReader(run))
        async with app.run_test(size=(120, 40)) as pilot:
            for key in keys:
                await pilot.press(screen, key, "escape")
            return app.is_running

    assert asyncio.run(press())


def test_a_name_with_markup_control_characters_and_other_directions_draws_as_text(run):
    name = "sip0.[/]<script>\x1b[31m\u202eabc"
    reader = RunReader(run)
    link = msgspec.structs.replace(reader.layout.links[0], name=name)
    layout = msgspec.structs.replace(
        reader.layout, bench="[bold]x[/]\x1b]0;y\x07", links=(link, *reader.layout.links[1:])
    )
    source = SimpleNamespace(**{each: getattr(reader, each) for each in ("live", "directory")}, layout=layout)
    for each in ("poll", "frames", "phases", "utilisation", "records", "document"):
        setattr(source, each, getattr(reader, each))
    svg, text = asyncio.run(shoot(source, (160, 50), ("3",)))
    assert ("\x1b" in text, "\u202e" in text, "<script>" in svg) == (False, False, False)
    assert "[bold]x[/]" in text


class Link:
    """A link as a filter sees it."""

    def says(self, word):
        return word in "sip0.cube00.ucie.E ucie credit".lower()

    def number(self, field):
        return dict.fromkeys(FIELDS, 50.0)[field]


@pytest.mark.parametrize(
    ("text", "found"),
    [("", True), ("sip0 & ucie", True), ("sip1 | ucie", True), ("!ucie", False), ("util>80", False),
     ("util>=50 & (sip1 | credit)", True), ("queue=50", True)],
)  # fmt: skip
def test_a_filter_says_which_links_are_shown(text, found):
    assert parse(text)(Link()) is found


@pytest.mark.parametrize("text", ["util>", "&", "(ucie", "ucie)", "speed>3", "(" * 100])
def test_a_filter_that_cannot_be_read_is_an_error_that_quotes_it(text):
    with pytest.raises(UsageError):
        parse(text)


def test_nothing_heavy_is_imported_before_the_first_picture():
    code = (
        "import sys, kernbench.cli.monitor, tui.app, tui.screens, kernbench.telemetry.reader\n"
        "print([name for name in ('numpy', 'pyarrow', 'simpy', 'pykka', 'greenlet', 'yaml', 'kernbench.components')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"
