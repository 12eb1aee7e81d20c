"""The timeline: phases, computing and moving of each SIP over simulated time, with a window to brush."""

from collections.abc import Sequence
from itertools import groupby

from kernbench.common.units import Fs
from kernbench.telemetry.frame import FULL
from tui.board import Board
from tui.glyphs import Line, Part, level_of
from tui.text import fit, head, plain, time, width_of

LABEL = 14
LINES = 3
"""Lines of a SIP."""
NOBODY = -1
LEAST_NAME = 3
"""The fewest cells that a part of a phase's name is worth."""


class Stretch:
    """Simulated time on a line of cells."""

    def __init__(self, end: Fs, cells: int) -> None:
        self.end = max(1, end)
        self.cells = max(1, cells)

    def time(self, cell: int) -> Fs:
        """The time at the left edge of a cell."""
        return self.end * cell // self.cells

    def cell(self, time_fs: Fs) -> int:
        """The cell in which a time is."""
        return min(self.cells - 1, max(0, time_fs * self.cells // self.end))


class Timeline(Board):
    """Three lines for each SIP; the cursor and the window stand in the ruler and below."""

    SCROLLS = True

    def stretch(self, width: int) -> Stretch:
        """The whole run so far, in the cells at the right of the labels."""
        return Stretch(self.view.activity.end, width - LABEL)

    def lines(self, width: int, height: int) -> list[Line]:
        """The ruler, the SIPs and the brush."""
        view = self.view
        stretch = self.stretch(width)
        view.cursor = min(max(0, view.cursor), stretch.cells - 1)
        lines: list[Line] = [((head(" TIMELINE", LABEL) + self._ruler(stretch), "head"),), self._marks(stretch)]
        shown = self.shown(height)
        for sip in shown:
            lines.append(self._phases(sip, stretch))
            lines.append(self._row("compute", "compute", view.activity.compute[sip], stretch))
            lines.append(self._row("move", "comm", view.activity.moving[sip], stretch))
        if len(shown) < view.plan.sips:
            text = f" {len(shown)} of {view.plan.sips} SIPs: up and down show the others"
            lines.append(((head(text, width), "dim"),))
        at = time(stretch.time(view.cursor))
        text = f" cursor {at}"
        if view.brush_from is not None:
            text += f"   window from {time(view.brush_from)}: Enter ends it here"
        elif view.brush is not None:
            text += f"   window {time(view.brush[0])} to {time(view.brush[1])}: Esc forgets it"
        else:
            text += "   Enter begins a window, g goes there"
        return [*lines, ((head(text, width), "dim"),)]

    def shown(self, height: int) -> range:
        """The SIPs that have room; above them stand ruler and marks, below the cursor and how many there are in all."""
        view, sips = self.view, self.view.plan.sips
        room = sips if (height - 3) // LINES >= sips else max(1, (height - 4) // LINES)
        view.timeline_top = min(max(0, view.timeline_top), sips - room)
        return range(view.timeline_top, view.timeline_top + room)

    def _ruler(self, stretch: Stretch) -> str:
        cells = ""
        step = max(14, stretch.cells // 6)
        for cell in range(0, stretch.cells, step):
            room = min(step, stretch.cells - cell)
            mark = f"{self.view.glyphs.bar}{time(stretch.time(cell))}"
            cells += fit(mark if len(mark) <= room else "", room)
        return cells

    def _marks(self, stretch: Stretch) -> Line:
        view, glyphs = self.view, self.view.glyphs
        cells = [" "] * stretch.cells
        if view.brush is not None:
            for cell in range(stretch.cell(view.brush[0]), stretch.cell(view.brush[1]) + 1):
                cells[cell] = glyphs.rule
        if view.brush_from is not None:
            cells[stretch.cell(view.brush_from)] = "["
        if view.activity.end:
            cells[stretch.cell(view.store.now)] = glyphs.bar
        cells[view.cursor] = glyphs.south
        return ((fit(" now, cursor", LABEL), "dim"), ("".join(cells), "key"))

    def _phases(self, sip: int, stretch: Stretch) -> Line:
        """A bracket where each phase begins, its name where most of it is seen; inner ones stand over outer ones."""
        phases = self._phases_of(sip)
        seen = [NOBODY] * stretch.cells
        for place, (_, begin, end) in enumerate(phases):
            for cell in range(stretch.cell(begin), stretch.cell(max(begin, end - 1)) + 1):
                seen[cell] = place
        runs = [(place, [*cells]) for place, cells in groupby(range(stretch.cells), seen.__getitem__)]
        most: dict[int, list[int]] = {}
        for place, cells in runs:
            most[place] = max(most.get(place, cells), cells, key=len)
        parts: list[Part] = [(fit(f" SIP{sip} phases", LABEL), "title")]
        for place, cells in runs:
            if place == NOBODY:
                parts.append((" " * len(cells), ""))
                continue
            name, begin, _ = phases[place]
            mark = "[" if cells[0] == stretch.cell(begin) else ""
            label = plain(name) if cells is most[place] else ""
            room = len(cells) - len(mark)
            text = head(label, room) if room >= min(LEAST_NAME, width_of(label)) else " " * room
            parts.append((mark + text, "phase" if place % 2 else "phase2"))
        return tuple(parts)

    def _phases_of(self, sip: int) -> Sequence[tuple[str, Fs, Fs]]:
        view, now = self.view, self.view.store.now
        rows = [(row.name, row.start, row.end) for row in view.facts.phases if row.sip == sip]
        marks = view.store.phases_of(sip)
        if rows:  # of a run that was cut short the last ones have no end, and stand in frames alone
            later = {begin for _, begin, end in rows if end > now}
            marks = [mark for mark in marks if mark.end is None and mark.start not in later]
        rows += [(m.name, m.start, now if m.end is None else m.end) for m in marks]
        return sorted(rows, key=lambda row: (row[1], -row[2]))[-512:]

    def _row(self, name: str, style: str, row: list[int], stretch: Stretch) -> Line:
        view = self.view
        values = [view.activity.share(row, stretch.time(c), stretch.time(c + 1)) for c in range(stretch.cells)]
        mean = view.activity.share(row, 0, view.activity.end) if view.activity.end else 0
        blocks = "".join([view.glyphs.blocks[level_of(value)] for value in values])
        return ((f"   {name:<7}", "dim"), (f"{mean * 100 // FULL:3}%", style), (blocks, style))

    def target(self, x: int, y: int) -> bool:  # noqa: ARG002  # time runs along x alone
        """Put the cursor there; a second click there begins or ends the window."""
        if x < LABEL:
            return False
        self.view.cursor = x - LABEL
        return True
