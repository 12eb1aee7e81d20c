"""What the monitor draws of a recorded run, as plain text: `pytest tests/tui --update-golden` writes it anew.

`recording` is a run of four SIPs of 2x2 cubes with two PEs each, `allreduce` of 256 KiB in two workers: frames and
tables as `kernbench run` left them. The text is that of the strips, so of what a terminal is sent.
"""

import asyncio
from pathlib import Path

from kernbench.telemetry.reader import RunReader
from tui.screenshots import at, still

HERE = Path(__file__).parent
SIZES = ((160, 50), (120, 40), (80, 24), (60, 20))
KEYS = {"overview": "1", "sip": "2", "links": "3", "sync": "4", "timeline": "5", "cube": "2 enter"}


async def texts(first, *sizes):
    """Every screen at a part of the recording, at one size after another; the first is where it begins."""
    app = still(RunReader(HERE / "recording"))
    found = {}
    async with app.run_test(size=first) as pilot:
        await at(app, pilot, 0.6)
        for size in sizes:
            await pilot.resize_terminal(*size)
            for name, keys in KEYS.items():
                await pilot.press(*keys.split())
                await pilot.pause()
                found[f"{name}-{size[0]}x{size[1]}"] = app.page.text()
                await pilot.press("escape")
    return found


def test_each_screen_is_drawn_as_it_was_before_at_each_size_of_a_terminal_that_changes_it(update_golden):
    found = asyncio.run(texts(SIZES[-1], *SIZES))
    folder = HERE / "snapshots"
    if update_golden:
        for name, text in found.items():
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    kept = {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.txt")}
    assert found.keys() == kept.keys()
    for name, text in found.items():
        columns, _, lines = name.rpartition("-")[2].partition("x")
        assert max(map(len, text.splitlines())) <= int(columns), name
        assert text.count("\n") == int(lines), name
        assert text == kept[name], f"snapshots/{name}.txt"


def test_without_colour_the_same_is_drawn(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    found = asyncio.run(texts(SIZES[0], SIZES[0], SIZES[-1]))
    assert found == {name: (HERE / "snapshots" / f"{name}.txt").read_text(encoding="utf-8") for name in found}
