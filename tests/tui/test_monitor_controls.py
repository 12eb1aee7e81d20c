"""What each key and the mouse do, on a recorded run and on one that seems to go on."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.events import MouseScrollDown, MouseScrollUp

from kernbench.common.errors import UsageError
from kernbench.common.units import FS_PER_NS
from kernbench.telemetry.commands import CAPTURE
from kernbench.telemetry.reader import RunReader
from tui.app import Monitor
from tui.glyphs import UNICODE
from tui.left import Left
from tui.pace import Pace
from tui.panels.footer import Footer
from tui.panels.hot import Hot
from tui.panels.links import Links
from tui.rows import SORTS
from tui.screenshots import NEVER_S, Whole, at

RECORDING = Path(__file__).parent / "recording"


class Recorded(RunReader):
    """The recording, with a directory of the test's own for what is exported."""

    def __init__(self, folder):
        super().__init__(RECORDING)
        self.layout  # noqa: B018  # read before the directory becomes another
        assert self.records
        self._rows = super().phases(), super().links(), super().utilisation()
        self.directory = folder

    def phases(self):
        return self._rows[0]

    def links(self):
        return self._rows[1]

    def utilisation(self):
        return self._rows[2]


class Live(Recorded):
    """The same, as if somebody still published it."""

    live = True

    def poll(self):
        return []


async def press(app, pilot, *keys):
    """One key after another, each with all that it begins."""
    for key in keys:
        await pilot.press(key)
        await app.workers.wait_for_complete()
        await pilot.pause()


@asynccontextmanager
async def shown(source, size=(120, 40), part=0.6):
    """A monitor, its pilot and what it sent to the run."""
    sent = []
    app = Monitor(Whole(source), UNICODE, lambda *words: sent.append(words) or "", lambda _: source, Pace(NEVER_S))
    async with app.run_test(size=size) as pilot:
        await at(app, pilot, part)
        app.view.paused = False
        app.redraw()
        await pilot.pause()
        yield app, pilot, sent


def test_digits_show_pages_arrows_and_letters_move_enter_opens_and_escape_goes_back(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path)) as (app, pilot, _):
            names = []
            for key in "23451":
                await pilot.press(key)
                names.append(type(app.page).__name__)
            places = []
            for key in ("right", "l", "down", "j", "left", "h", "up", "k"):
                await pilot.press(key)
                places.append((app.view.sip, app.view.cube))
            opened = []
            for key in ("enter", "enter", "down", "escape", "escape"):
                await pilot.press(key)
                opened.append((type(app.page).__name__, app.view.cube_open))
            return names, places, opened

    names, places, opened = asyncio.run(drive())
    assert names == ["SipPage", "LinksPage", "SyncPage", "TimelinePage", "OverviewPage"]
    assert places == [(0, 1), (1, 0), (1, 2), (3, 0), (2, 1), (2, 0), (0, 2), (0, 0)]
    assert opened == [
        ("SipPage", False), ("SipPage", True), ("SipPage", True), ("SipPage", False), ("OverviewPage", False),
    ]  # fmt: skip


def test_up_and_down_scroll_an_open_cube_that_does_not_fit(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path), size=(80, 24)) as (app, pilot, _):
            await pilot.press("2", "enter")
            ends = []
            for keys in (["down", "down"], ["down"] * 40, ["up"]):
                await pilot.press(*keys)
                ends.append(next(line for line in app.page.text().splitlines() if line.startswith(" lines ")))
            return ends, app.view.cube, app.page.text()

    ends, cube, text = asyncio.run(drive())
    assert [end.partition(":")[0] for end in ends] == [
        " lines 3 to 21 of 33",
        " lines 15 to 33 of 33",
        " lines 14 to 32 of 33",
    ]
    assert (cube, "pe0 math" in text) == (0, True)


def test_a_replay_is_paused_stepped_hastened_and_sought(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path), part=0.5) as (app, pilot, sent):
            view, tape = app.view, app.view.tape
            begin, count = tape.position, len(tape.frames)
            await pilot.press("s")
            found = [(view.paused, tape.position - begin)]
            await pilot.press("space")
            found.append(view.paused)
            await pilot.press("plus", "plus", "minus", "minus", "minus")
            found.append(tape.speed)
            await pilot.press("g", *["backspace"] * 12, *"50%", "enter")
            found.append(tape.position == round(count / 2))
            await pilot.press("right_square_bracket")
            found.append(tape.position - round(count / 2))
            await pilot.press("left_square_bracket", "left_square_bracket")
            found.append(tape.position - round(count / 2))
            await pilot.press("g", *["backspace"] * 12, *"soon", "enter")
            found.append(isinstance(app.screen, type(app.page)))
            await pilot.press("escape", "P")
            return found, sent, view.notice

    found, sent, notice = asyncio.run(drive())
    assert found == [(True, 2), False, 0.5, True, 2, -2, False]
    assert (sent, notice) == ([], "this run is over: there is nothing to command")


