"""What must hold of every run of the campaign, whatever was done to it."""
# ruff: noqa: INP001  # scripts, not a package

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any

from case import Case, Run
from kinds import Kind

from kernbench.cli import execute
from kernbench.common.errors import KernbenchError
from kernbench.telemetry.reader import RunReader

ERROR = "kernbench: error: "
ROOM = 2000
"""Bytes that a file must be able to hold for a message to be told in it."""
PLACES = ("sip", "worker", ".py:")


class BrokenRule(Exception):
    """A run ended in a way that it must not."""


def check(run: Run, kind: Kind, digest: str | None, *, struck: bool) -> None:
    """Raise BrokenRule with the first rule that does not hold."""
    code = run.process.returncode
    allowed = (*(kind.codes if struck else ()), *((0,) if kind.harmless or not struck else ()))
    document = _document(run.case)
    finished = document is not None and document.get("digest")
    if code not in allowed and not (code == 0 and finished):  # hit when all was said already
        raise BrokenRule(f"exit code {code}, expected {allowed}")
    _check_words(run, code, others_wait=kind.others_wait)
    if finished and digest is not None and document["digest"] != digest:
        raise BrokenRule(f"digest {document['digest']}, of a clean run {digest}")
    if code == 0 and not finished:
        raise BrokenRule("exit code 0 without a result")
    left = [path.name for path in run.temporary.iterdir()]
    if left:
        raise BrokenRule(f"left in the temporary folder: {left}")
    _check_records(run)


def _document(case: Case) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((case.out / "run.json").read_text())
    except (OSError, ValueError):
        return None
    return found


def _check_words(run: Run, code: int, *, others_wait: bool) -> None:
    """One message, with place, time and who waits where there is a simulation; JSON where it was asked for."""
    said = run.stderr()
    if "Traceback" in said or "Exception ignored" in said:
        raise BrokenRule("a traceback")
    errors = [line for line in said.splitlines() if line.startswith(ERROR)]
    room = run.case.spec["file_bytes"]
    if room is not None and room < ROOM:
        return  # stderr is full too
    if len(errors) != (0 if code in (0, 141) or code < 0 else 1):
        raise BrokenRule(f"{len(errors)} errors are told with exit code {code}")
    if code == 3 and ("of simulated time" not in errors[0] or not any(w in errors[0] for w in PLACES)):
        raise BrokenRule("the error does not tell place and time")
    if not run.case.as_json or code < 0 or run.case.spec["file_bytes"] is not None:  # stdout is such a file too
        return
    try:
        status = json.loads(run.stdout())["status"]
    except (ValueError, KeyError) as error:
        raise BrokenRule(f"stdout is not one document: {error!r}") from error
    if status["exit"] != code:
        raise BrokenRule(f"the document says exit {status['exit']}, the process {code}")
    if code == 3 and (not status["where"] or status["sim_time_ns"] is None):
        raise BrokenRule("the document does not tell place and time")
    if code == 3 and others_wait and not status["waiters"]:
        raise BrokenRule("the document does not tell who waits on what")


def _check_records(run: Run) -> None:
    """What is in the directory of the run can be read."""
    reader = RunReader(run.case.out)
    if not (run.case.out / "layout.json").exists():
        return
    try:
        _ = [*reader.frames()], reader.poll(), reader.operations(), reader.kernels(), reader.links(), reader.document
    except KernbenchError as error:
        raise BrokenRule(f"the records cannot be read: {error}") from error
    if reader.live:
        raise BrokenRule("the run is said to go on")
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = execute(["report", str(run.case.out)])
    if code != 0:
        raise BrokenRule(f"`kernbench report` ends with {code}: {err.getvalue().strip()}")
