"""The mesh: all SIPs in one widget, each cube with its memory and PEs, each link in both directions."""

from itertools import accumulate, pairwise

from tui.board import Board
from tui.glyphs import Line, Part, cells, level_of
from tui.mean import Some
from tui.plan import NOWHERE, Plan
from tui.text import fit, rate
from tui.tiers import DOTS, HUGE, LARGE, MEDIUM, Grid, Tier, choose_grid
from tui.view import View


class Rows:
    """The rows of cubes as they were drawn last: one whose loads are the same is not drawn again."""

    def __init__(self, view: View) -> None:
        self._view = view
        plan = view.plan
        self._kept: dict[tuple[int, int], tuple[object, list[list[Part]]]] = {}
        rows, sips = range(plan.rows), range(plan.sips)
        self._links = [[Some(_links_of(plan, sip, row)) for row in rows] for sip in sips]
        self._inside = [[Some(_inside_of(plan, sip, row)) for row in rows] for sip in sips]
        self._units = [[Some(_units_of(plan, sip, row)) for row in rows] for sip in sips]

    def row(self, drawing: "Drawing", sip: int, row: int) -> list[list[Part]]:
        """The lines of one row of cubes."""
        store, cols = self._view.store, self._view.plan.cols
        chosen = drawing.chosen if row * cols <= drawing.chosen < (row + 1) * cols else -1
        loads = self._links[sip][row].of(store.links), self._units[sip][row].of(store.units)
        inside = self._inside[sip][row].of(store.links) if drawing.tier is HUGE else ()
        key = drawing.tier, chosen, loads, inside
        kept = self._kept.get((sip, row))
        if kept is None or kept[0] != key:
            kept = self._kept[sip, row] = key, drawing.row(row)
        return kept[1]


def _links_of(plan: Plan, sip: int, row: int) -> list[int]:
    """The links around the cubes of a row and those of their memories."""
    own = slice(row * plan.cols, (row + 1) * plan.cols)
    sides = (plan.east, plan.west, plan.south, plan.north, plan.hbm_read, plan.hbm_write)
    return [*(number for side in sides for number in side[sip][own]), plan.io_out[sip][row], plan.io_in[sip][row]]


def _inside_of(plan: Plan, sip: int, row: int) -> list[int]:
    """The links inside the cubes of a row, which the largest pictures alone show."""
    own = slice(row * plan.cols, (row + 1) * plan.cols)
    return [number for inside in plan.of_cube[sip][own] for number in inside]


def _units_of(plan: Plan, sip: int, row: int) -> list[int]:
    own = slice(row * plan.cols, (row + 1) * plan.cols)
    return [number for cube in plan.pes[sip][own] for units in cube for number in units]


