"""What differs between two runs: times of their rows, and links that moved or waited differently."""

from collections.abc import Sequence
from typing import Any

from kernbench.telemetry.rows import LinkRow
from tui.source import Source
from tui.text import fit, plain, size, time

MOST = 30
_TIMES = ("time_ns", "launch_ns", "queue_ns", "overlap_ns")


def describe(base: Source, run: Source) -> str:
    """A text for a reader: from `base` to `run`."""
    lines = [f"from {plain(base.directory.name)}", f"to   {plain(run.directory.name)}", ""]
    lines += _rows(base.document, run.document)
    lines += ["", *_links(base.links(), run.links())]
    return "\n".join(lines)


def _rows(base: dict[str, Any] | None, run: dict[str, Any] | None) -> list[str]:
    if base is None or run is None:
        return ["one of the two has no run.json yet: only links can be compared"]
    lines = [f"{'':<26}{'before':>14}{'after':>14}{'change':>10}"]
    lines.append(_line("simulated time", base.get("sim_time_ns"), run.get("sim_time_ns")))
    for number, (old, new) in enumerate(zip(base.get("rows", ()), run.get("rows", ()), strict=False)):
        lines += [_line(f"row {number} {name}", old.get(name), new.get(name)) for name in _TIMES if name in new]
    return lines


def _line(name: str, old: Any, new: Any) -> str:
    if not isinstance(old, int | float) or not isinstance(new, int | float):
        return f"{fit(name, 26)}{'-':>14}{'-':>14}"
    change = f"{(new - old) / old * 100:+.1f}%" if old else "-"
    return f"{fit(name, 26)}{time(round(old * 1e6)):>14}{time(round(new * 1e6)):>14}{change:>10}"


def _links(base: Sequence[LinkRow], run: Sequence[LinkRow]) -> list[str]:
    before = {row.name: row for row in base}
    rows = [(row, before[row.name]) for row in run if row.name in before]
    rows = [(new, old) for new, old in rows if (new.busy, new.moved) != (old.busy, old.moved)]
    if not rows:
        return ["no link that both have differs"]
    rows.sort(key=lambda pair: (-abs(pair[0].busy - pair[1].busy), pair[0].name))
    lines = [f"{'links, by busy time':<38}{'before':>12}{'after':>12}{'bytes':>12}{'after':>12}"]
    for new, old in rows[:MOST]:
        lines.append(
            f"{fit(plain(new.name), 38)}{time(old.busy):>12}{time(new.busy):>12}{size(old.moved):>12}{size(new.moved):>12}"
        )
    if len(rows) > MOST:
        lines.append(f"and {len(rows) - MOST} more")
    return lines
