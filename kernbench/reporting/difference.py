"""Two runs side by side: what changed per total, row, kind of operation and link, the largest change first."""

from typing import Any

Figure = dict[str, Any]
KEYS = (
    "task",
    "ranks",
    "layer",
    "kernel",
    "part",
    "size_bytes",
    "count",
    "M",
    "N",
    "K",
    "pes",
    "dtype",
    "redop",
    "algo",
)
"""Columns that say which row of the other run is the same; a bench without them is matched line by line."""
NAMES = tuple(key for key in KEYS if key not in ("count", "ranks"))
"""Those that a row is named by; the others follow from them."""
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


def match_rows(rows: list[Figure], base: list[Figure]) -> list[tuple[str, Figure, Figure | None]]:
    """Each row with its name and the base's row of the same keys; of several equal ones in order."""
    theirs: dict[tuple[Any, ...], list[Figure]] = {}
    for index, row in enumerate(base):
        theirs.setdefault(_key(row, index), []).append(row)
    found = []
    for index, row in enumerate(rows):
        others = theirs.get(_key(row, index))
        found.append((_title(row, index), row, others.pop(0) if others else None))
    return found


def _key(row: Figure, index: int) -> tuple[Any, ...]:
    keys = tuple(row.get(key) for key in KEYS)
    return keys if any(key is not None for key in keys) else (index,)


def _title(row: Figure, index: int) -> str:
    named = [f"{row[key]} B" if key == "size_bytes" else str(row[key]) for key in NAMES if row.get(key) is not None]
    return " ".join(named) or f"row {index + 1}"


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
        if isinstance(value, int | float) and not isinstance(value, bool) and key not in KEYS
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
