"""The view: what is shown of a run, with what is chosen in it; no Textual in here."""

from typing import Any

from kernbench.common.units import Fs
from tui.activity import Activity
from tui.filter import Test, parse
from tui.glyphs import Glyphs
from tui.palette import Palette
from tui.plan import Plan
from tui.rows import SORTS
from tui.source import NO_FACTS, Facts
from tui.store import Store
from tui.tape import Tape

ON_DEMAND = frozenset({"limit", "interrupted", "terminated"})
"""Kinds of ends that somebody asked for: nothing went wrong."""


class View:
    """All that boards draw from; one for a monitor, owned by its application."""

    def __init__(self, plan: Plan, glyphs: Glyphs, palette: Palette, title: str) -> None:
        self.plan = plan
        self.glyphs = glyphs
        self.palette = palette
        self.title = title
        self.store = Store(plan)
        self.tape = Tape(len(plan.layout.workers))
        self.activity = Activity(plan)
        self.facts: Facts = NO_FACTS
        self.live = False
        self.paused = False
        self.sim_paused = False
        self.capturing = False
        self.speed_ns = 0
        self.free_ns = 0  # what the run did in a second before it had a limit
        self.hertz = 10.0
        self.slow = False
        self.notice = ""
        self.width, self.height = 80, 24
        self.sip = 0
        self.cube = 0
        self.cube_open = False
        self.cube_top = 0
        self.link: int | None = None
        self.following_hottest = False
        self.pins: list[int] = []
        self.filter_text = ""
        self.filter: Test = parse("")
        self.sort = 0
        self.row = 0
        self.cursor = 0
        self.timeline_top = 0
        self.brush: tuple[Fs, Fs] | None = None
        self.brush_from: Fs | None = None

    @property
    def sort_name(self) -> str:
        """The column that links are sorted by."""
        return SORTS[self.sort]

    def told(self, state: str) -> str:
        """The state of a frame as it is known by now: who was killed did not publish it, whatever others did then."""
        if self.facts.killed:
            return "killed"
        return "ended" if self.facts.document is not None and self.tape.at_end else state

    @property
    def state(self) -> str:
        """What the run does at this moment, in a word; at its end how it ended."""
        state = self.told(self.store.state)
        return self.outcome if state == "ended" else state

    @property
    def status(self) -> dict[str, Any]:
        """How the run ended, as run.json has it, once the view has come to that; empty before."""
        document = self.facts.document or {}
        return document.get("status") or {} if self.tape.at_end else {}

    @property
    def outcome(self) -> str:
        """The end of a run in a word: `ended`, `stopped` by somebody or a limit, `failed`."""
        status = self.status
        if not status.get("exit"):
            return "ended"
        return "stopped" if status.get("kind") in ON_DEMAND else "failed"

    def set_filter(self, text: str) -> None:
        """Filter links; a text that cannot be read raises FilterError and changes nothing."""
        self.filter = parse(text)
        self.filter_text = text.strip()

    def choose_link(self, link: int) -> None:
        """Choose a link and the cube that it starts in."""
        self.link = link
        place = self.plan.layout.links[link]
        if 0 <= place.sip < self.plan.sips:
            self.sip = place.sip
            if self.plan.cube_of[link] >= 0:
                self.cube = self.plan.cube_of[link]

    def choose_cube(self, sip: int, cube: int) -> None:
        """Choose a cube."""
        self.sip = min(max(sip, 0), self.plan.sips - 1)
        self.cube = min(max(cube, 0), self.plan.cubes - 1)

    def follow(self) -> None:
        """Choose the hottest link if the view follows it."""
        if self.following_hottest and (hottest := self.store.hottest(1)):
            self.choose_link(hottest[0])

    def toggle_pin(self) -> bool:
        """Pin the chosen link, or let it go; whether there was one."""
        if self.link is None:
            return False
        if self.link in self.pins:
            self.pins.remove(self.link)
        else:
            self.pins = [*self.pins, self.link][-4:]
        return True