class Drawing:
    """The lines of one SIP at one moment."""

    def __init__(self, view: View, sip: int, tier: Tier, *, chosen: int) -> None:
        self.tier = tier
        self.chosen = chosen
        self._view = view
        self._plan = view.plan
        self._glyphs = view.glyphs
        self._sip = sip
        self._now = view.store.links

    def lines(self, rows: Rows) -> list[list[Part]]:
        """The title, then boxes of cubes with links between them, each as wide as the tier says."""
        lines = [self._title()]
        for row in range(self._plan.rows):
            lines += rows.row(self, self._sip, row)
        return lines

    def row(self, row: int) -> list[list[Part]]:
        """One row of cubes and the links below it."""
        plan, tier = self._plan, self.tier
        lines: list[list[Part]] = []
        first = row * plan.cols
        boxes = [self._box(cube) for cube in range(first, first + plan.cols)]
        for k in range(tier.lines):
            line = self._beside(plan.io_out[self._sip][row], plan.io_in[self._sip][row], k, tier.io)
            for column, box in enumerate(boxes):
                line += box[k]
                if column + 1 < plan.cols:
                    cube = first + column
                    line += self._beside(plan.east[self._sip][cube], plan.west[self._sip][cube], k, tier.gap)
            lines.append(line)
        if tier.below and row + 1 < plan.rows:
            line = [(" " * tier.io, "")]
            for column in range(plan.cols):
                line += self._below(first + column)
                if column + 1 < plan.cols:
                    line.append((" " * tier.gap, ""))
            lines.append(line)
        return lines

    def _title(self) -> list[Part]:
        view, glyphs, sip = self._view, self._glyphs, self._sip
        width = self.tier.width(self._plan)
        name = f"SIP{sip}"
        parts: list[Part] = [(name, "sel" if sip == view.sip else "title"), (" ", "")]
        rest = width - len(name) - 1
        moved = rate(view.store.sip_rate(sip))
        wanted: list[list[Part]] = [[(f"{moved} ", "bold")]]
        wanted += self._fabric(rest - cells(*wanted))
        host = [self._now[number] for number in self._plan.pcie[sip]]
        if host:
            wanted.append([("pcie", "dim"), glyphs.block[max(host)]])
        for group in wanted:
            if cells(group) > rest:
                break
            parts += group
            rest -= cells(group)
        parts.append((" " * max(0, rest), ""))
        return parts if width > len(name) else [(fit(name[-width:], width), "title")]

    def _fabric(self, room: int) -> list[list[Part]]:
        """The links to other SIPs: better all of them as blocks alone than only some of them with their digits."""
        plan, glyphs, sip = self._plan, self._glyphs, self._sip
        ends = [(glyphs.east, target, number) for source, target, number in plan.fabric if source == sip]
        if plan.from_switch[sip] != NOWHERE:
            ends.append((glyphs.west, None, plan.from_switch[sip]))
        full: list[list[Part]] = []
        short: list[list[Part]] = []
        for arrow, end, number in ends:
            way = f"{arrow}{'switch' if end is None else end}", "dim"
            load = self._now[number]
            full.append([way, glyphs.block[load], glyphs.digits2[load], (" ", "")])
            short.append([way, glyphs.block[load]])
        return full if cells(*full) <= room else [*short, [(" ", "")]]

    def _loads(self, cube: int) -> list[int]:
        units = self._view.store.units
        return [max([units[number] for number in own], default=0) for own in self._plan.pes[self._sip][cube]]

    def _box(self, cube: int) -> list[list[Part]]:
        """The lines of a cube: its name and load, memory, PEs, and what else there is room for."""
        tier, glyphs, now = self.tier, self._glyphs, self._now
        read, write = now[self._plan.hbm_read[self._sip][cube]], now[self._plan.hbm_write[self._sip][cube]]
        pes = self._loads(cube)
        pe = sum(pes) // len(pes) if pes else 0
        load = max(read, write, pe)
        ground = f"c{level_of(load)}"
        block, digits = glyphs.block, glyphs.digits3
        if tier in (HUGE, LARGE):
            label = f" c{cube:02}"
            blocks = [block[value] for value in gather(pes, 4)]
            lines: list[list[Part]] = [
                [(label, ground), (" " * (tier.box - len(label) - 4), ground), (digits[load][0] + " ", ground)],
                [
                    (" hbm", ground),
                    block[read],
                    block[write],
                    (" " * (tier.box - 10), ground),
                    digits[max(read, write)],
                ],
                [(" pe ", ground), *blocks, (" " * (tier.box - 8 - len(blocks)), ground), digits[pe]],
            ]
            lines[1].append((" ", ground))
            lines[2].append((" ", ground))
            if tier is HUGE:
                inside = self._plan.of_cube[self._sip][cube]
                kinds = self._plan.layout.links
                noc = max([now[n] for n in inside if kinds[n].kind == "noc"], default=0)
                xbar = max([now[n] for n in inside if kinds[n].kind == "xbar"], default=0)
                lines.append([(" noc", ground), block[noc], ("    xbar", ground), block[xbar], (" ", ground)])
        elif tier is MEDIUM:
            blocks = [block[value] for value in gather(pes, 4)]
            lines = [
                [(f"c{cube:02}".ljust(5), ground), (digits[load][0] + " ", ground)],
                [("h", ground), block[read], block[write], ("p", ground), *blocks],
            ]
            lines[1].append((" " * (5 - len(blocks)), ground))
        elif tier is DOTS:
            lines = [[block[load]]]
        else:
            lines = [[glyphs.digit[max(read, write)], glyphs.digit[pe]]]
        if cube == self.chosen:
            return [[(text, "sel") for text, _ in line] for line in lines]
        return [[(text, name if name[0] == "c" else ground + name) for text, name in line] for line in lines]

    def _beside(self, east: int, west: int, k: int, width: int) -> list[Part]:
        """Line `k` of the links to the right: there above, back below."""
        if not width:
            return []
        glyphs, now = self._glyphs, self._now
        there, back = now[east], now[west]
        if width == 2:
            return [glyphs.block[there] if east >= 0 else (" ", ""), glyphs.block[back] if west >= 0 else (" ", "")]
        first, second = {HUGE.gap: (1, 2), LARGE.gap: (0, 2), MEDIUM.gap: (0, 1)}[width]
        link, value, arrow = (east, there, glyphs.east) if k == first else (west, back, glyphs.west)
        if k not in (first, second) or link < 0:
            return [(" " * width, "")]
        style = glyphs.block[value][1]
        if width == HUGE.gap:
            return [(" " + arrow, style), glyphs.wide[value], glyphs.digits3[value]]
        if width == LARGE.gap:
            return [(arrow, style), glyphs.block[value], glyphs.digits3[value], (" ", "")]
        return [(arrow, style), glyphs.block[value], glyphs.digits2[value]]

    def _below(self, cube: int) -> list[Part]:
        """The links to the cube below: down at the left, up at the right."""
        tier, glyphs, now = self.tier, self._glyphs, self._now
        south, north = self._plan.south[self._sip][cube], self._plan.north[self._sip][cube]
        if south < 0 and north < 0:
            return [(" " * tier.box, "")]
        down, up = now[south], now[north]
        if tier.box == 2:
            return [glyphs.block[down], glyphs.block[up]]
        digits = glyphs.digits2 if tier is MEDIUM else glyphs.digits3
        there = [(glyphs.south, glyphs.block[down][1]), glyphs.block[down], digits[down]]
        back = [(glyphs.north, glyphs.block[up][1]), glyphs.block[up], digits[up]]
        if tier is MEDIUM:
            return [*there, *back, (" ", "")]
        space = (tier.box - 10) // 2
        return [(" " * space, ""), *there, *back, (" " * (tier.box - 10 - space), "")]


