"""`kernbench run`: a bench on a simulated system."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

import sys
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

import click

from kernbench.cli import quantum
from kernbench.cli.bench_options import DEFAULT_BENCH, arguments_of, device_of, named_bench, options_of
from kernbench.cli.boundary import (
    CheckError,
    Concluded,
    Interrupted,
    Status,
    Terminated,
    failure_document,
    print_json,
    status_of,
)
from kernbench.cli.run_directory import RunDirectory, check_place
from kernbench.cli.run_import import imported_arguments, imported_bench, notes_of, ranks_of
from kernbench.cli.terminal import note, say
from kernbench.common.errors import ExitCode, KernbenchError, LimitError, OutputError, UsageError

if TYPE_CHECKING:
    from actors.simulation import Result, Simulation
    from kernbench.runtime_api.bench import BenchRef, Parameter

MPI = "kernbench.mpi"
"""Where click's context keeps the MPI job."""


class RunCommand(click.Command):
    """A command whose options are its own and those of the bench that the command line names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Find the bench first, since its parameters are options; a rank of an MPI job but the first only serves."""
        from kernbench.runtime_api.bench import bench_names, find_bench, parameters

        if _over_mpi(args):
            from actors.transports import mpi

            if mpi.is_helper():
                mpi.serve()
                ctx.exit()
            ctx.meta[MPI] = mpi.Mpi()

        ref = find_bench(imported_bench(args) or named_bench(args, self.params, bench_names()))
        own = [*self.params, *_help_of(self, ctx)]
        taken = {name for option in own for name in (*option.opts, *option.secondary_opts)}
        found = parameters(ref)
        ctx.obj = Chosen(ref, found, options_of(ref, found, taken), [*args])
        return super().parse_args(ctx, args)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own parameters and those of the bench."""
        own = super().get_params(ctx)
        return own if ctx.obj is None else [*own, *ctx.obj.options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the options of the bench apart."""
        chosen: Chosen = ctx.obj
        own = [option for option in super().get_params(ctx) if isinstance(option, click.Option)]
        for title, options in (("Options", own), (f"Options of {chosen.ref.name}", chosen.options)):
            records = [record for option in options if (record := option.get_help_record(ctx)) is not None]
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)


class Chosen:
    """The bench that a command line names, what it takes, and the line itself."""

    def __init__(
        self, ref: "BenchRef", parameters: "list[Parameter]", options: list[click.Option], line: list[str]
    ) -> None:
        self.ref = ref
        self.parameters = parameters
        self.options = options
        self.line = line


