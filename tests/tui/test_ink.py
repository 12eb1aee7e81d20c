"""Lines that go straight to the terminal show what Textual would have drawn there, cell by cell."""

import asyncio
from pathlib import Path

import pyte
import pytest
from rich.color import ColorSystem

from kernbench.telemetry.reader import RunReader
from tui.dialogs import Read
from tui.glyphs import UNICODE
from tui.ink import NARROW, Ink
from tui.palette import palette_for
from tui.screenshots import at, still

RECORDING = Path(__file__).parent / "recording"


def whole(app, screen):
    """Every strip of a page, as Textual would write it."""
    page = app.page
    for board in page.boards:
        region = board.region
        for y in range(region.height if board.display else 0):
            screen.feed(f"\x1b[{region.y + y + 1};{region.x + 1}H" + board.render_line(y).render(app.console))


def cells(stream):
    """What a terminal shows: characters with their colours; of a blank its ground alone."""
    screen = stream.listener
    shown = [[screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)]
    bare = {"fg": "default", "bold": False}
    return [[each._replace(**bare) if each.data == " " and not each.reverse else each for each in row] for row in shown]


@pytest.mark.parametrize(("size", "keys"), [((160, 50), "1"), ((120, 40), "2"), ((80, 24), "3")])
def test_a_terminal_that_is_told_what_changed_shows_the_whole_picture(size, keys, monkeypatch):
    straight, textual = (pyte.Stream(pyte.Screen(*size)) for _ in range(2))

    async def drive():
        app = still(RunReader(RECORDING))
        async with app.run_test(size=size) as pilot:
            await at(app, pilot, 0.3)
            await pilot.press(keys)
            await pilot.pause()
            whole(app, straight)
            drawn = []
            monkeypatch.setattr(app, "_display", lambda page, picture: drawn.append((page, picture)))
            for part in (0.5, 0.9, 0.6):
                app.commands.seek_part(part)
                app.redraw()
            app.say("a notice")
            assert {page for page, _ in drawn} == {app.page}
            for _, picture in drawn:
                straight.feed(picture.render_segments(app.console))
            whole(app, textual)
            return len(drawn)

    assert asyncio.run(drive()) >= 4
    assert cells(straight) == cells(textual)


def test_a_style_has_the_codes_of_its_own_terminal_whatever_another_drew_before():
    def codes(color_system):
        shown = palette_for("truecolor", no_color=False).style("title").render("x", color_system=color_system)
        return shown.partition("x")[0]

    assert codes(ColorSystem.TRUECOLOR) == "\x1b[1;38;2;143;208;255;48;2;11;15;20m"
    assert codes(ColorSystem.STANDARD) == "\x1b[1;96;40m"


def test_below_a_dialog_nothing_goes_straight_to_the_terminal(monkeypatch):
    async def drive():
        app = still(RunReader(RECORDING))
        async with app.run_test(size=(120, 40)) as pilot:
            await at(app, pilot, 0.3)
            monkeypatch.setattr(app.ink, "draw", lambda *_: pytest.fail("drawn over the dialog"))
            await pilot.press("question_mark")
            assert isinstance(app.screen, Read)
            before = app.page.boards[0].drawn
            app.commands.seek_part(0.9)
            app.redraw()
            return before != app.page.boards[0].drawn

    assert asyncio.run(drive())


@pytest.mark.parametrize("text", ["\u4e00\u4e01", "ab\u4e00"])
def test_a_line_of_wide_characters_fills_its_cells(text):
    ink = Ink(palette_for("truecolor", no_color=False), str)
    ink.update({"": "", "bold": ""})
    screen = pyte.Screen(8, 1)
    pyte.Stream(screen).feed(ink.line(((text, "bold"), ("x", "")), 8))
    assert screen.display == [f"{text}x".ljust(8 - sum(ord(char) > 255 for char in text))]
    assert ink.line(((text, "bold"), ("too long", "")), 8) == ""


def test_what_is_taken_for_narrow_is_what_boards_are_made_of():
    assert {*UNICODE.blocks, UNICODE.east, UNICODE.mark} <= NARROW
    assert "\u4e00" not in NARROW