def test_links_are_filtered_sorted_followed_and_pinned(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path)) as (app, pilot, _):
            view = app.view
            await pilot.press("slash", *"util>", "enter")
            refused = not isinstance(app.screen, type(app.page)), view.filter_text
            await pilot.press(*"80", "enter")
            await pilot.pause()
            app.redraw()
            shown_links = {view.plan.names[link] for link in app.page.table.order}
            busy = {
                name for name, load in zip(view.plan.names, view.store.links, strict=False) if load * 100 > 80 * 250
            }
            await pilot.press("o")
            order = view.sort_name
            await pilot.press("f")
            hottest = view.link, view.following_hottest
            await pilot.press("p", "1")
            pinned = view.pins == [view.link]
            await pilot.press("down")
            return refused, shown_links, busy, order, hottest, pinned, view.following_hottest, view.store.hottest(1)

    refused, links, busy, order, hottest, pinned, following, top = asyncio.run(drive())
    assert (refused, order, pinned, following) == ((True, ""), SORTS[1], True, False)
    assert (len(links) > 10, links, hottest) == (True, busy, (top[0], True))


def test_the_screen_is_exported_runs_are_compared_and_help_and_palette_open(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path)) as (app, pilot, _):
            for key in "stcj":
                await pilot.press("e", key)
            text = app.page.text()
            await pilot.press("d", "enter")
            titles = [type(app.screen).__name__]
            await pilot.press("escape", "question_mark")
            titles.append(type(app.screen).__name__)
            await pilot.press("escape", "ctrl+p")
            titles.append(isinstance(app.screen, CommandPalette))
            await pilot.press(*"Timeline")
            await app.workers.wait_for_complete()
            await pilot.pause()
            await pilot.press("down", "enter")
            await pilot.pause()
            titles.append(type(app.page).__name__)
            return text, titles

    text, titles = asyncio.run(drive())
    assert titles == ["Read", "Read", True, "TimelinePage"]
    written = {path.suffix: path.read_text() for path in tmp_path.iterdir()}
    assert sorted(written) == [".csv", ".json", ".svg", ".txt"]
    assert written[".txt"].splitlines()[2:] == text.splitlines()[2:]
    assert written[".csv"].count("\n") == 1 + 640
    assert (
        "http" in written[".svg"].replace("http://www.w3.org", "").replace("https://www.textualize.io", "")
    ) is False


@pytest.mark.parametrize(("part", "state"), [(0.5, "running"), (1.0, "failed")])
def test_the_moment_of_a_replay_is_exported_with_how_the_run_ended(tmp_path, part, state):
    class Failed(Recorded):
        document = {"status": {"exit": 3, "kind": "rank", "message": "ValueError: boom"}}  # noqa: RUF012

    async def drive():
        async with shown(Failed(tmp_path), part=part) as (_, pilot, _):
            await pilot.press("e", "j")

    asyncio.run(drive())
    (path,) = tmp_path.iterdir()
    assert json.loads(path.read_text())["state"] == state


def test_the_keys_of_a_live_run_go_to_the_run(tmp_path):
    async def drive(*keys):
        async with shown(Live(tmp_path)) as (app, pilot, sent):
            await press(app, pilot, *keys)
            return sent, app.return_value

    sent, left = asyncio.run(drive("P", "P", "s", "S", "r", "r", "minus", "plus", "q", "d"))
    speeds = [words for words in sent if words[0] == "speed"]
    assert [words for words in sent if words[0] != "speed"] == [
        ("pause", "", 0), ("resume", "", 0), ("step", "window", 0), ("step", "phase", 0),
        ("capture", "start", 0), ("capture", "stop", 0),
    ]  # fmt: skip
    assert (len(speeds), speeds[1][2] == 2 * speeds[0][2] > 0, left) == (2, True, Left.DETACHED)
    assert asyncio.run(drive("q", "escape", "q", "s")) == ([("stop", "", 0)], Left.STOPPED)


def test_a_step_to_the_end_of_a_phase_is_no_pause_until_it_is_there(tmp_path):
    async def drive():
        async with shown(Live(tmp_path)) as (app, pilot, sent):
            for key in "SP":
                await pilot.press(key)
                await app.workers.wait_for_complete()
                await pilot.pause()
                if key == "S":
                    said = app.view.notice
            return said, sent

    assert asyncio.run(drive()) == (
        "the simulation goes on to the end of a phase", [("step", "phase", 0), ("pause", "", 0)],
    )  # fmt: skip


def test_the_wheel_goes_up_and_down_in_a_list_and_chooses_nothing_elsewhere(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path)) as (app, pilot, _):
            found = []
            for key, board in (("3", Links), ("1", Hot)):
                await pilot.press(key)
                widget = app.page.query_one(board)
                for event in (MouseScrollDown, MouseScrollDown, MouseScrollDown, MouseScrollUp):
                    widget.post_message(event(widget, 5, 5, 0, 0, 0, False, False, False))
                    await pilot.pause()
                found.append((app.page.table.row() if key == "3" else None, app.view.link, app.view.cube))
            return found

    (row, *before), (_, *after) = asyncio.run(drive())
    assert (row, before) == (1, after)