def gather(values: list[int], most: int) -> list[int]:
    """At most so many values: the largest of each group of neighbours."""
    if len(values) <= most:
        return values
    edges = list(accumulate([0] + [len(values) // most + (i < len(values) % most) for i in range(most)]))
    return [max(values[begin:end]) for begin, end in pairwise(edges)]


class Mesh(Board):
    """All SIPs; `grid` is chosen from the size of the screen, never from the widget's own."""

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(view, id=id)
        self.grid: Grid = choose_grid(view.plan, view.width, view.height)
        self._top = 0
        self._rows = Rows(view)

    def lines(self, width: int, height: int) -> list[Line]:
        """The SIPs in their grid; when not all fit, the rows around the chosen one."""
        view, plan = self.view, self.view.plan
        tier, across, down, space = self.grid
        each = tier.height(plan) + 1
        fitting = max(1, (height + 1) // each)
        chosen_row = view.sip // across
        self._top = min(max(0, min(self._top, chosen_row)), max(0, down - fitting))
        self._top = max(self._top, chosen_row - fitting + 1)
        margin = self._margin(width)
        lines: list[Line] = []
        for row in range(self._top, min(down, self._top + fitting)):
            drawn = [
                Drawing(view, sip, tier, chosen=view.cube if sip == view.sip else -1).lines(self._rows)
                for sip in range(row * across, min(plan.sips, (row + 1) * across))
            ]
            if lines:
                lines.append(())
            for parts in zip(*drawn, strict=True):
                line: list[Part] = [(" " * margin, "")]
                for place, part in enumerate(parts):
                    if place:
                        line.append((" " * space, ""))
                    line += part
                lines.append(tuple(line))
        return lines

    def target(self, x: int, y: int) -> bool:
        """Choose the cube that stands there."""
        plan = self.view.plan
        tier, across, _, space = self.grid
        column, inner_x = divmod(x - self._margin(self.size.width), tier.width(plan) + space)
        row, inner_y = divmod(y, tier.height(plan) + 1)
        sip = (self._top + row) * across + column
        if not 0 <= column < across or sip >= plan.sips:
            return False
        self.view.choose_cube(sip, _cube_at(tier, plan.rows, plan.cols, inner_x, inner_y))
        return True

    def _margin(self, width: int) -> int:
        tier, across, _, space = self.grid
        return max(0, (width - across * (tier.width(self.view.plan) + space) + space) // 2)


class OneSip(Board):
    """The chosen SIP alone, as large as fits."""

    def __init__(self, view: View, *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(view, id=id)
        self.tier: Tier = LARGE
        self._rows = Rows(view)

    def lines(self, width: int, height: int) -> list[Line]:  # noqa: ARG002  # the tier was chosen to fit
        """The SIP in the middle."""
        view = self.view
        margin = max(0, (width - self.tier.width(view.plan)) // 2)
        drawn = Drawing(view, view.sip, self.tier, chosen=view.cube).lines(self._rows)
        return [((" " * margin, ""), *line) for line in drawn]

    def target(self, x: int, y: int) -> bool:
        """Choose the cube that stands there."""
        plan = self.view.plan
        margin = max(0, (self.size.width - self.tier.width(plan)) // 2)
        self.view.choose_cube(self.view.sip, _cube_at(self.tier, plan.rows, plan.cols, x - margin, y))
        return True


def _cube_at(tier: Tier, rows: int, cols: int, x: int, y: int) -> int:
    column = min(cols - 1, max(0, (x - tier.io) // (tier.box + tier.gap)))
    row = min(rows - 1, max(0, (y - 1) // (tier.lines + tier.below)))
    return row * cols + column
