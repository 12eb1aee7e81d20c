"""The heat map of a page: each SIP's mesh as SVG, with bars that grow with what they stand for."""

from typing import Any, NamedTuple

from kernbench.common.units import Fs, carry_time, to_ns
from kernbench.reporting.markup import percent, step, text
from kernbench.telemetry.layout import Layout, LinkPlace
from kernbench.telemetry.rows import LinkRow, Utilisation

CELL, GAP, IO = 78, 34, 46
"""Sizes in the SVG's units: a cube, the room between cubes, the width of the IO chiplet."""
BARS = (("noc", ("noc",), "NOC"), ("hbm", ("hbm", "xbar"), "HBM"), ("pe", ("pe",), "PE"))
"""Bars of a cube: name, the kinds of links that it stands for, its caption. A bar shows the busiest of its links."""
IO_BARS = (("io", ("io",), "IO"), ("pcie", ("pcie",), "PCIe"))


class Group(NamedTuple):
    """Links that are drawn as one bar: its title, their share of the whole run and in each bucket, in thousandths."""

    title: str
    links: tuple[str, ...]
    whole: int
    series: tuple[int, ...]


class Bar(NamedTuple):
    """A rectangle that fills from one side (`u` up, `r` right, `l` left, `d` down)."""

    x: float
    y: float
    width: float
    height: float
    way: str


