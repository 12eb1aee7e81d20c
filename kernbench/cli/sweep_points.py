"""The points of a sweep: one run for each choice of values, in a folder that keeps what is done."""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from glob import escape
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from kernbench.common.errors import OutputError, UsageError

MOST_POINTS = 10_000


class Axis(NamedTuple):
    """A topology key and the values that it takes in turn."""

    key: str
    values: tuple[str, ...]


class Point(NamedTuple):
    """One choice of values; `number` counts from 0, the last axis changing fastest."""

    number: int
    settings: tuple[tuple[str, str], ...]

    @property
    def overrides(self) -> list[str]:
        """What `kernbench run --set` takes."""
        return [f"{key}={value}" for key, value in self.settings]


def axes(given: Sequence[str]) -> tuple[Axis, ...]:
    """Read `key=a,b,c`; a key with one value stays fixed."""
    found: dict[str, Axis] = {}
    for text in given:
        key, equals, rest = text.partition("=")
        values = tuple(value.strip() for value in rest.split(","))
        if not key or not equals or not all(values):
            raise UsageError(f"--set {text}: expected key=a,b,..., such as fabric.bw_gbs=50,100,200")
        if key in found:
            raise UsageError(f"--set {text}: {key} is given twice; list all its values once")
        if len(set(values)) < len(values):
            raise UsageError(f"--set {text}: a value is listed twice")
        found[key] = Axis(key, values)
    return tuple(found.values())


def points(found: Sequence[Axis]) -> list[Point]:
    """Every choice of one value per axis."""
    total = 1
    for axis in found:
        total *= len(axis.values)
    if total > MOST_POINTS:
        raise UsageError(f"{total} points are over the limit of {MOST_POINTS}; give fewer values")
    keys = [axis.key for axis in found]
    choices = product(*(axis.values for axis in found))
    return [Point(number, tuple(zip(keys, choice, strict=True))) for number, choice in enumerate(choices)]


def inputs_of(bench: str, arguments: Sequence[str]) -> dict[str, str]:
    """Hashes of the files that a run reads: the bench's own, and those that its words name, a trace's among them."""
    named = [bench]
    for word in arguments:
        value = Path(word.partition("=")[2] or word)
        traces = value.parent.glob(f"{escape(value.name)}.*.et")
        named += [str(value)] if value.is_file() else sorted(map(str, traces))
    return {name: hashlib.blake2b(Path(name).read_bytes(), digest_size=16).hexdigest() for name in named}


class SweepFolder:
    """What is done of a sweep: `sweep.json` says which sweep it is, `point-NNNN` is the run directory of a point.

    The same command finds the same folder again, so a sweep that was killed goes on where it was.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, out: Path | None, identity: dict[str, Any]) -> "SweepFolder":
        """Make or find the folder of this sweep; one that holds another sweep is refused."""
        text = json.dumps(identity, sort_keys=True)
        name = f"{Path(identity['bench']).stem}-{hashlib.blake2b(text.encode(), digest_size=4).hexdigest()}"
        path = out or Path(".kernbench/sweeps") / name
        manifest = path / "sweep.json"
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not manifest.exists():
                temporary = path / ".sweep.json"  # a sweep that is killed here leaves a folder that it finds again
                if any(each != temporary for each in path.iterdir()):
                    raise OutputError(f"{path}: it is not empty and holds no sweep; name another folder with --out")
                temporary.write_text(json.dumps(identity, indent=2) + "\n")
                temporary.rename(manifest)
            held = manifest.read_text()
        except OSError as error:
            raise OutputError(f"{path} cannot be written: {error.strerror}; name another folder with --out") from error
        try:
            same = json.loads(held) == json.loads(text)
        except ValueError:
            same = False
        if not same:
            raise OutputError(f"{path}: it holds another sweep (sweep.json says which); name another folder with --out")
        return cls(path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the folder: two sweeps that ran the same points would remove each other's."""
        file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OutputError(f"{self.path}: the same sweep runs there already; wait for it to end") from error
            yield
        finally:
            os.close(file)

    def of(self, point: Point) -> Path:
        """The run directory of a point."""
        return self.path / f"point-{point.number:04d}"

    def document(self, point: Point) -> dict[str, Any] | None:
        """What the run of a point gave, if it ended by itself; a run that was stopped counts as not done."""
        try:
            document = json.loads((self.of(point) / "run.json").read_text())
            done = document["status"]["exit"] in (0, 1, 2, 3)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return document if done else None
