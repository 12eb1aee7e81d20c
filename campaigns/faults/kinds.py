"""The kinds of faults: what each changes before a run, what it does to the running one, and how that may end."""
# ruff: noqa: INP001, S603  # a script that starts viewers

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM

from case import Case, Run
from wire import DEEDS

VIEWER = Path(__file__).with_name("viewer.py")
FRAMES = 250
"""A wire's fault hits one of so many frames; the runs have more windows."""

Strike = Callable[[Run, float], float | None]
"""Acts on a run that goes on, `delay` s after its begin; when it did, or None if the run was over before."""


class Kind:
    """`codes` are the exit codes that a run which was hit may have; `harmless` means that its result is as ever.

    `others_wait`: whoever it does not hit waits for whom it does, and the error has to say so.
    """

    def __init__(
        self,
        codes: tuple[int, ...],
        *,
        arrange: Callable[[Case], None] = lambda _case: None,
        strike: Strike | None = None,
        harmless: bool = False,
        hangs: bool = False,
        ends: bool = True,
        others_wait: bool = False,
    ) -> None:
        self.codes = codes
        self.arrange = arrange
        self.strike = strike
        self.harmless = harmless
        self.hangs = hangs
        self.ends = ends
        self.others_wait = others_wait


def _two(case: Case) -> None:
    case.workers = 2


def _signal_worker(number: signal.Signals, run: Run, delay: float) -> float | None:
    if not run.sleep(delay):
        return None
    while not (workers := run.children()):
        if not run.sleep(0.01):
            return None
    struck = time.monotonic()
    os.kill(workers[run.case.random.randrange(len(workers))], number)
    return struck


def _signal(number: signal.Signals, run: Run, delay: float) -> float | None:
    if not run.sleep(delay):
        return None
    struck = time.monotonic()
    run.process.send_signal(number)
    return struck


def _interrupt_twice(run: Run, delay: float) -> float | None:
    struck = _signal(SIGINT, run, delay)
    if struck is not None and run.sleep(run.case.random.random() * 0.2):
        run.process.send_signal(SIGINT)
    return struck


def _wire(deed: str, case: Case) -> None:
    draw = case.random
    case.workers = 2
    case.spec["wire"] = {
        "deed": deed,
        "number": int(draw.randrange(FRAMES) * case.aim),
        "at": draw.randrange(1, 4000),
        "backward": draw.random() < 0.5,
    }


def _fill(case: Case) -> None:
    case.spec["file_bytes"] = case.random.choice((0, 100, 1000, 10_000, 30_000, 66_000))


def _nowhere(case: Case) -> None:
    (case.folder / "file").touch()
    case.out = case.random.choice((Path("/proc/kernbench"), case.folder / "file" / "below", Path("/dev/null")))


def _remove_out(run: Run, delay: float) -> float | None:
    while not run.case.out.exists():
        if not run.sleep(0.005):
            return None
    if not run.sleep(delay):
        return None
    away = run.case.folder / "removed"
    struck = time.monotonic()
    run.case.out.rename(away)  # at one blow, so that what it holds tells whether the run was over
    if (away / "run.json").exists():
        away.rename(run.case.out)
        return None
    shutil.rmtree(away)
    return struck


def _text(case: Case) -> None:
    case.as_json = False


def _read_and_leave(run: Run, delay: float) -> float | None:
    assert run.process.stdout is not None
    line = run.process.stdout.readline()
    alive = run.sleep(delay * run.case.random.random())
    struck = time.monotonic()
    run.process.stdout.close()
    return struck if alive and line else None


def _watch(how: str, run: Run, delay: float) -> float | None:
    viewer = subprocess.Popen([sys.executable, str(VIEWER), how, str(run.case.out)])
    alive = run.sleep(delay + 0.5)
    if how == "deaf":
        run.wait(30)
    viewer.kill()
    viewer.wait()
    return time.monotonic() if alive else None


KINDS: dict[str, Kind] = {
    "worker SIGKILL": Kind((3,), arrange=_two, strike=partial(_signal_worker, SIGKILL)),
    "worker SIGTERM": Kind((3,), arrange=_two, strike=partial(_signal_worker, SIGTERM)),
    "worker SIGSTOP": Kind((3,), arrange=_two, strike=partial(_signal_worker, SIGSTOP), hangs=True, others_wait=True),
    "coordinator SIGKILL": Kind((-SIGKILL,), strike=partial(_signal, SIGKILL)),
    "coordinator SIGTERM": Kind((143,), strike=partial(_signal, SIGTERM)),
    "coordinator SIGHUP": Kind((143,), strike=partial(_signal, SIGHUP)),
    "SIGINT": Kind((130,), strike=partial(_signal, SIGINT)),
    "SIGINT twice": Kind((130,), strike=_interrupt_twice),
    "component raises": Kind((3,), arrange=Case.write_part),
    "kernel raises": Kind((3,), arrange=partial(Case.write_program, what="kernel"), others_wait=True),
    "rank raises": Kind((3,), arrange=partial(Case.write_program, what="rank"), others_wait=True),
    "sink raises": Kind((), arrange=Case.write_sink, harmless=True, ends=False),
    **{
        f"frame {deed}": Kind(
            () if deed == "delayed" else (3,),
            arrange=partial(_wire, deed),
            harmless=deed == "delayed",
            ends=deed != "delayed",
            hangs=deed in ("dropped", "cut short", "garbled"),
        )
        for deed in DEEDS
    },
    "disk full": Kind((5,), arrange=_fill, harmless=True, ends=False),
    "--out unwritable": Kind((5,), arrange=_nowhere, ends=False),
    "--out removed": Kind((5,), strike=_remove_out, ends=False),
    "stdout closed": Kind((141,), arrange=_text, strike=_read_and_leave, ends=False),
    "viewer killed": Kind((), strike=partial(_watch, "eager"), harmless=True, ends=False),
    "viewer never reads": Kind((), strike=partial(_watch, "deaf"), harmless=True, ends=False),
}