def test_a_step_shows_its_end_though_the_view_stood_behind_or_was_held(tmp_path):
    async def drive(*keys):
        async with shown(Live(tmp_path)) as (app, pilot, _):
            await press(app, pilot, *keys)
            return app.view.paused, app.view.tape.following

    for keys in (("left_square_bracket", "s"), ("space", "s"), ("space", "S")):
        assert asyncio.run(drive(*keys)) == (False, True), keys


def test_a_speed_limit_goes_no_further_than_what_the_run_did_without_one(tmp_path):
    async def drive(*keys):
        async with shown(Live(tmp_path)) as (app, pilot, sent):
            await press(app, pilot, *keys)
            return [amount for _, _, amount in sent], app.view.notice

    (half, quarter, again, free, none), said = asyncio.run(drive("minus", "minus", "plus", "plus", "plus"))
    assert (half, again, free, none) == (half, quarter * 2, quarter * 4, 0)
    assert said == "speed limit: none, the run is as fast as it can be"
    assert asyncio.run(drive("plus"))[0] == [0]  # another viewer may have set one


def test_the_speed_limit_of_a_run_that_stands_is_half_of_what_it_did_in_all_its_time(tmp_path):
    async def drive():
        async with shown(Live(tmp_path)) as (app, pilot, sent):
            store = app.view.store
            store.before = {**store.frames}
            await pilot.press("minus")
            await app.workers.wait_for_complete()
            return sent[0][2] / (store.now / FS_PER_NS / app.view.tape.wall_s)

    assert asyncio.run(drive()) == pytest.approx(0.5, rel=1e-3)


def test_what_there_is_to_say_is_said_on_the_smallest_screen_too(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path), size=(60, 20)) as (app, pilot, _):
            await pilot.press("o")
            return app.page.text().splitlines()[0]

    assert asyncio.run(drive()) == " links are sorted by avg"


def test_a_run_to_compare_with_that_is_damaged_is_told_and_the_monitor_stays(tmp_path):
    class Damaged(Recorded):
        @property
        def document(self):
            raise UsageError("run.json: cannot be read")

    async def drive():
        async with shown(Recorded(tmp_path)) as (app, pilot, _):
            app.commands._open_run = lambda _: Damaged(tmp_path)
            await pilot.press("d", "x", "enter")
            await pilot.pause()
            return app.view.notice, app.is_running

    assert asyncio.run(drive()) == ("run.json: cannot be read", True)


def test_the_mouse_chooses_opens_and_presses_the_keys_of_the_footer(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path)) as (app, pilot, _):
            second = app.page.query_one(Hot).shown[1]
            await pilot.click(Hot, offset=(10, 2))
            chosen = app.view.link == second
            await pilot.click("#mesh", offset=(48, 3), times=2)
            opened = type(app.page).__name__, app.view.cube
            line = app.page.query_one(Footer).render_line(0).text
            await pilot.click(Footer, offset=(line.index("Links"), 0))
            return chosen, opened, type(app.page).__name__

    assert asyncio.run(drive()) == (True, ("SipPage", 1), "LinksPage")


def test_a_rate_that_was_halved_is_said_and_comes_back(tmp_path):
    async def drive():
        async with shown(Recorded(tmp_path), size=(160, 50)) as (app, _pilot, _sent):
            app.pace = Pace()
            heads = []
            for spent, moments in ((0.09, (0.1, 0.2, 0.3)), (0.001, (0.5, 1.3))):
                for at in moments:
                    app.pace.note(spent, at)
                app.tick(0.0)
                heads.append(app.page.text().splitlines()[0])
            return heads

    slow, fast = asyncio.run(drive())
    assert ("5 Hz" in slow, "slow" in slow, "10 Hz" in fast, "slow" in fast) == (True, True, True, False)


def test_pictures_go_on_though_nobody_says_that_one_was_drawn(tmp_path):
    """Textual forgets who waits for a refresh when the screen that should refresh goes away."""

    async def drive():
        async with shown(Recorded(tmp_path)) as (app, pilot, _):
            app.pace = Pace(0.01)
            app.call_after_refresh = lambda *_: False
            ticks = []
            app.tick = ticks.append
            app._beat()
            while len(ticks) < 3:
                await pilot.pause(0.01)

    asyncio.run(asyncio.wait_for(drive(), 20))


def test_a_capture_that_somebody_else_began_or_ended_is_shown_and_r_ends_it(tmp_path):
    async def drive():
        async with shown(Live(tmp_path)) as (app, pilot, sent):
            seen = []
            for exists in (True, False, True):
                (tmp_path / CAPTURE).touch() if exists else (tmp_path / CAPTURE).unlink()
                app.feeder.step()
                app.tick(0.0)
                seen.append("CAPTURE" in app.page.text().splitlines()[0])
            await pilot.press("r")
            await app.workers.wait_for_complete()
            return seen, sent

    assert asyncio.run(drive()) == ([True, False, True], [("capture", "stop", 0)])
