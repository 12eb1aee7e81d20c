"""One case of the campaign: a small run drawn from a seed, in a folder of its own, with its fault."""
# ruff: noqa: INP001, S603, S311  # a script that starts kernbench and draws no secrets

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

from programs import BENCH, PART, SINK

HANG_S = 3.0
DRIVER = Path(__file__).with_name("driver.py")
BENCHES = ("allreduce", "all_gather", "reduce_scatter")
ROWS = 6


class Case:
    """What is run: arguments, files and spec; `kind` changes them before it starts and strikes while it runs.

    `aim` is the share of the moment drawn at which it strikes: less for one that came too late.
    """

    def __init__(self, seed: int, kind: str, folder: Path, aim: float = 1.0) -> None:
        self.seed = seed
        self.kind = kind
        self.random = Random(seed)
        self.folder = folder
        self.aim = aim
        self.sips = self.random.choice((2, 3, 4))
        self.workers = self.random.choice((1, 2))
        self.bench = self.random.choice(BENCHES)
        self.first = self.random.choice(("1KiB", "4KiB"))
        self.last = self.random.choice(("16KiB", "64KiB"))
        self.arguments: list[str] = ["-b", self.first, "-e", self.last, "-f", "2", "--iters", "3"]
        self.overrides = ["cube_mesh=1x1"]
        self.as_json = True
        self.out = folder / "out"
        self.spec: dict[str, Any] = {"wire": None, "sinks": [], "file_bytes": None}
        self.clean = True  # whether a clean run of the same name has this case's digest

    def write_program(self, what: str) -> None:
        """Have a program of our own run whose rank or kernel breaks at one of its rows."""
        rank, row = self.random.randrange(self.sips), self.random.randrange(ROWS)
        count = self.random.choice((256, 1024))
        self._write("faulty.py", BENCH, what=what, rank=rank, row=row, rows=ROWS, count=count)
        self.bench, self.arguments, self.clean = "faulty.py", [], False

    def write_part(self) -> None:
        """Have the vector units break after so many operations."""
        self._write("fragile_part.py", PART, number=self.random.randrange(40))
        self.overrides.append("sip.cube.pe.pe_math.kind=fragile_part:Fragile")

    def write_sink(self) -> None:
        """Have an observer break after so many rows."""
        self._write("raising_sink.py", SINK, number=self.random.randrange(2000))
        self.spec["sinks"] = ["raising_sink:Raising"]

    def start(self) -> "Run":
        """Start it in a session of its own, with a temporary folder that must be empty at the end."""
        temporary = self.folder / "tmp"
        temporary.mkdir()
        (self.folder / "spec").write_text(json.dumps(self.spec))
        return Run(self, temporary)

    @property
    def command(self) -> list[str]:
        """The words after `kernbench`."""
        words = ["run", self.bench, "--sips", str(self.sips), "--workers", str(self.workers), "--out", str(self.out)]
        for each in self.overrides:
            words += ["--set", each]
        return [*words, *self.arguments, *(["--json"] if self.as_json else [])]

    def _write(self, name: str, text: str, **values: Any) -> None:
        (self.folder / name).write_text(text.format(mark=str(self.folder / "mark"), **values))


class Run:
    """The process of a case, and what it said when it has ended."""

    def __init__(self, case: Case, temporary: Path) -> None:
        self.case = case
        self.temporary = temporary
        environment = {**os.environ, "TMPDIR": str(temporary), "KERNBENCH_HANG_S": str(HANG_S)}
        self._out = (case.folder / "stdout").open("wb")
        self._err = (case.folder / "stderr").open("wb")
        self.process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(case.folder / "spec"), *case.command],
            stdin=subprocess.DEVNULL,
            stdout=self._out if case.as_json else subprocess.PIPE,
            stderr=self._err,
            cwd=case.folder,
            env=environment,
            start_new_session=True,
        )
        self.started = time.monotonic()

    @property
    def pid(self) -> int:
        """Of the coordinator."""
        return self.process.pid

    def begun(self) -> bool:
        """Whether the command line has begun; waits for it. False if the process has ended before."""
        while not (self.case.folder / "begun").exists():
            if self.process.poll() is not None:
                return False
            time.sleep(0.002)
        return True

    def sleep(self, seconds: float) -> bool:
        """Wait so long; whether the process still runs then."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def children(self) -> list[int]:
        """The workers."""
        try:
            text = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return []
        return [int(word) for word in text.split()]

    def session(self) -> list[int]:
        """All processes of its session that are not dead yet."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    state, _parent, _group, session = (entry / "stat").read_text().rpartition(")")[2].split()[:4]
                except (OSError, ValueError):
                    continue
                if int(session) == self.pid and state not in "ZX":
                    found.append(int(entry.name))
        return found

    def wait(self, seconds: float) -> bool:
        """Wait until no process of it is left; whether that came in time."""
        end = time.monotonic() + seconds
        while True:
            self.process.poll()
            if self.process.returncode is not None and not self.session():
                break
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        self._out.close()
        self._err.close()
        return True

    def mark(self) -> float | None:
        """When the fault inside the run happened, if it did."""
        return self._noted("mark")

    def noticed(self) -> float | None:
        """When the coordinator gave a worker up, if it did."""
        return self._noted("noticed")

    def stdout(self) -> str:
        """What it printed, as far as that was kept."""
        return (self.case.folder / "stdout").read_text()

    def stderr(self) -> str:
        """What it said."""
        return (self.case.folder / "stderr").read_text(errors="replace")

    def kill(self) -> None:
        """End what is left of it."""
        for pid in self.session():
            try:
                os.kill(pid, 9)
            except OSError:
                continue
        self.process.wait()

    def _noted(self, name: str) -> float | None:
        try:
            return float((self.case.folder / name).read_text())
        except (OSError, ValueError):
            return None
