"""`make faults`: real runs, each with one fault at a random instant; fails on the first that ends as it must not.

`python campaigns/faults N SEED` runs the cases SEED, SEED + 1, ...: SEED=... N=1 repeats one.
"""
# ruff: noqa: INP001, T201  # a script that prints a table

import shutil
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from case import HANG_S, Case, Run
from kinds import KINDS, Kind
from rules import BrokenRule, check

from actors.simulation import Simulation
from actors.supervisor import SILENT_S, START_S
from kernbench.runtime_api.bench import Sweep

LONGEST_S = 10.0
MEDIAN_S = 1.0
WATCHED_S = (HANG_S, HANG_S + SILENT_S, START_S)
"""When the watchdog gives up a worker that makes no progress, one that is silent, one that has not said a word yet."""
SHARE = 0.9
"""Faults strike within this share of what a clean run takes: few come too late."""


class Ended:
    """How one case ended: seconds from the fault, if the fault ends a run."""

    def __init__(self, kind: str, code: int, seconds: float | None, *, struck: bool) -> None:
        self.kind = kind
        self.code = code
        self.seconds = seconds
        self.struck = struck


class Campaign:
    """Runs cases; remembers digests and durations of clean runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._clean: dict[tuple[object, ...], tuple[str, float]] = {}
        self._rest_s = 0.0

    def calibrate(self) -> None:
        """Measure what a clean run takes beside its simulation."""
        case = Case(0, "", self._new_folder("clean"))
        _, wall_s = self._clean_run(case)
        run = case.start()
        run.begun()
        begin = time.monotonic()
        if not run.wait(120) or run.process.returncode != 0:
            raise BrokenRule(f"the clean run failed: {run.stderr()}")
        self._rest_s = max(0.0, time.monotonic() - begin - wall_s)

    def run(self, seed: int) -> Ended:
        """Run the case of a seed and check it."""
        names = [*KINDS]
        name = names[seed % len(names)]
        kind = KINDS[name]
        case = Case(seed, name, self._new_folder(str(seed)))
        kind.arrange(case)
        digest, wall_s = self._clean_run(case) if case.clean else (None, 0.0)
        run = case.start()
        try:
            ended = self._strike(run, kind, digest, self._rest_s + wall_s)
        finally:
            run.kill()
        shutil.rmtree(case.folder)
        return ended

    def _strike(self, run: Run, kind: Kind, digest: str | None, clean_s: float) -> Ended:
        at = None
        delay = run.case.random.random() * clean_s * SHARE
        if kind.strike is not None and run.begun():
            at = kind.strike(run, delay)
        limit = LONGEST_S + (max(WATCHED_S) if kind.hangs else 0.0)
        patience = limit if at is not None and kind.ends else limit + 10 * clean_s
        if not run.wait(patience):
            raise BrokenRule(f"after {patience:.0f} s these processes are left: {run.session()}")
        end = time.monotonic()
        if kind.strike is None:
            at = run.mark() if kind.ends or run.case.spec["wire"] or run.case.spec["sinks"] else run.started
        seconds = None if at is None or not kind.ends else end - at
        if seconds is not None and seconds > limit:
            raise BrokenRule(f"it took {seconds:.1f} s to end, more than {limit:g}")
        check(run, kind, digest, struck=at is not None)
        if seconds is not None and kind.hangs:
            seconds -= max((watched for watched in WATCHED_S if watched <= seconds), default=0.0)  # noticed then
        code = run.process.returncode
        return Ended(run.case.kind, code, seconds if code else None, struck=at is not None)

    def _clean_run(self, case: Case) -> tuple[str, float]:
        """Its digest and its real time."""
        key = case.sips, case.bench, case.first, case.last
        if key not in self._clean:
            simulation = Simulation(sips=case.sips, overrides=("cube_mesh=1x1",))
            result = simulation.run(case.bench, sizes=Sweep.of(case.first, case.last, 2), iters=3)
            self._clean[key] = result.digest, result.wall_s
        return self._clean[key]

    def _new_folder(self, name: str) -> Path:
        path = self._folder / name
        path.mkdir()
        return path


def table(ended: list[Ended]) -> str:
    """A line per kind."""
    lines = [f"{'fault':<22} {'runs':>5} {'hit':>5} {'median s':>9} {'worst s':>8}  exit codes"]
    for name in KINDS:
        group = [each for each in ended if each.kind == name]
        if not group:
            continue
        seconds = [each.seconds for each in group if each.seconds is not None]
        figures = f"{median(seconds):9.2f} {max(seconds):8.2f}" if seconds else f"{'-':>9} {'-':>8}"
        codes = ", ".join(
            f"{code} x{sum(each.code == code for each in group)}" for code in sorted({each.code for each in group})
        )
        lines.append(f"{name:<22} {len(group):5} {sum(each.struck for each in group):5} {figures}  {codes}")
    return "\n".join(lines)


def main(count: int, seed: int) -> int:
    """Run the campaign; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix="kernbench-faults-"))
    campaign = Campaign(folder)
    campaign.calibrate()
    ended: list[Ended] = []
    for number in range(seed, seed + count):
        try:
            ended.append(campaign.run(number))
        except BrokenRule as broken:
            print(table(ended))
            kept = folder / str(number)
            names = [*KINDS]
            print(f"\nSEED={number} N=1 ({names[number % len(names)]}): {broken}\nits files: {kept}")
            print((kept / "stderr").read_text(errors="replace"))
            return 1
        if len(ended) % 20 == 0:
            print(f"{len(ended)} of {count}", file=sys.stderr, flush=True)
    print(table(ended))
    seconds = [each.seconds for each in ended if each.seconds is not None]
    shutil.rmtree(folder)
    if seconds and count > 1:
        print(
            f"\n{count} of {count}; from the fault to the end: median {median(seconds):.2f} s, worst {max(seconds):.2f} s"
        )
        if median(seconds) > MEDIAN_S:
            print(f"the median is above {MEDIAN_S:g} s")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
