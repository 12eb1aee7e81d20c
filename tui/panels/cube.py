"""The chosen cube: its UCIe links, crossbar, memory and PEs; opened, its routers, slices and every engine."""

from kernbench.telemetry.layout import SLICE
from tui.board import Board
from tui.glyphs import Line, Part, level_of, percent_of
from tui.plan import NOWHERE
from tui.text import fit, head, plain, rate, right
from tui.view import View

MANY = 255
"""What a frame says of a queue that is as long or longer."""
BAR, FEWEST = 16, 60
"""Cells of a slice's load bar, and the columns below which all slices of a cube share a line."""


def state_of(value: int) -> str:
    """What an engine does, in a word."""
    return "idle" if value == 0 else "busy" if percent_of(value) >= 90 else "part"


class Cube(Board):
    """A line for each part of the cube: load now, its history and what it moves."""

    SCROLLS = True

    def lines(self, width: int, height: int) -> list[Line]:
        """The summary, or every engine when the cube is open."""
        view = self.view
        title = f" SIP{view.sip} > cube {view.cube:02}"
        title += " > routers, engines  (Esc: back)" if view.cube_open else "   (Enter: open)"
        lines: list[Line] = [((head(title, width), "head"),)]
        return lines + (self._opened(width, height - 1) if view.cube_open else self._summary(width, height - 1))

    def _summary(self, width: int, height: int) -> list[Line]:
        plan, sip, cube = self.view.plan, self.view.sip, self.view.cube
        kinds = plan.layout.links
        inside = plan.of_cube[sip][cube]
        rows = [(f"ucie {side}", numbers) for side, numbers in sides(self.view).items()]
        rows += [
            ("hbm read", [plan.hbm_read[sip][cube]]),
            ("hbm write", [plan.hbm_write[sip][cube]]),
            ("xbar", [number for number in inside if kinds[number].kind == "xbar"]),
            ("noc", [number for number in inside if kinds[number].kind == "noc"]),
        ]
        lines = [self._links(name, [n for n in numbers if n != NOWHERE], width) for name, numbers in rows]
        slices = plan.slices[sip][cube]
        if slices:
            lines.insert(len(sides(self.view)) + 2, self._units("slices", slices, width))  # below reads and writes
        lines += [self._units(f"pe{pe}", units, width) for pe, units in enumerate(plan.pes[sip][cube])]
        room = height - len(lines)
        waits = [plain(each) for each in self._waiters()][: max(0, room - 1)]
        if waits:
            lines.append(((" WAITS", "title"),))
            lines += [((head(f"  {each}", width), "warn"),) for each in waits]
        return lines

    def _waiters(self) -> tuple[str, ...]:
        state = self.view.store.sips.get(self.view.sip)
        mark = f"cube{self.view.cube:02}"
        return tuple(each for each in state.waiters if mark in each) if state else ()

    def _links(self, name: str, numbers: list[int], width: int) -> Line:
        """Several links in one line: the busiest of them."""
        view, store = self.view, self.view.store
        if not numbers:
            return ((f" {name:<10}", "dim"), (view.glyphs.dot, "dim"))
        value = store.peak(numbers)
        busiest = max(numbers, key=lambda number: store.links[number])
        figure = f" {rate(store.gbs(busiest)):>10}"
        queue = max((store.hot[number].queue for number in numbers if number in store.hot), default=0)
        note = f" q{queue}" if queue else ""
        spark = max(0, width - 27 - len(note) - 8)
        return (
            (f" {name:<10}", ""), view.glyphs.wide[value], view.glyphs.digits3[value], ("%", "dim"),
            (figure, ""), (fit(note, 6), "warn"),
            (" " + view.glyphs.spark(store.trace(busiest, spark), spark), f"h{level_of(value)}"),
        )  # fmt: skip

    def _units(self, name: str, units: list[int], width: int) -> Line:
        """A PE or a memory in one line: a block for each engine or slice, the busiest one's history."""
        view, store = self.view, self.view.store
        parts: list[Part] = [(f" {name:<10}", "")]
        values = [store.units[number] for number in units]
        parts += [view.glyphs.block[value] for value in values[:8]]
        parts.append((" " * (9 - min(8, len(values))), ""))
        if not units:
            return tuple(parts)
        busiest = max(units, key=lambda number: store.units[number])
        unit = view.plan.layout.units[busiest]
        kind = plain(unit.name.rpartition(".")[2] if unit.kind == SLICE else unit.kind)
        parts += [view.glyphs.digits3[store.units[busiest]], ("%", "dim"), (fit(f" {kind}", 11), "dim")]
        spark = max(0, width - 35)
        trace = store.unit_trace(busiest, spark)
        parts.append((" " + view.glyphs.spark(trace, spark), f"h{level_of(store.units[busiest])}"))
        return tuple(parts)

    def _opened(self, width: int, height: int) -> list[Line]:
        """Every link and engine, those that were idle for a while in a line; scrolled when there are too many."""
        view, plan = self.view, self.view.plan
        links = [n for n in plan.of_cube[view.sip][view.cube] if plan.layout.links[n].kind != "pe"]
        used = [number for number in links if max(view.store.trace(number), default=0)]
        lines: list[Line] = [((head(" ROUTERS, XBAR, MEMORY        load  queue kind", width), "title"),)]
        lines += [self._link(number, width) for number in used]
        if len(used) < len(links):
            lines.append(((f" {len(links) - len(used)} of {len(links)} links: idle for a while", "dim"),))
        lines += self._slices(plan.slices[view.sip][view.cube], width)
        lines.append(((head(" ENGINES        state  load    ops  queue into it", width), "title"),))
        for pe, units in enumerate(plan.pes[view.sip][view.cube]):
            if any(max(view.store.unit_trace(number), default=0) for number in units):
                lines += [self._engine(pe, number, width) for number in units]
            else:
                lines.append(((f" pe{pe} {len(units)} engines: idle for a while", "dim"),))
        if len(lines) <= height:
            view.cube_top = 0
            return lines
        rows = max(1, height - 1)
        view.cube_top = max(0, min(view.cube_top, len(lines) - rows))
        last = view.cube_top + rows
        text = f" lines {view.cube_top + 1} to {last} of {len(lines)}: up and down show the others"
        return [*lines[view.cube_top : last], ((head(text, width), "dim"),)]

    def _link(self, number: int, width: int) -> Line:
        view, store = self.view, self.view.store
        kind = view.plan.layout.links[number].kind
        value = store.links[number]
        name = view.plan.short[number].partition(".")[2].replace(f"cube{view.cube:02}.", "")
        queue = f"q{store.hot[number].queue}" if number in store.hot else view.glyphs.dot
        spark = max(0, width - 50)
        return (
            (f" {fit(name, 28)}", ""), view.glyphs.wide[value],
            view.glyphs.digits3[value], ("%", "dim"), (right(queue, 5), "warn" if queue[0] == "q" else "dim"),
            (fit(f" {kind}", 6), "dim"),
            ("  " + view.glyphs.spark(store.trace(number, spark), spark), f"h{level_of(value)}"),
        )  # fmt: skip

    def _slices(self, slices: list[int], width: int) -> list[Line]:
        """The slices of the cube's memory, none in records made before slices were told."""
        if not slices:
            return []
        lines: list[Line] = [((head(" HBM SLICES     state  load", width), "title"),)]
        if not any(max(self.view.store.unit_trace(number), default=0) for number in slices):
            return [*lines, ((f" {len(slices)} slices: idle for a while", "dim"),)]
        if width < FEWEST:
            return [*lines, self._units("all", slices, width)]
        return lines + [self._slice(number, width) for number in slices]

    def _slice(self, number: int, width: int) -> Line:
        """A slice in one line: its load as a bar, and its history."""
        view, store = self.view, self.view.store
        value = store.units[number]
        full, empty = view.glyphs.gauge(value, BAR)
        spark = max(0, width - 28 - BAR)
        return (
            (f" {fit(plain(view.plan.layout.units[number].name.rpartition('.')[2]), 14)} ", ""),
            (f"{state_of(value):<5}", "good" if value else "dim"),
            (full, f"h{level_of(value)}"), (empty, "dim"), view.glyphs.digits3[value], ("%", "dim"),
            ("   " + view.glyphs.spark(store.unit_trace(number, spark), spark), f"h{level_of(value)}"),
        )  # fmt: skip

    def _engine(self, pe: int, number: int, width: int) -> Line:
        view, store = self.view, self.view.store
        unit = view.plan.layout.units[number]
        value = store.units[number]
        waiting, queue = self._waiting_for(number), self._queue_at(unit.name)
        spark = max(0, width - 46)
        return (
            (f" pe{pe} {fit(plain(unit.name.rpartition('.')[2]), 10)} ", ""),
            (f"{state_of(value):<5}", "good" if value else "dim"), view.glyphs.wide[value],
            view.glyphs.digits3[value], ("%", "dim"), (right(waiting, 6), "dim" if waiting in (view.glyphs.dot, "0") else "warn"),
            (right(queue, 6), "warn" if queue != view.glyphs.dot else "dim"),
            ("   " + view.glyphs.spark(store.unit_trace(number, spark), spark), f"h{level_of(value)}"),
        )  # fmt: skip

    def _waiting_for(self, number: int) -> str:
        """Operations that wait to start on an engine; engines of one kind have one queue."""
        queues = self.view.store.queues
        if not queues:  # a record of before they were told
            return self.view.glyphs.dot
        return str(queues[number]) if queues[number] < MANY else f"{MANY}+"

    def _queue_at(self, unit: str) -> str:
        """Packets that wait for a link into the PE of an engine, where the run told it."""
        pe = unit.rpartition(".")[0]
        layout, hot = self.view.plan.layout, self.view.store.hot
        queues = [each.queue for number, each in hot.items() if layout.links[number].target.startswith(pe + ".")]
        return f"q{max(queues)}" if queues else self.view.glyphs.dot


def sides(view: View) -> dict[str, list[int]]:
    """The links out of and into the chosen cube at each side."""
    plan, sip, cube = view.plan, view.sip, view.cube
    row, column = divmod(cube, plan.cols)
    west = [plan.west[sip][cube - 1], plan.east[sip][cube - 1]] if column else []
    if not column:
        west = [plan.io_in[sip][row], plan.io_out[sip][row]]
    return {
        "N": [plan.north[sip][cube - plan.cols], plan.south[sip][cube - plan.cols]] if row else [],
        "S": [plan.south[sip][cube], plan.north[sip][cube]],
        "W": west,
        "E": [plan.east[sip][cube], plan.west[sip][cube]] if column + 1 < plan.cols else [],
    }
