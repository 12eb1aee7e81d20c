"""Two runs side by side: what changed per total, row, kind of operation and link, the largest change first."""

from typing import Any

from kernbench.telemetry.row_match import KEYS, SHAPES, match_rows

Figure = dict[str, Any]
LINK_FIGURES = ("busy_ns", "bytes", "blocked_ns")
OPERATION_FIGURES = ("time_ns", "count", "waited_ns")
MOST = 200
"""Changed links that are listed at most."""


def compare(run: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """What changed from the report of `base` to that of `run`; equal figures are left out."""
    links = _named(run["links"], base["links"], "name", LINK_FIGURES)
    return {
        "base": base["run"],
        "totals": _changes("", {"sim_time_ns": run["sim_time_ns"]}, {"sim_time_ns": base["sim_time_ns"]}),
        "path": _named(_path(run), _path(base), "kind", ("time_ns",)),
        "rows": _rows(run["rows"], base["rows"]),
        "operations": _named(run["operations"], base["operations"], "kind", OPERATION_FIGURES),
        "links": links[:MOST],
        "changed_links": len({each["name"] for each in links}),
        "same_digest": None if None in (run["digest"], base["digest"]) else run["digest"] == base["digest"],
    }


def _path(report: dict[str, Any]) -> list[Figure]:
    path = report["critical_path"]
    return [] if path is None else path["by_kind"]


def _rows(rows: list[Figure], base: list[Figure]) -> list[Figure]:
    found = []
    for title, row, other in match_rows(rows, base):
        if other is not None:
            found += _changes(title, _numbers(row), _numbers(other))
    return _by_effect(found)


def _numbers(row: Figure) -> Figure:
    return {
        key: value
        for key, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and key not in (*KEYS, *SHAPES)
    }


def _named(run: list[Figure], base: list[Figure], key: str, figures: tuple[str, ...]) -> list[Figure]:
    """Changes of things that have a name; what one side lacks is 0 there."""
    mine, theirs = ({each[key]: each for each in side} for side in (run, base))
    found = []
    for name in dict.fromkeys([*mine, *theirs]):
        pair = [{figure: side.get(name, {}).get(figure, 0) for figure in figures} for side in (mine, theirs)]
        found += _changes(name, *pair)
    return _by_effect(found)


def _changes(name: str, run: Figure, base: Figure) -> list[Figure]:
    return [
        {
            "name": name,
            "figure": figure,
            "base": base[figure],
            "run": run[figure],
            "change": run[figure] - base[figure],
            "ratio": run[figure] / base[figure] if base[figure] else None,
        }
        for figure in run
        if figure in base and run[figure] != base[figure]
    ]


def _by_effect(changes: list[Figure]) -> list[Figure]:
    """Times first, in ns, then bytes, counts and rates; within a unit the largest change first."""
    return sorted(
        changes,
        key=lambda each: (not each["figure"].endswith("_ns"), -abs(each["change"]), each["name"], each["figure"]),
    )
