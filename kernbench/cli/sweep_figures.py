"""Which figures the points of a sweep have: those asked for by name are refused as soon as it is known that none has."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from kernbench.cli.sweep_points import Axis, Point
from kernbench.cli.sweep_report import figures
from kernbench.common.errors import ExitCode, UsageError

TIME = "sim_time_ns"


def asked(text: str | None, swept: str) -> tuple[str, str]:
    """The two figures of `--pareto X,Y`; without it the first swept key and the simulated time."""
    if text is None:
        return swept, TIME
    names = tuple(name.strip() for name in text.split(","))
    if len(names) != 2 or not all(names):
        raise UsageError(f"--pareto {text}: expected two figures, such as fabric.bw_gbs,time_ns")
    return names


def check_names(names: Sequence[str], axes: Sequence[Axis], bench: str) -> None:
    """Refuse, before anything runs, a figure that no run can have: no numeric key of `--set`, no column that is known.

    A bench of the user's own may make up its columns; what it has is seen when its first point is there (`check_point`).
    """
    keys = {axis.key for axis in axes if any(figures(Point(0, ((axis.key, value),)), {}) for value in axis.values)}
    for name in names:
        if name in keys or name == TIME:
            continue
        if "." in name or name in {axis.key for axis in axes}:
            raise UsageError(
                f"--pareto: {name} is no key of --set with numbers; there are: {', '.join(sorted(keys))}, {TIME}"
            )
        if _comes_with_kernbench(bench) and not _has_column(bench, name):
            columns = ", ".join(sorted(keys | {TIME, "time_ns", "busbw_gbs"}))
            raise UsageError(
                f"--pareto: no run of {Path(bench).stem} has the figure {name!r}; there are: {columns}, ..."
            )


def check_point(names: Sequence[str], point: Point, document: dict[str, Any]) -> None:
    """Refuse a figure that a run which ended well does not have; a column that holds no number there is none missing."""
    if document["status"]["exit"] != ExitCode.OK:
        return
    found = {
        *figures(point, document),
        *dict(point.settings),
        *(name for row in document.get("rows") or () for name in row),
    }
    for name in names:
        if name not in found:
            numbers = ", ".join(sorted(figures(point, document)))
            raise UsageError(f"--pareto: no point has the figure {name!r}; there are: {numbers}")


def _comes_with_kernbench(bench: str) -> bool:
    import benches

    return Path(bench).parent == Path(benches.__file__).parent


def _has_column(bench: str, name: str) -> bool:
    """Whether it is a column of the schema, or is spelled, as itself or in fs, where a row of this bench is made."""
    schema = json.loads((files("kernbench") / "data" / "run.schema.json").read_text("utf-8"))
    if name in schema["$defs"]["row"]["properties"]:
        return True
    import kernbench.runtime_api

    sources = [Path(bench), *Path(kernbench.runtime_api.__file__).parent.rglob("*.py")]
    spelled = "|".join(re.escape(each) for each in (name, f"{name.removesuffix('_ns')}_fs"))
    pattern = re.compile(rf"[\"'](?:{spelled})[\"']")
    return any(pattern.search(source.read_text("utf-8")) for source in sources)
