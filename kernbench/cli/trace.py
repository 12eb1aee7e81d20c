"""`kernbench trace`: a run as a file for Perfetto's timeline (ui.perfetto.dev) or for Chrome's."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import kernbench
from kernbench.cli.boundary import print_json
from kernbench.cli.run_choice import find_run
from kernbench.cli.terminal import say
from kernbench.common.errors import UsageError

if TYPE_CHECKING:
    from kernbench.telemetry.trace import TraceSummary
    from kernbench.telemetry.trace_plan import Window
    from kernbench.telemetry.trace_records import RunRecords


@click.command(short_help="Write a run's timeline for Perfetto.")
@click.argument("run", required=False, metavar="[RUN]")
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), metavar="F", help="File to write.")
@click.option(
    "--format", "form", type=click.Choice(["perfetto", "json"]), default="perfetto", help="Protobuf or Chrome's JSON."
)
@click.option("--from", "start", metavar="TIME", help="Only what reaches behind this time, such as 10us.")
@click.option("--to", "end", metavar="TIME", help="Only what begins before this time.")
@click.option("--phase", metavar="NAME", help="Only the time of the phases of this name.")
@click.option("--budget", default="64M", metavar="S", help="Largest size of the file. [default: 64M]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(**given: Any) -> None:
    """Write what RUN did over simulated time: a folder or the beginning of a run's name; without it the latest run.

    A run without records (`--no-record`) is refused.
    """
    from kernbench.common.units import parse_size
    from kernbench.telemetry.trace import write_trace
    from kernbench.telemetry.trace_records import read_run

    directory = find_run(given["run"])
    try:
        budget = parse_size(given["budget"])
    except ValueError as error:
        raise UsageError(f"--budget {given['budget']}: {error}") from error
    records = read_run(directory)
    if records.layout is None:
        raise UsageError(f"{directory}: no run was recorded here, so there is nothing to draw; run without --no-record")
    window = _window(records, given)
    summary = write_trace(records, given["output"], form=given["form"], window=window, budget=budget)
    if given["as_json"]:
        print_json(document(summary, directory))
        return
    say(describe(summary, directory))


def _window(records: "RunRecords", given: dict[str, Any]) -> "Window":
    from kernbench.telemetry.trace_plan import Window, phase_window

    if given["phase"] is not None:
        if given["start"] or given["end"]:
            raise UsageError("--phase is a time of its own; leave out --from and --to")
        return phase_window(records, given["phase"])
    start, end = _time("--from", given["start"]), _time("--to", given["end"])
    if end is not None and end <= (start or 0):
        raise UsageError(f"--to {given['end']}: expected a time after --from {given['start'] or '0ns'}")
    return Window(start or 0, end)


def _time(option: str, text: str | None) -> int | None:
    from kernbench.common.units import parse_time

    if text is None:
        return None
    try:
        time = parse_time(text)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error
    if time < 0:
        raise UsageError(f"{option} {text}: expected a time from 0 on")
    return time


def document(summary: "TraceSummary", directory: Path) -> dict[str, Any]:
    """What --json prints."""
    from msgspec.structs import asdict

    from kernbench.cli.boundary import Status
    from kernbench.common.units import to_ns

    found = asdict(summary)
    start, end, form = (found.pop(name) for name in ("start", "end", "form"))
    return {
        "schema": "kernbench/trace/1",
        "version": kernbench.__version__,
        "status": Status().document(),
        "run": str(directory),
        **found,
        "format": form,
        "from_ns": to_ns(start),
        "to_ns": None if end is None else to_ns(end),
        "notes": [*summary.notes],
    }


def describe(summary: "TraceSummary", directory: Path) -> str:
    """What was written, for a reader."""
    from kernbench.common.units import format_size, format_time

    to = "the end" if summary.end is None else format_time(summary.end)
    lines = [
        f"run       {directory}",
        f"time      {format_time(summary.start)} to {to}",
        f"recorded  {summary.phases} phases, {summary.kernels} kernels, {summary.operations} operations",
        f"packets   {summary.packets or 'none captured'}",
        f"trace     {summary.file}: {summary.slices} slices, {summary.flows} arrows, {summary.counters} counter values",
        f"size      {summary.bytes} of at most {format_size(summary.budget)}",
        *(f"note      {note}" for note in summary.notes),
    ]
    if summary.form == "perfetto":
        lines.append("open it   https://ui.perfetto.dev (whole ns; exact times are start_fs and end_fs of a slice)")
    return "\n".join(lines)
