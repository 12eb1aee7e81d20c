"""The pictures of the documentation: `python -m tui.screenshots OUTDIR RUN` draws every screen of a recorded run."""

import asyncio
import sys
from pathlib import Path

from textual.pilot import Pilot

from kernbench.telemetry.reader import RunReader
from tui.app import Monitor
from tui.export import offline_svg
from tui.feeder import Feeder
from tui.glyphs import UNICODE
from tui.left import Left
from tui.pace import FASTEST_S, Pace
from tui.source import Source

SHOTS: tuple[tuple[str, tuple[int, int], tuple[str, ...]], ...] = (
    ("overview", (160, 50), ()),
    ("overview-120", (120, 40), ()),
    ("overview-80", (80, 24), ()),
    ("sip", (120, 40), ("2",)),
    ("cube", (120, 40), ("2", "enter")),
    ("links", (120, 40), ("3", "down", "down", "p")),
    ("sync", (120, 40), ("4",)),
    ("timeline", (120, 40), ("5",)),
    ("help", (120, 40), ("question_mark",)),
)
NEVER_S = 3600.0


class Whole(Feeder):
    """Reads all of a recording at once, in the thread that asks: every picture is the same every time."""

    def start(self) -> None:
        """Read it all."""
        while self.step():
            pass


def still(source: Source) -> Monitor:
    """A monitor that draws only when it is told to."""
    return Monitor(
        Whole(source),
        UNICODE,
        lambda *_: "this is a recording",
        lambda _: source,
        Pace(NEVER_S),
        "truecolor",
    )


async def at(app: Monitor, pilot: Pilot[Left], part: float) -> None:
    """Have all of the recording read, and the view paused at a part of it, 0 to 1."""
    await pilot.pause()
    app.view.paused = True
    while app.feeder.waiting:
        app.tick(0.0)
    app.commands.seek_part(part)
    app.view.hertz = 1 / FASTEST_S  # what a reader of the picture would have


async def shoot(source: Source, size: tuple[int, int], keys: tuple[str, ...], part: float = 0.5) -> tuple[str, str]:
    """The screen after some keys, at a part of the recording: as SVG and as text."""
    app = still(source)
    async with app.run_test(size=size) as pilot:
        await at(app, pilot, part)
        for key in keys:
            await pilot.press(key)
        app.view.notice = ""
        app.redraw()
        await pilot.pause()
        page = app.page
        assert page is not None
        return offline_svg(app.export_screenshot()), page.text()


def main(folder: Path, run: Path) -> None:
    """Write all pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    source = RunReader(run)
    for name, size, keys in SHOTS:
        svg, text = asyncio.run(shoot(source, size, keys))
        (folder / f"{name}.svg").write_text(svg, encoding="utf-8")
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m tui.screenshots OUTDIR RUN")
    main(Path(sys.argv[1]), Path(sys.argv[2]))
