"""The monitor on a recorded run: without colour, with any key, with awkward names, with a SIP that is stuck."""

import asyncio
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest

from kernbench.common.errors import UsageError
from kernbench.telemetry.frame import FULL
from kernbench.telemetry.layout import SLICE
from kernbench.telemetry.reader import RunReader
from tui.actions import ACTIONS
from tui.filter import FIELDS, parse
from tui.glyphs import ASCII, UNICODE
from tui.screenshots import at, shoot, still

RECORDING = Path(__file__).parent / "recording"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A small recorded run of two SIPs."""
    from actors.simulation import Simulation
    from kernbench.common.messages.recording import Recording

    directory = tmp_path_factory.mktemp("run")
    simulation = Simulation(sips=2, overrides=["sip.cube_mesh=2x2"], telemetry=Recording(str(directory), period_s=0.02))
    assert simulation.run("allreduce", sizes="64KiB").wrong == 0
    return directory


def test_without_colour_no_colour_is_drawn(run, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    svg, _text = asyncio.run(shoot(RunReader(run), (120, 40), ("1",)))
    colours = {part[:6] for part in svg.split("#")[1:] if all(char in "0123456789abcdefABCDEF" for char in part[:6])}
    dots = {"ff5f57", "febc2e", "28c840", "c5c8c6"}  # of the frame that a screenshot draws around the terminal
    grey = {colour for colour in colours - dots if colour[:2] == colour[2:4] == colour[4:6]}
    assert (len(grey) > 3, colours - dots - grey - {"0b0f14", "c9d4e3"}) == (True, set())


@pytest.mark.slow
@pytest.mark.parametrize("screen", "12345")
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
    source = SimpleNamespace(**{each: getattr(reader, each) for each in ("live", "killed", "directory")}, layout=layout)
    for each in ("poll", "frames", "phases", "utilisation", "records", "document"):
        setattr(source, each, getattr(reader, each))
    svg, text = asyncio.run(shoot(source, (160, 50), ("3",)))
    assert ("\x1b" in text, "\u202e" in text, "<script>" in svg) == (False, False, False)
    assert "[bold]x[/]" in text


@pytest.mark.parametrize(("state", "said"), [("waiting", "stuck: yes, see below"), ("paused", "stuck: no")])
def test_the_sync_screen_lists_who_waits_for_whom_when_a_sip_is_stuck_or_the_run_is_paused(run, state, said):
    class Stuck(RunReader):
        def frames(self):
            for frame in super().frames():
                sips = tuple(
                    msgspec.structs.replace(each, waiters=(f"sip{each.sip}.cube00.pe0 waits for [/]\x1b[31m credit",))
                    for each in frame.sips
                )
                yield msgspec.structs.replace(frame, sips=sips, state=state)

    _svg, text = asyncio.run(shoot(Stuck(run), (80, 24), ("4",)))
    waits = [line.strip() for line in text.splitlines() if "waits for" in line]
    assert waits == [f"SIP{sip}   sip{sip}.cube00.pe0 waits for [/]?[31m credit" for sip in range(2)]
    assert said in text


def test_of_a_run_that_is_over_nobody_is_said_to_have_something_to_do(run):
    text = asyncio.run(shoot(RunReader(run), (80, 24), ("4",), 1.0))[1]
    assert ("nobody waits: the run is over" in text, "something to do" in text) == (True, False)


class Dead(RunReader):
    """A run that was killed: the frames of one worker tell no end."""

    killed = True

    def frames(self):
        return (frame for frame in super().frames() if (frame.worker, frame.state) != (1, "ended"))


def test_a_run_that_was_killed_is_not_shown_as_running_at_any_moment_of_its_replay():
    for part in (0.5, 1.0):
        _svg, text = asyncio.run(shoot(Dead(RECORDING), (120, 40), ("4",), part))
        states = [line.split()[2] for line in text.splitlines() if line.startswith((" 0  0", " 1  2"))]
        assert (text.split()[0], states, "RUNNING" in text) == ("KILLED", ["killed"] * 2, False)
        assert ("nobody waits: the run is over" in text, "something to do" in text) == (True, False)


def test_a_run_whose_document_is_there_has_ended_though_a_worker_never_said_so():
    class Cut(Dead):
        killed = False
        document = {"status": {"exit": 3}}  # noqa: RUF012  # as a reader has it

    heads = [asyncio.run(shoot(Cut(RECORDING), (120, 40), ("1",), part))[1].split()[0] for part in (0.5, 1.0)]
    assert heads == ["RUNNING", "FAILED"]


class Queued(RunReader):
    """A run in whose frames three operations wait for the matrix engine of the first PE, and very many for the vector one."""

    def frames(self):
        own = [self.layout.units_of(worker) for worker in range(len(self.layout.workers))]
        waiting = {"sip0.cube00.pe0.gemm": 3, "sip0.cube00.pe0.math": 255}
        for frame in super().frames():
            queues = [waiting.get(self.layout.units[unit].name, 0) for unit in own[frame.worker]]
            yield msgspec.structs.replace(frame, units=bytes([1] * len(frame.units)), queues=bytes(queues))


def test_an_opened_cube_shows_how_many_operations_wait_for_each_engine(run):
    _svg, text = asyncio.run(shoot(Queued(run), (80, 70), ("2", "enter"), 1.0))
    shown = {line.split()[1]: line.split()[5] for line in text.splitlines() if line.split()[:1] == ["pe0"]}
    assert (shown["gemm"], shown["math"], shown["load0"]) == ("3", "255+", "0")


@pytest.mark.parametrize(
    ("glyphs", "shown"),
    [(UNICODE, "sip0.cube00.a_ve…t->cube01.ucie.W"), (ASCII, "sip0.cube00.a_ve..->cube01.ucie.W")],
    ids=["unicode", "ascii"],
)
def test_a_long_name_in_the_hot_list_keeps_both_its_ends(run, glyphs, shown):
    class Long(RunReader):
        def frames(self):
            for frame in super().frames():
                yield msgspec.structs.replace(frame, links=bytes([FULL, *bytes(len(frame.links) - 1)]))

    layout = RunReader(run).layout
    name = "sip0.cube00.a_very_long_router_port->sip0.cube01.ucie.W"
    links = (msgspec.structs.replace(layout.links[0], name=name), *layout.links[1:])
    app = still(Long(run, msgspec.structs.replace(layout, links=links)))
    app.view.glyphs = glyphs

    async def drive():
        async with app.run_test(size=(160, 50)) as pilot:
            await at(app, pilot, 1.0)
            return app.page.text()

    row = next(line for line in asyncio.run(drive()).splitlines() if line.startswith(" 1  sip0"))
    assert row.split()[1] == shown


SHARES = (FULL // 2, FULL, FULL // 10, 0)


class Loaded(RunReader):
    """A run in whose frames the slices of the first cube are as busy as `SHARES`."""

    def frames(self):
        own = [self.layout.units_of(worker) for worker in range(len(self.layout.workers))]
        names = [f"sip0.cube00.hbm.slice{number}" for number in range(len(SHARES))]
        for frame in super().frames():
            units = bytearray(frame.units)
            for place, unit in enumerate(own[frame.worker]):
                if self.layout.units[unit].name in names:
                    units[place] = SHARES[names.index(self.layout.units[unit].name)]
            yield msgspec.structs.replace(frame, units=bytes(units))


def lines_of(text, *beginnings):
    return [line.split()[:4] for line in text.splitlines() if line.strip().startswith(beginnings)]


def test_an_opened_cube_shows_the_load_of_each_slice_of_its_memory_or_all_in_one_line_if_narrow(run):
    _svg, wide = asyncio.run(shoot(Loaded(run), (80, 70), ("2", "enter"), 1.0))
    shown = lines_of(wide, "slice")
    assert [line[:3] for line in shown] == [
        ["slice0", "part", "█" * 8 + "░" * 8],
        ["slice1", "busy", "█" * 16 + "100%"],
        ["slice2", "part", "█" * 2 + "░" * 14],
        ["slice3", "idle", "░" * 16],
    ]
    assert [line[3] for line in shown if "%" not in line[2]] == ["50%", "10%", "0%"]
    _svg, narrow = asyncio.run(shoot(Loaded(run), (50, 70), ("2", "enter"), 1.0))
    assert (lines_of(narrow, "slice"), lines_of(narrow, "all ")) == ([], [["all", "▄█▁·", "100%", "slice1"]])
    _svg, closed = asyncio.run(shoot(Loaded(run), (80, 40), ("2",), 1.0))
    assert lines_of(closed, "slices") == [["slices", "▄█▁·", "100%", "slice1"]]


def test_slices_that_did_nothing_are_one_line_and_a_run_recorded_without_them_shows_none(run):
    class Idle(RunReader):
        def frames(self):
            for frame in super().frames():
                yield msgspec.structs.replace(frame, units=bytes(len(frame.units)))

    class Without(Idle):
        @property
        def layout(self):
            whole = super().layout
            return msgspec.structs.replace(whole, units=tuple(unit for unit in whole.units if unit.kind != SLICE))

        def frames(self):
            own = [len(self.layout.units_of(worker)) for worker in range(len(self.layout.workers))]
            for frame in super().frames():
                yield msgspec.structs.replace(frame, units=bytes(own[frame.worker]))

    idle, without = (asyncio.run(shoot(source(run), (80, 70), ("2", "enter"), 1.0))[1] for source in (Idle, Without))
    assert [line.strip() for line in idle.splitlines() if "slices" in line] == ["4 slices: idle for a while"]
    assert ("ENGINES" in without, "slice" in without.lower()) == (True, False)


class Link:
    """A link as a filter sees it."""

    def says(self, word):
        return word in "sip0.cube00.ucie.E sip0->sip1 ucie credit".lower()

    def number(self, field):
        return dict.fromkeys(FIELDS, 50.0)[field]


@pytest.mark.parametrize(
    ("text", "found"),
    [("", True), ("sip0 & ucie", True), ("sip1 | ucie", True), ("!ucie", False), ("util>80", False),
     ("util>=50 & (sip1 | credit)", True), ("queue=50", True),
     ("sip0->sip1", True), ("sip0->sip1&util>80", False)],
)  # fmt: skip
def test_a_filter_says_which_links_are_shown(text, found):
    assert parse(text)(Link()) is found


def test_a_filter_of_blanks_is_none(run):
    app = still(RunReader(run))
    app.view.set_filter("  ")
    assert app.view.filter_text == ""


@pytest.mark.parametrize("text", ["util>", "&", "(ucie", "ucie)", "speed>3", "(" * 100])
def test_a_filter_that_cannot_be_read_is_an_error_that_quotes_it(text):
    with pytest.raises(UsageError):
        parse(text)
