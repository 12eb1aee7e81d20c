"""`kernbench report`: what bounds a run, where its time went, and what changed against another one."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import kernbench
from kernbench.cli.boundary import CheckError, Concluded, Status, print_json, status_of
from kernbench.cli.run_choice import find_run
from kernbench.cli.terminal import note, say
from kernbench.common.errors import OutputError, UsageError

if TYPE_CHECKING:
    from kernbench.telemetry.trace_records import RunRecords

SCHEMA = "kernbench/report/1"


@click.command(short_help="Say what bounds a run and what changed.")
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--diff", "base", metavar="BASE", help="Another run: say what changed from it.")
@click.option("--fail-if", "condition", metavar="EXPR", help="Exit 1 if true of a row, such as 'busbw<0.9*base'.")
@click.option("--html", type=click.Path(path_type=Path), metavar="F", help="Write one page that works offline.")
@click.option("--csv", "as_csv", is_flag=True, help="All figures as CSV on stdout: run, table, name, figure, value.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(runs: tuple[str, ...], **given: Any) -> None:
    """Report on runs: a folder or the beginning of a run's name each; without any the latest run."""
    if given["as_csv"] and given["as_json"]:
        raise UsageError("--csv and --json both want stdout; choose one")
    directories = [find_run(text) for text in runs or (None,)]
    if given["html"] is not None and len(directories) > 1:
        raise UsageError(f"--html shows one run, got {len(directories)}; write a page for each")
    base_directory = None if given["base"] is None else find_run(given["base"])
    base = None if base_directory is None else _summary(base_directory)
    reports = [_summary(directory) for directory in directories]
    document = _document(reports, base)
    failed = _failed(document, base, given["condition"])
    if given["html"] is not None:
        _write_page(given["html"], directories[0], document["runs"][0])
    _show(document, directories, given)
    if failed:
        error = CheckError(f"--fail-if {given['condition']!r} is true of {_count(failed)}\n" + "\n".join(failed))
        document["status"] = status_of(error).document()
        raise Concluded(document) from error
    if given["as_json"]:
        print_json(document)


def _summary(directory: Path) -> dict[str, Any]:
    from kernbench.reporting.summary import summarise
    from kernbench.telemetry.trace_records import read_run

    return summarise(read_run(directory), directory)


def _document(reports: list[dict[str, Any]], base: dict[str, Any] | None) -> dict[str, Any]:
    from kernbench.reporting.difference import compare

    for report in reports:
        report["difference"] = None if base is None else compare(report, base)
    return {
        "schema": SCHEMA,
        "version": kernbench.__version__,
        "status": Status().document(),
        "runs": reports,
        "fail_if": None,
    }


def _failed(document: dict[str, Any], base: dict[str, Any] | None, condition: str | None) -> list[str]:
    from kernbench.reporting.verdict import failures

    if condition is None:
        return []
    found = []
    for report in document["runs"]:
        lines = failures(condition, report, base)
        found += lines if len(document["runs"]) == 1 else [f"{report['run']}: {line}" for line in lines]
    document["fail_if"] = {"expression": condition, "true_of": found}
    return found


def _count(failed: list[str]) -> str:
    return "1 row" if len(failed) == 1 else f"{len(failed)} rows"


def _write_page(path: Path, directory: Path, report: dict[str, Any]) -> None:
    from kernbench.reporting.page import page
    from kernbench.telemetry.trace_records import read_run

    text = page(report, read_run(directory))
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"--html {path}: cannot be written: {error.strerror}; name a file in a folder that can"
        ) from error
    note(f"kernbench: the page is {path} ({len(text.encode()) // 1024} KiB)")


def _show(document: dict[str, Any], directories: list[Path], given: dict[str, Any]) -> None:
    if given["as_json"]:
        return
    if given["as_csv"]:
        from kernbench.reporting.sheet import sheet

        click.echo(sheet(document["runs"]), nl=False)
        return
    from kernbench.cli.report_tables import difference_text, run_text
    from kernbench.cli.table import terminal_width
    from kernbench.telemetry.trace_records import read_run

    width = terminal_width()
    for number, (report, directory) in enumerate(zip(document["runs"], directories, strict=True)):
        say(("\n" if number else "") + run_text(report, width))
        if sys.stdout is not None and sys.stdout.isatty():
            _plot(report, read_run(directory), width)
        if report["difference"] is not None:
            say("\n" + difference_text(report["difference"], width))


def _plot(report: dict[str, Any], records: "RunRecords", width: int) -> None:
    """The busiest link over simulated time, where there is room for it."""
    from kernbench.cli.report_plot import plot

    drawn = plot(report, records.utilisation(), width)
    if drawn:
        click.echo("\n" + drawn)