@click.command(cls=RunCommand, short_help="Run a bench, print its rows.")
@click.argument("bench", required=False, metavar="[BENCH|FILE]")
@click.option("--bench", "named", metavar="B", help=f"The same as BENCH. [default: {DEFAULT_BENCH}]")
@click.option("--chakra", metavar="PREFIX", help="Replay Chakra traces PREFIX.0.et, PREFIX.1.et, ...: bench chakra.")
@click.option("--workload", metavar="FILE", help="Replay an ASTRA-sim text workload: bench workload.")
@click.option("--sips", type=int, metavar="N", help="Number of SIPs, 1 to 64. [default: the topology's]")
@click.option("--workers", default="auto", metavar="N|auto", help="Processes to spread the SIPs over. [default: auto]")
@click.option("--transport", type=click.Choice(["process", "mpi"]), default="process", help="How workers are joined.")
@click.option("--topology", metavar="F", help="Topology file. [default: ./topology.yaml, else the packaged one]")
@click.option("--set", "overrides", multiple=True, metavar="K=V", help="Replace a value: full key or unique suffix.")
@click.option(
    "--quantum", metavar="SIZE", help="Largest packet, such as 4KiB; tells what it changes against an own run."
)
@click.option("--device", metavar="sip:I", help="Run one rank, on SIP I; the others stay idle.")
@click.option("--values", type=click.Choice(["on", "off"]), default="on", help="Compute values or time only.")
@click.option("--seed", default=0, metavar="N", help="Of the ranks' random numbers. [default: 0]")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Write there, not below ./.kernbench/runs.")
@click.option("--emulate", multiple=True, metavar="PKG", help="An installed package whose Triton kernels run here too.")
@click.option("--poison", is_flag=True, help="Stop a kernel that loads bytes which nobody has written.")
@click.option("--timeout", metavar="TIME", help="Stop after so much real time, such as 60s, 5min or 2h.")
@click.option("--max-memory", metavar="SIZE", help="Stop when all processes together hold more, such as 4GiB.")
@click.option("--max-events", type=int, metavar="N", help="Stop after about so many events.")
@click.option(
    "--record/--no-record", default=True, help="Leave frames and tables in the run's directory. [default: on]"
)
@click.option("--perfetto", type=click.Path(path_type=Path), metavar="F", help="Write a trace with every packet.")
@click.option("--roofline", is_flag=True, help="Say of each kernel what bounds it and where its time went.")
@click.option("--tui", is_flag=True, help="Watch the run in the monitor.")
@click.option("--ascii", "in_ascii", is_flag=True, help="The monitor draws with ASCII alone.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_context
def command(ctx: click.Context, /, **given: Any) -> None:
    """Run a bench by name (`kernbench list benches`) or from a file; its keyword parameters are options too."""
    from actors.simulation import Simulation
    from kernbench.di.catalog import idle_keys
    from kernbench.runtime_api.bench import check_arguments, emulated

    chosen: Chosen = ctx.obj
    if given["tui"]:
        from kernbench.cli.tui_run import run_with_monitor

        if given["as_json"]:
            raise UsageError("--tui draws on the terminal and --json prints alone on it; leave one of them out")
        ctx.exit(run_with_monitor(chosen.ref.name, chosen.line))
    if None not in (given["bench"], given["named"]) and given["bench"] != given["named"]:
        raise UsageError(f"two benches: {given['bench']} and --bench {given['named']}; name one")
    timeout_s = real_seconds(given["timeout"])
    given["overrides"] = quantum.overrides(given["overrides"], given["quantum"])
    max_events = _at_least("--max-events", given["max_events"], 1)
    max_memory = _memory(given["max_memory"])
    arguments = check_arguments(chosen.ref, arguments_of(chosen.parameters, given) | imported_arguments(given))
    chosen.ref = emulated(chosen.ref, given["emulate"])
    simulation = Simulation(
        given["topology"],
        sips=ranks_of(chosen.ref, arguments, given["sips"]),
        workers=_workers(given["workers"]),
        overrides=given["overrides"],
        device=device_of(chosen.ref, given["sips"], _device(given["device"])),
        seed=_at_least("--seed", given["seed"], 0) or 0,
        values=given["values"] == "on",
        poison=given["poison"],
        max_events=max_events,
        mpi=ctx.meta.get(MPI),
    )
    for key, why in idle_keys(simulation.topology).items():
        note(f"kernbench: {simulation.source.error(key, f'warning: {why}')}")
    Run(simulation, chosen, given, arguments).run(timeout_s, max_events, max_memory)


class Run:
    """One run with its directory and its document."""

    def __init__(
        self, simulation: "Simulation", chosen: Chosen, given: dict[str, Any], arguments: dict[str, Any]
    ) -> None:
        from kernbench.cli.run_document import begun
        from kernbench.common.messages.recording import Recording

        self._simulation = simulation
        self._ref = chosen.ref
        self._arguments = arguments
        self._as_json: bool = given["as_json"]
        self._topology_given = given["topology"] is not None
        workers = given["workers"]
        asked = {
            "workers": int(workers) if workers.isdecimal() else workers,
            "overrides": [*given["overrides"]],
        }
        self._document = begun(simulation, chosen.ref.name, chosen.line, asked)
        if notes := notes_of(self._ref, arguments, len(simulation.ranks)):
            self._document["notes"] = notes
        self._perfetto: Path | None = given["perfetto"]
        self._recorded: bool = given["record"]
        self._roofline: bool = given["roofline"]
        if not self._recorded and (self._perfetto is not None or self._roofline):
            option = "--roofline" if self._roofline else "--perfetto"
            raise UsageError(f"{option} writes what was recorded; leave out --no-record")
        if self._perfetto is not None:
            check_place("--perfetto", self._perfetto)
        try:
            self._directory = RunDirectory.create(chosen.ref.name, given["out"])
        except OutputError as error:
            raise Concluded({**self._document, "status": status_of(error).document()}) from error
        self._document["run_dir"] = str(self._directory.path)
        self._quantum: str | None = given["quantum"]
        if self._recorded:
            recording = Recording(str(self._directory.path), packets=self._perfetto is not None)
            simulation.record(recording.with_room() if self._roofline else recording)

    def run(self, timeout_s: float | None, max_events: int | None, max_memory: int | None) -> None:
        """Run the bench; write run.json and print, whatever comes of it."""
        from kernbench.cli.progress import ProgressLine
        from kernbench.cli.run_report import heading

        if not self._as_json:
            say(heading(self._simulation, self._ref.name, self._which_topology(), self._directory.path))
            for text in self._document.get("notes", ()):
                say(f"{self._ref.name:<9} {text}")
        line = ProgressLine(max_events, timeout_s)
        try:
            with redirect_stdout(self._prints()):
                result = self._simulation.run(
                    self._ref, hooks=line, timeout_s=timeout_s, max_memory=max_memory, **self._arguments
                )
        except BaseException as error:
            line.clear()
            self._fail(error)
        line.clear()
        self._conclude(result)

    def _prints(self) -> TextIO:
        """Where the program's prints go: a bench's are no part of the result, a script's are what it is run for."""
        return sys.stdout if self._ref.is_script and not self._as_json else sys.stderr

    def _which_topology(self) -> str:
        from kernbench.topology.load import PACKAGED_NAME

        if self._topology_given:
            return "--topology"
        if self._simulation.source.name == PACKAGED_NAME:
            return "packaged; there is no ./topology.yaml"
        return "./topology.yaml"

    def _fail(self, error: BaseException) -> NoReturn:
        """The run gave no result."""
        from kernbench.cli.run_document import failed
        from kernbench.cli.run_report import rows_text
        from kernbench.common.errors import AuditError, SimulationError

        status = status_of(error)
        document = {**self._document, "status": status.document()}
        if status.exit == ExitCode.USAGE:
            self._directory.discard()
            raise Concluded(failure_document("run", status)) from error
        if isinstance(error, AuditError):
            document["audit"] = status.message
        if isinstance(error, SimulationError):
            document = failed(document, self._simulation.kept(error))
        self._write(document)
        if document["rows"] and not self._as_json:
            say("\n" + rows_text(document))
        raise Concluded(document) from error

    def _conclude(self, result: "Result") -> None:
        """The run gave a result, though perhaps not all of it or a wrong one."""
        from kernbench.cli.run_document import ended
        from kernbench.cli.run_report import report

        error = _verdict(result)
        status = Status() if error is None else status_of(error)
        document = ended({**self._document, "status": status.document()}, result)
        if self._roofline:
            document["roofline"] = self._rooflines()
        self._write(document)
        if not self._as_json:
            say(report(document, result))
            if self._quantum is not None and error is None:
                say(quantum.comparison(document, self._quantum, self._directory.path))
            if self._recorded:
                say(f"records: {self._directory.size / 2**20:.1f} MiB in {self._directory.path}")
        if self._perfetto is not None:
            self._trace(self._perfetto)
        if error is not None:
            raise Concluded(document) from error
        if self._as_json:
            print_json(document)

    def _rooflines(self) -> list[dict[str, Any]]:
        """The roofline of every kernel, from what was recorded and the topology."""
        from functools import partial

        from kernbench.di.machine import TopologyFacts
        from kernbench.reporting.roofline import roofline_documents
        from kernbench.runtime_api.roof import roof_of
        from kernbench.telemetry.trace_records import read_run

        return roofline_documents(
            read_run(self._directory.path), partial(roof_of, TopologyFacts(self._simulation.topology))
        )

    def _trace(self, path: Path) -> None:
        """Write the trace of what was recorded."""
        from kernbench.cli.trace import describe
        from kernbench.telemetry.trace import write_trace
        from kernbench.telemetry.trace_records import read_run

        directory = self._directory.path
        text = describe(write_trace(read_run(directory), path), directory)
        if not self._as_json:
            say()
            say(text)

    def _write(self, document: dict[str, Any]) -> None:
        try:
            self._directory.write(document)
        except OutputError as error:
            raise Concluded({**document, "status": status_of(error).document()}) from error


def _verdict(result: "Result") -> KernbenchError | None:
    """What is to be said against a result."""
    from actors.control import INTERRUPT, TERMINATED
    from kernbench.common.units import format_time

    if result.stopped:
        kind = {INTERRUPT: Interrupted, TERMINATED: Terminated}.get(result.stopped, LimitError)
        rows = f"{len(result.rows)} {'row is' if len(result.rows) == 1 else 'rows are'} complete"
        return kind(f"{result.stopped}: stopped at {format_time(result.sim_time)} of simulated time; {rows}")
    if result.wrong:
        wrong = sum(1 for row in result.rows if row.wrong)
        return CheckError(f"{result.wrong} elements are wrong, in {wrong} of {len(result.rows)} rows (column #wrong)")
    return None


def _over_mpi(args: list[str]) -> bool:
    """Whether the words ask for MPI; asked before anything else is read, since all ranks get the same words."""
    return "--transport=mpi" in args or ("--transport", "mpi") in pairwise(args)


def _help_of(command: click.Command, ctx: click.Context) -> list[click.Option]:
    option = command.get_help_option(ctx)
    return [] if option is None else [option]


def _workers(text: str) -> int | str:
    if text == "auto" or text.removeprefix("-").isdecimal():
        return text if text == "auto" else int(text)
    raise UsageError(f"--workers {text}: expected a number from 1, or auto")


def _device(text: str | None) -> int | None:
    if text is None:
        return None
    kind, _, number = text.partition(":")
    if kind != "sip" or not number.isdecimal():
        raise UsageError(f"--device {text}: expected sip:I, such as sip:0")
    return int(number)


_LONG_UNITS = (("min", 60), ("m", 60), ("h", 3600))
"""What only real time comes in: no run simulates as long."""


def real_seconds(text: str | None) -> float | None:
    """The seconds of a time limit."""
    from kernbench.common.units import FS_PER_S, parse_time

    if text is None:
        return None
    number, seconds = text, 1
    for unit, length in _LONG_UNITS:
        if text.endswith(unit):
            number, seconds = f"{text.removesuffix(unit)}s", length
            break
    try:
        time = parse_time(number, "s") * seconds
    except ValueError as error:
        raise UsageError(f"--timeout {text}: expected a time such as 60s, 5min or 2h") from error
    if time <= 0:
        raise UsageError(f"--timeout {text}: expected more than 0, such as 60s")
    return time / FS_PER_S


def _memory(text: str | None) -> int | None:
    from kernbench.common.units import parse_size

    if text is None:
        return None
    try:
        size = parse_size(text)
    except ValueError as error:
        raise UsageError(f"--max-memory {text}: expected a size such as 4GiB") from error
    if size <= 0:
        raise UsageError(f"--max-memory {text}: expected more than 0, such as 4GiB")
    return size


def _at_least(option: str, number: int | None, least: int) -> int | None:
    if number is not None and number < least:
        raise UsageError(f"{option} {number}: expected at least {least}")
    if number is not None and number >= 2**63:
        raise UsageError(f"{option} {str(number)[:60]}: expected at most 2^63 - 1")
    return number
