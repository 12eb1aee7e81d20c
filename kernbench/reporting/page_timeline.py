"""The timeline of a page: for each SIP its phases, and how much of each moment it computed and communicated."""

from collections.abc import Iterable
from itertools import pairwise

from kernbench.common.units import Fs, format_time
from kernbench.reporting.interval import Interval
from kernbench.reporting.markup import text
from kernbench.reporting.overlap import SipTime
from kernbench.telemetry.rows import PhaseRow

WIDTH, LEFT, COLUMNS = 1100, 62, 500
BAND, PHASE, ROOM = 22, 15, 12
DEEPEST = 4
TICKS = 8


def timeline(times: dict[int, SipTime], phases: Iterable[PhaseRow], sim_time: Fs) -> str:
    """The SVG, or "" when nothing was recorded."""
    by_sip: dict[int, list[PhaseRow]] = {}
    for phase in phases:
        by_sip.setdefault(phase.sip, []).append(phase)
    sips = sorted({*times, *by_sip})
    if not sips or not sim_time:
        return ""
    parts, y = [], 4
    for sip in sips:
        drawn, used = _sip(sip, times.get(sip, SipTime()), by_sip.get(sip, []), sim_time, y)
        parts.append(drawn)
        y += used + ROOM
    axis = "".join(_tick(number, sim_time, y) for number in range(TICKS + 1))
    return (
        f'<svg class="time" viewBox="0 0 {WIDTH} {y + 18}" role="img" aria-label="timeline of each SIP" '
        f'data-left="{LEFT}" data-width="{WIDTH - LEFT - 4}">'
        f'{axis}{"".join(parts)}<line id="now" class="now" x1="0" x2="0" y1="0" y2="{y}" visibility="hidden"/></svg>'
    )


def _x(time: Fs, sim_time: Fs) -> float:
    return LEFT + (WIDTH - LEFT - 4) * time / sim_time


def _tick(number: int, sim_time: Fs, y: int) -> str:
    time = sim_time * number // TICKS
    x = _x(time, sim_time)
    anchor = "start" if number == 0 else "end" if number == TICKS else "middle"
    return (
        f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{y}"/>'
        f'<text class="cap tick" x="{x:.1f}" y="{y + 13}" style="text-anchor:{anchor}">{_short(time)}</text>'
    )


def _short(time: Fs) -> str:
    value, _, unit = format_time(time).partition(" ")
    return f"{float(value):.4g} {unit}"


def _sip(sip: int, times: SipTime, phases: list[PhaseRow], sim_time: Fs, y: int) -> tuple[str, int]:
    rows = _nested(phases)
    parts = [f'<text class="name" x="4" y="{y + 13}">sip{sip}</text>']
    for depth, phase in rows:
        x, end = _x(phase.start, sim_time), _x(phase.end, sim_time)
        title = text(f"{phase.name}: {format_time(phase.start)} to {format_time(phase.end)}")
        label = ""
        if end - x > 7 * len(phase.name) + 8:
            label = f'<text class="cap in" x="{x + 4:.1f}" y="{y + depth * PHASE + 10.5}">{text(phase.name)}</text>'
        parts.append(
            f'<g><title>{title}</title><rect class="phase" x="{x:.1f}" y="{y + depth * PHASE}" '
            f'width="{max(end - x, 0.8):.1f}" height="{PHASE - 2}" rx="3"/>{label}</g>'
        )
    top = y + PHASE * (1 + max((depth for depth, _ in rows), default=-1))
    for word, intervals, offset in (("compute", times.compute, 0), ("messages", times.messages, BAND + 2)):
        parts.append(f'<rect class="lane" x="{LEFT}" y="{top + offset}" width="{WIDTH - LEFT - 4}" height="{BAND}"/>')
        parts.append(f'<text class="cap side" x="{LEFT - 5}" y="{top + offset + 14}">{word}</text>')
        path = _area(intervals, sim_time, top + offset)
        if path:
            parts.append(f'<path class="{word}" d="{path}"/>')
    return "".join(parts), top - y + 2 * BAND + 2


def _nested(phases: list[PhaseRow]) -> list[tuple[int, PhaseRow]]:
    """Phases with how many others they stand in; what stands deeper than is drawn is left out."""
    found: list[tuple[int, PhaseRow]] = []
    open_ends: list[Fs] = []
    for phase in sorted(phases, key=lambda row: (row.start, -row.end, row.name)):
        while open_ends and open_ends[-1] <= phase.start:
            open_ends.pop()
        if len(open_ends) < DEEPEST:
            found.append((len(open_ends), phase))
        open_ends.append(phase.end)
    return found


def coverage(intervals: list[Interval], sim_time: Fs, columns: int = COLUMNS) -> list[float]:
    """The share of each of equally long parts of the run that disjoint, ordered stretches cover."""
    edges = [sim_time * number // columns for number in range(columns + 1)]
    found, at = [], 0
    for start, end in pairwise(edges):
        while at < len(intervals) and intervals[at][1] <= start:
            at += 1
        covered, look = 0, at
        while look < len(intervals) and intervals[look][0] < end:
            covered += min(end, intervals[look][1]) - max(start, intervals[look][0])
            look += 1
        found.append(covered / (end - start) if end > start else 0.0)
    return found


def _area(intervals: list[Interval], sim_time: Fs, top: float) -> str:
    """The outline of the covered share, a step for each column."""
    shares = coverage(intervals, sim_time)
    if not any(shares):
        return ""
    floor, width = top + BAND, (WIDTH - LEFT - 4) / COLUMNS
    parts, last = [f"M{LEFT} {floor:g}"], 0.0
    for number, share in enumerate([*shares, 0.0]):
        if share != last:
            parts.append(f"H{LEFT + number * width:.1f}V{floor - share * BAND:.1f}")
            last = share
    return "".join([*parts, "Z"])
