"""The directory of a run: made before the run begins, holds run.json after it, never overwritten."""

import fcntl
import json
import os
import re
import secrets
import shutil
import weakref
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kernbench.common.errors import OutputError

RUNS = Path(".kernbench/runs")
KEPT, KEPT_BYTES = 20, 1 << 30
"""The newest runs that are kept, and what they may take together; the newest one and any that goes on always stay."""
LATEST = "latest"
_OURS = re.compile(r"\d{8}T\d{6}Z-.+-[0-9a-f]{4}")


class RunDirectory:
    """A folder for one run, readable by its owner alone; locked until run.json is there, so the run is seen to go on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unlock = _lock(self, path)

    @classmethod
    def create(cls, bench: str, out: Path | None = None) -> "RunDirectory":
        """Make `out`, or `./.kernbench/runs/<UTC time>-<bench>-<4 hex>`; raises OutputError when it cannot be written."""
        if out is not None:
            return cls._given(out)
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        while True:
            path = RUNS / f"{stamp}-{bench}-{secrets.token_hex(2)}"
            try:
                RUNS.mkdir(parents=True, exist_ok=True)
                path.mkdir(mode=0o700)
            except FileExistsError:
                if RUNS.is_dir():
                    continue  # another run took the name; draw again
                raise OutputError(f"{RUNS} is not a folder; remove it, or give --out a folder") from None
            except OSError as error:
                raise OutputError(
                    f"{RUNS} cannot be written: {error.strerror}; give --out a folder that can"
                ) from error
            directory = cls(path)
            _point_latest(path)
            return directory

    @classmethod
    def _given(cls, out: Path) -> "RunDirectory":
        try:
            out.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (out / "run.json").exists():
                raise OutputError(f"--out {out}: it holds a run already; name another folder or remove that one")
            probe = out / f".run.json.{secrets.token_hex(4)}"
            probe.touch(mode=0o600, exist_ok=False)
            probe.unlink()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"--out {out}: cannot be written: {reason}; name a folder that can") from error
        return cls(out)

    @property
    def size(self) -> int:
        """Bytes of all that the run left there."""
        return _size(self.path)

    def discard(self) -> None:
        """Nothing ran: leave no trace beside the runs that did; a folder that `--out` named stays."""
        self._unlock()
        if self.path.parent == RUNS:
            shutil.rmtree(self.path, ignore_errors=True)
            for path in reversed(_runs()):
                _point_latest(path)
                return
            (RUNS / LATEST).unlink(missing_ok=True)

    def write(self, document: dict[str, Any]) -> None:
        """Write run.json: all of it or nothing. Older runs may make room for this one now that it is there."""
        target = self.path / "run.json"
        temporary = self.path / f".run.json.{secrets.token_hex(4)}"
        try:
            try:
                with temporary.open("x", encoding="ascii") as file:
                    json.dump(document, file, indent=2)
                    file.write("\n")
                    file.flush()
                    os.fsync(file.fileno())
                temporary.rename(target)
            finally:
                temporary.unlink(missing_ok=True)
                self._unlock()
        except OSError as error:
            raise OutputError(f"{target} cannot be written: {error.strerror}; give --out a folder that can") from error
        if self.path.parent == RUNS:
            _prune(self.path)


def _lock(directory: RunDirectory, path: Path) -> Callable[[], object]:
    """Lock a folder for as long as `directory` lives or until what this returns is called; without, where it cannot be."""
    with suppress(OSError):
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        unlock = weakref.finalize(directory, os.close, file)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return unlock
    return lambda: None


def _point_latest(path: Path) -> None:
    """Turn `latest` to a run; where links are not to be had there is none."""
    temporary = path.parent / f".{LATEST}.{path.name}"
    with suppress(OSError):
        temporary.symlink_to(path.name)
        temporary.rename(path.parent / LATEST)


def _runs() -> list[Path]:
    """The runs in `RUNS`, by name, so by time; only what this file named."""
    return sorted(each for each in RUNS.iterdir() if _OURS.fullmatch(each.name) and not each.is_symlink())


def _prune(newest: Path) -> None:
    """Remove all runs but the newest. Within a second, names do not tell the order."""
    from kernbench.telemetry.reader import RunReader  # noqa: PLC0415  # read only here

    runs = sorted(_runs(), key=lambda each: (each == newest, each.name))
    room = KEPT_BYTES
    for number, path in enumerate(reversed(runs)):
        room -= _size(path)
        if (number >= KEPT or (number and room < 0)) and not RunReader(path).live:
            shutil.rmtree(path, ignore_errors=True)


def _size(path: Path) -> int:
    """Bytes of the files of a run; they are all directly in its folder."""
    with suppress(OSError):
        return sum(entry.stat(follow_symlinks=False).st_size for entry in os.scandir(path))
    return 0


def check_place(option: str, file: Path) -> None:
    """Refuse, before a run, to write a file of it where there is no folder, or to what is no ordinary file."""
    if not file.parent.is_dir():
        raise OutputError(f"{option} {file}: there is no folder {file.parent}; make it first")
    if file.is_dir():
        raise OutputError(f"{option} {file}: it is a folder; name a file")
    if file.exists() and not file.is_file():
        raise OutputError(f"{option} {file}: it is no ordinary file, and a trace would take its place; name another")