class MeshMap:
    """Draws the SIPs and keeps the series of all bars."""

    def __init__(self, layout: Layout, links: list[LinkRow], buckets: Utilisation | None, sim_time: Fs) -> None:
        self._layout = layout
        self._rates = {link.name: link.bw for link in links}
        self._used = {link.name: carry_time(link.moved, link.bw) for link in links}
        self._buckets = buckets
        self._sim_time = sim_time
        self._groups: list[Group] = []
        self._inside: dict[tuple[str, str], list[str]] = {}
        self._between: dict[tuple[str, str], list[str]] = {}
        for link in layout.links:
            self._place(link)

    def draw(self) -> str:
        """A figure for each SIP."""
        return "\n".join(self._sip(sip) for sip in range(self._layout.sips))

    def series(self) -> dict[str, Any]:
        """What the slider needs: the width of a bucket in ns, and each bar's shares."""
        buckets = self._buckets
        return {
            "width_ns": 0 if buckets is None else to_ns(buckets.width),
            "buckets": 0 if buckets is None else max(map(len, buckets.busy.values()), default=0),
            "whole": [group.whole for group in self._groups],
            "series": [group.series if any(group.series) else 0 for group in self._groups],
        }

    def _place(self, link: LinkPlace) -> None:
        if link.kind in ("ucie", "fabric"):
            ends = _part(link.source), _part(link.target)
            if ends[0] != ends[1]:
                self._between.setdefault(ends, []).append(link.name)
                return
        self._inside.setdefault((_part(link.source), link.kind), []).append(link.name)

    def _sip(self, sip: int) -> str:
        rows, cols, name = self._layout.rows, self._layout.cols, f"sip{sip}"
        width, height = IO + cols * (CELL + GAP), rows * (CELL + GAP) - GAP
        parts = [self._io(name, height)]
        for cube in range(rows * cols):
            parts.append(self._cube(name, cube))
        return (
            f'<figure class="sip"><figcaption>{name}</figcaption>{self._fabric(sip)}'
            f'<svg viewBox="-1 -1 {width + 2} {height + 2}" role="img" aria-label="mesh of {name}">'
            f"{''.join(parts)}</svg></figure>"
        )

    def _cube(self, sip: str, cube: int) -> str:
        rows, cols = self._layout.rows, self._layout.cols
        row, col = divmod(cube, cols)
        x, y = IO + GAP + col * (CELL + GAP), row * (CELL + GAP)
        name = f"{sip}.cube{cube:02d}"
        parts = [
            f'<rect class="tile" x="{x}" y="{y}" width="{CELL}" height="{CELL}" rx="9"/>',
            f'<text class="name" x="{x + 8}" y="{y + 15}">{cube:02d}</text>',
        ]
        parts += self._columns(name, BARS, x, y, CELL)
        if col == 0:
            parts += self._pair(f"{sip}.io", name, x - GAP, y, level=True)
        if col + 1 < cols:
            parts += self._pair(name, f"{sip}.cube{cube + 1:02d}", x + CELL, y, level=True)
        if row + 1 < rows:
            parts += self._pair(name, f"{sip}.cube{cube + cols:02d}", x, y + CELL, level=False)
        return "".join(parts)

    def _io(self, sip: str, height: int) -> str:
        parts = [
            f'<rect class="tile" x="0" y="0" width="{IO}" height="{height}" rx="9"/>',
            f'<text class="name" x="{IO / 2}" y="15" text-anchor="middle">IO</text>',
        ]
        # Links of the host belong to the chiplet's own column.
        for kind in ("pcie",):
            self._inside.setdefault((f"{sip}.io", kind), []).extend(self._inside.pop((f"{sip}.host", kind), []))
        parts += self._columns(f"{sip}.io", IO_BARS, 0, 0, IO, height)
        return "".join(parts)

    def _columns(
        self, place: str, bars: tuple[tuple[str, tuple[str, ...], str], ...], x: float, y: float, width: float,
        height: float = CELL,
    ) -> list[str]:  # fmt: skip
        """Upright bars inside a tile, side by side, each above its caption."""
        each, parts = (width - 8) / len(bars), []
        for number, (_, kinds, caption) in enumerate(bars):
            names = [name for kind in kinds for name in self._inside.get((place, kind), ())]
            left = x + 4 + number * each
            bar = Bar(left + each / 2 - 6, y + 21, 12, height - 37, "u")
            parts.append(self._bar(bar, f"{place} {caption}", names))
            parts.append(f'<text class="cap" x="{left + each / 2}" y="{y + height - 5}">{caption}</text>')
        return parts

    def _pair(self, first: str, second: str, x: float, y: float, *, level: bool) -> list[str]:
        """Both directions between two neighbours."""
        long, middle, parts = GAP - 10, CELL / 2, []
        for number, (source, target) in enumerate(((first, second), (second, first))):
            names = self._between.get((source, target), [])
            offset = middle - 13 + 15 * number
            if level:
                bar = Bar(x + 5, y + offset, long, 11, "rl"[number])
            else:
                bar = Bar(x + offset, y + 5, 11, long, "du"[number])
            parts.append(self._bar(bar, f"{source} to {target}", names))
            parts.append(_arrow(bar))
        return parts

    def _fabric(self, sip: int) -> str:
        """The links from this SIP to others, as lines of text with bars."""
        names = [link.name for link in self._layout.links if link.kind == "fabric" and link.sip == sip]
        lines = []
        for name in names:
            number, group = self._group(name, [name])
            share = group.whole / 1000
            lines.append(
                f'<span class="fab" title="{text(name)}"><b>{text(name)}</b><i class="track">'
                f'<i class="fill" data-g="{number}" data-way="w" style="--u:{share};--c:var(--h{step(group.whole)})"></i></i>'
                f'<span class="val" data-t="{number}">{percent(share)}</span></span>'
            )
        return f'<div class="fabrics">{"".join(lines)}</div>' if lines else ""

    def _group(self, title: str, names: list[str]) -> tuple[int, Group]:
        whole = max((self._used.get(name, 0) for name in names), default=0)
        buckets = self._buckets
        series: tuple[int, ...] = ()
        if buckets is not None:
            used = [buckets.use(name, self._rates[name]) for name in names if name in self._rates]
            length = max(map(len, used), default=0)
            series = tuple(
                max(each[number] if number < len(each) else 0 for each in used) * 1000 // buckets.width
                for number in range(length)
            )
        found = Group(title, tuple(names), whole * 1000 // self._sim_time if self._sim_time else 0, series)
        self._groups.append(found)
        return len(self._groups) - 1, found

    def _bar(self, bar: Bar, title: str, names: list[str]) -> str:
        if not names:
            return ""
        number, group = self._group(title, names)
        busiest = max(names, key=lambda name: (self._used.get(name, 0), name))
        detail = f"{title}: {percent(group.whole / 1000)}" + (f" ({busiest})" if len(names) > 1 else "")
        shape = f'x="{bar.x:g}" y="{bar.y:g}" width="{bar.width:g}" height="{bar.height:g}" rx="2.5"'
        return (
            f'<g class="bar" data-b="{number}" data-title="{text(detail)}"><title>{text(detail)}</title>'
            f'<rect class="back" {shape}/><rect class="fill {bar.way}" data-g="{number}" '
            f'style="--u:{group.whole / 1000};--c:var(--h{step(group.whole)})" {shape}/></g>'
        )


def _part(name: str) -> str:
    """The cube, the IO chiplet or the host that a full name stands in; of a link between SIPs' ends the SIP."""
    parts = name.split(".")
    return ".".join(parts[:2]) if len(parts) > 1 else name


def _arrow(bar: Bar) -> str:
    """A small tip that says which way a bar between cubes goes."""
    middle_x, middle_y = bar.x + bar.width / 2, bar.y + bar.height / 2
    ends = {
        "r": ((bar.x + bar.width + 1, middle_y - 3), (bar.x + bar.width + 4, middle_y), (bar.x + bar.width + 1, middle_y + 3)),
        "l": ((bar.x - 1, middle_y - 3), (bar.x - 4, middle_y), (bar.x - 1, middle_y + 3)),
        "d": ((middle_x - 3, bar.y + bar.height + 1), (middle_x, bar.y + bar.height + 4), (middle_x + 3, bar.y + bar.height + 1)),
        "u": ((middle_x - 3, bar.y - 1), (middle_x, bar.y - 4), (middle_x + 3, bar.y - 1)),
    }[bar.way]  # fmt: skip
    points = " ".join(f"{x:g},{y:g}" for x, y in ends)
    return f'<polygon class="tip" points="{points}"/>'
