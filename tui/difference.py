"""What differs between two runs: times of their rows, and links that moved or waited differently."""

from collections.abc import Sequence
from typing import Any

from kernbench.telemetry.row_match import match_rows
from kernbench.telemetry.rows import LinkRow
from tui.source import Source
from tui.text import fit, plain, size, time

MOST = 30
FIGURE, CHANGE = 12, 9
"""Cells of a figure, and of a change in percent."""
NAME = 24
"""The fewest cells that a link's name is worth: where there are not as many, its bytes are left out."""
_TIMES = ("time_ns", "launch_ns", "queue_ns", "overlap_ns")


def describe(base: Source, run: Source, width: int) -> str:
    """A text for a reader, in lines of so many cells: from `base` to `run`."""
    lines = [f"from {_named(base)}", f"to   {_named(run)}", ""]
    lines += _rows(base.document, run.document, width - 2 * FIGURE - CHANGE)
    lines += ["", *_links(base.links(), run.links(), width)]
    return "\n".join(lines)


def _named(source: Source) -> str:
    """The name of a run; of one that did not come to its end, what ended it."""
    status = (source.document or {}).get("status", {})
    return plain(source.directory.name + (f"   ended by: {status.get('kind')}" if status.get("exit") else ""))


def _rows(base: dict[str, Any] | None, run: dict[str, Any] | None, room: int) -> list[str]:
    """The simulated time, then the times of each row, below its name; rows of other work are no pair."""
    if base is None or run is None:
        return ["one of the two has no run.json: it goes on, or was killed;", "only links can be compared"]
    lines = [f"{'':<{room}}{'before':>{FIGURE}}{'after':>{FIGURE}}{'change':>{CHANGE}}"]
    lines.append(_line("simulated time", base.get("sim_time_ns"), run.get("sim_time_ns"), room))
    alone = 0
    for title, new, old in match_rows(run.get("rows", []), base.get("rows", [])):
        if old is None:
            alone += 1
            continue
        lines.append(plain(title))
        lines += [
            _line(f"  {name.removesuffix('_ns')}", old.get(name), new.get(name), room) for name in _TIMES if name in new
        ]
    if alone:
        lines.append(f"{alone} {'row has' if alone == 1 else 'rows have'} no like before")
    return lines


def _line(name: str, old: Any, new: Any, room: int) -> str:
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return f"{fit(name, room)}{'-':>{FIGURE}}{'-':>{FIGURE}}"
    change = f"{(new - old) / old * 100:+.1f}%" if old else "-"
    return f"{fit(name, room)}{time(round(old * 1e6)):>{FIGURE}}{time(round(new * 1e6)):>{FIGURE}}{change:>{CHANGE}}"


def _links(base: Sequence[LinkRow], run: Sequence[LinkRow], width: int) -> list[str]:
    before = {row.name: row for row in base}
    rows = [(row, before[row.name]) for row in run if row.name in before]
    rows = [(new, old) for new, old in rows if (new.busy, new.moved) != (old.busy, old.moved)]
    names = {row.name for row in base} ^ {row.name for row in run}
    alone = (
        [f"{len(names):,} {'link was' if len(names) == 1 else 'links were'} used in one of them alone"] if names else []
    )
    if not rows:
        return ["no link that both used differs", *alone]
    rows.sort(key=lambda pair: (-abs(pair[0].busy - pair[1].busy), pair[0].name))
    has_bytes = width >= NAME + 4 * FIGURE
    heads = ("busy before", "busy after", "B before", "B after")[: 4 if has_bytes else 2]
    room = width - len(heads) * FIGURE
    lines = [fit("links", room) + "".join(f"{head:>{FIGURE}}" for head in heads)]
    for new, old in rows[:MOST]:
        figures = (time(old.busy), time(new.busy), size(old.moved), size(new.moved))[: len(heads)]
        lines.append(fit(plain(new.name), room) + "".join(f"{figure:>{FIGURE}}" for figure in figures))
    if len(rows) > MOST:
        lines.append(f"and {len(rows) - MOST} more")
    return lines + alone
