"""The runs of a sweep: processes of their own, some at a time; none outlives the sweep."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kernbench.cli.sweep_points import Point, SweepFolder

POLL_S = 0.02
GRACE_S = 5.0


class Runner:
    """Runs points as processes of their own, `jobs` at a time; `trace` gets the number of the point into its name."""

    def __init__(self, folder: SweepFolder, command: Sequence[str], jobs: int, trace: Path | None = None) -> None:
        self._folder = folder
        self._command = [*command]
        self._jobs = jobs
        self._trace = trace
        self._running: dict[subprocess.Popen[bytes], Point] = {}

    def run(self, todo: Sequence[Point]) -> Iterator[tuple[Point, dict[str, Any]]]:
        """Yield each point as its run ends, with the document that it printed."""
        waiting = [*reversed(todo)]
        with self._folder.alone():
            try:
                while waiting or self._running:
                    while waiting and len(self._running) < self._jobs:
                        self._start(waiting.pop())
                    ended = [process for process in self._running if process.poll() is not None]
                    for process in ended:
                        point = self._running.pop(process)
                        yield point, self._read(point, process.returncode)
                    if not ended:
                        time.sleep(POLL_S)
            finally:
                self._stop()

    def _start(self, point: Point) -> None:
        directory = self._folder.of(point)
        shutil.rmtree(directory, ignore_errors=True)  # of a run that did not end by itself
        directory.mkdir(mode=0o700)
        settings = [part for override in point.overrides for part in ("--set", override)]
        if self._trace is not None:
            settings += ["--perfetto", str(self._trace.with_stem(f"{self._trace.stem}-{point.number:04d}"))]
        arguments = [sys.executable, "-m", "kernbench", "run", *self._command, *settings]
        with (directory / "stderr.txt").open("wb") as errors, (directory / "result.json").open("wb") as output:
            process = subprocess.Popen(  # noqa: S603  # our own command, no shell
                [*arguments, "--out", str(directory), "--json"],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                process_group=0,  # Ctrl-C reaches the sweep, which stops its runs
                preexec_fn=partial(_die_with, os.getpid()),  # noqa: PLW1509  # no thread runs here
            )
        self._running[process] = point

    def _read(self, point: Point, code: int) -> dict[str, Any]:
        try:
            document: dict[str, Any] = json.loads((self._folder.of(point) / "result.json").read_text())
        except (OSError, ValueError):
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            status = {"exit": code, "kind": "lost", "message": f"the run {how} and printed no result"}
            return {"status": status}
        return document

    def _stop(self) -> None:
        for process in self._running:
            process.send_signal(signal.SIGINT)
        for process in self._running:
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _die_with(parent: int) -> None:
    """Where the system can (Linux), a run ends when the sweep, process `parent`, is killed."""
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415  # only in the child

    parent_death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
    ctypes.CDLL(None).prctl(parent_death_signal, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # it died before; in a container the sweep itself may be process 1
        os._exit(143)
