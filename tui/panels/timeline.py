"""The timeline: phases, computing and moving of each SIP over simulated time, with a window to brush."""

from collections.abc import Sequence

from kernbench.common.units import Fs
from kernbench.telemetry.frame import FULL
from tui.board import Board
from tui.glyphs import Line, Part, level_of
from tui.text import fit, head, plain, time

LABEL = 14


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

    def stretch(self, width: int) -> Stretch:
        """The whole run so far, in the cells at the right of the labels."""
        return Stretch(self.view.activity.end, width - LABEL)

    def lines(self, width: int, height: int) -> list[Line]:
        """The ruler, the SIPs and the brush."""
        view = self.view
        stretch = self.stretch(width)
        view.cursor = min(max(0, view.cursor), stretch.cells - 1)
        lines: list[Line] = [((head(" TIMELINE", LABEL) + self._ruler(stretch), "head"),), self._marks(stretch)]
        for sip in range(view.plan.sips):
            if len(lines) + 3 > height - 1:
                rest = view.plan.sips - sip
                lines.append(((f" and {rest} more {'SIP' if rest == 1 else 'SIPs'}: too many for this screen", "dim"),))
                break
            lines.append(self._phases(sip, stretch))
            lines.append(self._row("compute", "compute", view.activity.compute[sip], stretch))
            lines.append(self._row("move", "comm", view.activity.moving[sip], stretch))
        at = time(stretch.time(view.cursor))
        text = f" cursor {at}"
        if view.brush_from is not None:
            text += f"   window from {time(view.brush_from)}: Enter ends it here"
        elif view.brush is not None:
            text += f"   window {time(view.brush[0])} to {time(view.brush[1])}: Esc forgets it"
        else:
            text += "   Enter begins a window, g goes there"
        return [*lines, ((head(text, width), "dim"),)]

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
        """The names of the phases, each over its own time; inner ones stand over outer ones."""
        text, styles = [" "] * stretch.cells, [""] * stretch.cells
        for place, (name, begin, end) in enumerate(self._phases_of(sip)):
            first, last = stretch.cell(begin), stretch.cell(max(begin, end - 1))
            label = "[" + head(plain(name), last - first) if last > first else "["
            for offset, char in enumerate(label[: last - first + 1]):
                text[first + offset] = char
                styles[first + offset] = "phase" if place % 2 else "phase2"
        parts: list[Part] = [(fit(f" SIP{sip} phases", LABEL), "title")]
        return (*parts, *zip(text, styles, strict=True))

    def _phases_of(self, sip: int) -> Sequence[tuple[str, Fs, Fs]]:
        view = self.view
        rows = [(row.name, row.start, row.end) for row in view.facts.phases if row.sip == sip]
        if not rows:
            now = view.store.now
            rows = [(m.name, m.start, now if m.end is None else m.end) for m in view.store.phases_of(sip)]
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
