"""`run --quantum`: another size of packets, and what that changes in simulated time against an earlier run of the same."""

import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from kernbench.cli.run_directory import RUNS
from kernbench.common.errors import UsageError
from kernbench.common.units import format_time, parse_size

KEY = "quantum_bytes"
SAME = ("bench", "arguments", "sips", "ranks", "seed", "values", "version")
"""What two runs have in common whose simulated times are compared; the topology and its other overrides are, too."""


def overrides(given: Sequence[str], quantum: str | None) -> tuple[str, ...]:
    """The overrides of `--set` and, last, that of `--quantum`."""
    if quantum is None:
        return tuple(given)
    for override in given:
        if _is_quantum(override):
            raise UsageError(f"--quantum {quantum} and --set {override} give the size of packets twice; leave one out")
    try:
        size = parse_size(quantum)
    except ValueError as error:
        raise UsageError(f"--quantum {quantum}: expected a size such as 4KiB") from error
    if size < 1:
        raise UsageError(f"--quantum {quantum}: expected a size of at least 1B, such as 4KiB")
    return (*given, f"{KEY}={size}")


def comparison(document: dict[str, Any], quantum: str, directory: Path) -> str:
    """A line on what the quantum changed: against the newest complete run of the same with the topology's own.

    Runs are looked for beside `directory` and in ./.kernbench/runs.
    """
    for path in _runs(directory):
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            other = json.loads((path / "run.json").read_text("ascii"))
            if other["digest"] is not None and _same(document, other):
                return _line(document["sim_time_fs"], int(other["sim_time_fs"]), quantum, path.name)
    return (
        f"quantum {quantum}: no run of the same with the topology's own quantum is here to compare with; run it once "
        "without --quantum"
    )


def _runs(directory: Path) -> list[Path]:
    """Other runs, the newest first."""
    found: dict[Path, float] = {}
    for folder in (directory.parent, RUNS):
        with suppress(OSError):
            for path in folder.iterdir():
                document = path / "run.json"
                if not path.is_symlink() and path.resolve() != directory.resolve() and document.is_file():
                    found[path.resolve()] = document.stat().st_mtime
    return sorted(found, key=lambda path: (-found[path], path.name))


def _same(document: dict[str, Any], other: dict[str, Any]) -> bool:
    if any(document[name] != other[name] for name in SAME):
        return False
    mine, theirs = document["topology"], other["topology"]
    rest = [each for each in mine["overrides"] if not _is_quantum(each)]
    return bool(mine["sha256"] == theirs["sha256"] and rest == theirs["overrides"])


def _is_quantum(override: str) -> bool:
    return override.partition("=")[0].strip() == KEY


def _line(time: int, before: int, quantum: str, name: str) -> str:
    change = 100 * (time - before) / before if before else 0.0
    return (
        f"quantum {quantum}: simulated {format_time(time)}, {change:+.2f} % against {format_time(before)} with the "
        f"topology's own in {name}"
    )
