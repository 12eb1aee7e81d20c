"""Which run a command line means: a path, the beginning of a name below ./.kernbench/runs, or the latest one."""

from difflib import get_close_matches
from pathlib import Path

from kernbench.cli.run_directory import LATEST, RUNS
from kernbench.common.errors import UsageError

MARKS = ("run.json", "layout.json")
"""A folder that holds one of these is a run; a run that still goes on, or was killed, has the second alone."""
SHOWN = 3


def find_run(text: str | None) -> Path:
    """The folder of a run; a text that means none, or several, is a UsageError with the nearest names."""
    if text is None or text == LATEST:
        return _latest()
    path = Path(text)
    if path.name in MARKS:
        path = path.parent
    if path.is_dir():
        if _is_run(path):
            return path
        raise UsageError(
            f"{text}: holds no run ({' or '.join(MARKS)}); name the folder that --out or a run's head gave"
        )
    return _named(text)


def _latest() -> Path:
    latest = RUNS / LATEST
    if _is_run(latest):
        return RUNS / latest.readlink().name if latest.is_symlink() else latest
    names = _names()
    if not names:
        raise UsageError(f"there is no run below {RUNS}; `kernbench run` makes one, or name its folder")
    return RUNS / names[-1]


def _named(text: str) -> Path:
    names = _names()
    found = [name for name in names if name.startswith(text)]
    if len(found) == 1 or text in found:
        return RUNS / (text if text in found else found[0])
    if found:
        shown = ", ".join(found[-SHOWN:])
        raise UsageError(f"run {text!r} is the beginning of {len(found)} names: {shown}; give more of one")
    if not names:
        raise UsageError(f"run {text!r}: no such folder, and there is no run below {RUNS}; `kernbench run` makes one")
    within = [name for name in names if text in name]
    near = within[-1] if within else get_close_matches(text, names, 1, 0.0)[0]
    raise UsageError(f"unknown run {text!r}; did you mean {near!r}?")


def _names() -> list[str]:
    """The names of all runs, the oldest first."""
    if not RUNS.is_dir():
        return []
    return sorted(each.name for each in RUNS.iterdir() if not each.is_symlink() and _is_run(each))


def _is_run(path: Path) -> bool:
    return any((path / mark).is_file() for mark in MARKS)
