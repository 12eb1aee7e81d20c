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
WATCHDOG_S = max(HANG_S + SILENT_S, START_S)
"""When the watchdog has given up any worker: one that is silent, or one that has not said a word yet."""
NOTICE_S = 1.0
"""By how much later it may be noticed: the watchdog looks, and so does a busy machine, when it can."""
AIMS = (0.9, 0.45, 0.2, 0.1)
"""Faults strike within this share of what a clean run took; how long one takes depends on what else the machine does."""


class Ended:
    """How one case ended: seconds from the fault, or from when a hang was noticed, if the fault ends a run."""

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
        """Run the case of a seed and check it; again and earlier, if its fault came too late to strike."""
        for aim in AIMS:
            ended = self._run(seed, aim)
            if ended.struck:
                break
        return ended

    def _run(self, seed: int, aim: float) -> Ended:
        names = [*KINDS]
        name = names[seed % len(names)]
        kind = KINDS[name]
        case = Case(seed, name, self._new_folder(str(seed)), aim)
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
        delay = run.case.random.random() * clean_s * run.case.aim
        if kind.strike is not None and run.begun():
            at = kind.strike(run, delay)
        limit = LONGEST_S + (WATCHDOG_S if kind.hangs else 0.0)
        patience = limit if at is not None and kind.ends else limit + 10 * clean_s
        if not run.wait(patience):
            raise BrokenRule(f"after {patience:.0f} s these processes are left: {run.session()}")
        end = time.monotonic()
        if kind.strike is None:
            at = run.mark() if kind.ends or run.case.spec["wire"] or run.case.spec["sinks"] else run.started
        noticed = run.noticed() if kind.hangs else None
        if noticed is not None and at is not None and noticed - at > WATCHDOG_S + NOTICE_S:
            raise BrokenRule(f"a hang was noticed after {noticed - at:.1f} s, later than {WATCHDOG_S:g}")
        seconds = None if at is None or not kind.ends else end - (noticed or at)
        if seconds is not None and seconds > LONGEST_S:
            raise BrokenRule(f"it took {seconds:.1f} s to end, more than {LONGEST_S:g}")
        check(run, kind, digest, struck=at is not None)
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
