"""`kernbench sweep`: one bench over many topologies, several runs at a time."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from pathlib import Path
from typing import Any

import click

from kernbench.cli.bench_options import named_bench
from kernbench.cli.boundary import CheckError, Concluded, print_json, status_of
from kernbench.cli.terminal import note, say
from kernbench.common.errors import ExitCode, UsageError

SCHEMA = "kernbench/sweep/1"


@click.command(
    short_help="Run a bench over many topologies.",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True},
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[BENCH|FILE] [OPTIONS OF RUN]...")
@click.option("--set", "overrides", multiple=True, metavar="K=A,B", help="Values of a topology key; repeat for a grid.")
@click.option("--jobs", type=int, default=1, metavar="N", help="Runs at a time. [default: 1]")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Keep the runs there.")
@click.option("--pareto", metavar="X,Y", help="Plot these two figures. [default: first key, sim_time_ns]")
@click.option("--topology", metavar="F", help="Topology file. [default: ./topology.yaml, else the packaged one]")
@click.option(
    "--perfetto", type=click.Path(path_type=Path), metavar="F", help="A trace of each point: F with its number."
)
@click.option("--tui", is_flag=True, hidden=True)  # an option of run: refused in words of ours
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(**given: Any) -> None:
    """Run a bench once for each choice of values; other options go to each run, as `kernbench run` takes them.

    What is done is kept: after Ctrl-C or a kill the same command goes on where it was.
    """
    import kernbench
    from kernbench.cli.run import command as run
    from kernbench.cli.run_directory import check_place
    from kernbench.cli.run_import import imported_bench
    from kernbench.cli.sweep_figures import asked, check_names, check_point
    from kernbench.cli.sweep_points import SweepFolder, axes, inputs_of, points
    from kernbench.cli.sweep_runner import Runner
    from kernbench.runtime_api.bench import bench_names, find_bench
    from kernbench.topology.load import load

    if given["tui"]:
        raise UsageError(
            "a sweep has no screen of its own: leave out --tui, and watch a point with kernbench monitor DIR"
        )
    found = axes(given["overrides"])
    if not any(len(axis.values) > 1 for axis in found):
        raise UsageError("a sweep needs a key with several values: --set fabric.bw_gbs=50,100,200")
    if given["jobs"] < 1:
        raise UsageError(f"--jobs {given['jobs']}: expected at least 1")
    names = asked(given["pareto"], next(axis.key for axis in found if len(axis.values) > 1))
    arguments = [*given["arguments"]]
    bench = find_bench(imported_bench(arguments) or named_bench(arguments, run.params, bench_names()))
    if given["pareto"] is not None:
        check_names(names, found, bench.file)
    grid = points(found)
    hashes = [load(given["topology"], point.overrides).effective_sha256 for point in grid]
    if given["topology"] is not None:
        arguments += ["--topology", given["topology"]]
    if "--workers" not in arguments:
        arguments += ["--workers", "1"]  # runs beside each other use the cores better than one run's workers
    _check(run, arguments)
    identity = {"schema": SCHEMA, "version": kernbench.__version__, "bench": bench.name, "inputs": inputs_of(bench.file, arguments), "arguments": arguments,
                "settings": [[axis.key, [*axis.values]] for axis in found], "topologies": hashes}  # fmt: skip
    if given["perfetto"] is not None:
        check_place("--perfetto", given["perfetto"])
        identity["perfetto"] = str(given["perfetto"])  # points done without a trace are not these
    folder = SweepFolder.open(given["out"], identity)
    done = {point: document for point in grid if (document := folder.document(point)) is not None}
    if not given["as_json"]:
        kept = f", {len(done)} of them done before" if done else ""
        say(f"sweep     {bench.name}, {len(grid)} points{kept}")
        say(f"output    {folder.path}")
    if given["pareto"] is not None:
        for point, document in done.items():
            check_point(names, point, document)
    todo = [point for point in grid if point not in done]
    for point, document in Runner(folder, arguments, given["jobs"], given["perfetto"]).run(todo):
        if given["pareto"] is not None:
            check_point(names, point, document)
        done[point] = document
        status = document["status"]
        said = status["kind"] if status["exit"] in (0, 1) else f"{status['kind']}: {status['message']}"
        note(f"kernbench: point {point.number} {' '.join(point.overrides)}: {said}")
    if all(document["status"]["exit"] == ExitCode.USAGE for document in done.values()):
        first = grid[0]
        raise UsageError(f"point 0 ({' '.join(first.overrides)}): {done[first]['status']['message']}")
    _conclude(found, [(point, done[point]) for point in grid], given, str(folder.path), names)


def _conclude(found: Any, done: Any, given: dict[str, Any], path: str, shown: tuple[str, str]) -> None:
    """Print what all points gave; points that failed fail the sweep."""
    import kernbench
    from kernbench.cli.sweep_report import figures, front, plot, speedups, table
    from kernbench.cli.table import terminal_width

    swept = [axis for axis in found if len(axis.values) > 1]
    x, y = shown
    numeric = all(x in figures(point, document) for point, document in done if not document["status"]["exit"])
    best = front(done, x, y) if numeric or given["pareto"] else []
    failed = [point.number for point, document in done if document["status"]["exit"]]
    document = {
        "schema": SCHEMA,
        "version": kernbench.__version__,
        "status": None,
        "sweep_dir": path,
        "pareto": {"x": x, "y": y, "front": best},
        "points": [
            {
                "point": point.number,
                "settings": dict(point.settings),
                "status": each["status"],
                "figures": figures(point, each),
                "digest": each.get("digest"),
                "run_dir": each.get("run_dir"),
            }
            for point, each in done
        ],
    }
    if not given["as_json"]:
        say()
        say(table(swept, done))
        say()
        for line in (
            speedups(done),
            f"Pareto front of {x} and {y}: points {', '.join(map(str, best))}" if best else "",
        ):
            if line:
                say(line)
        if best and len(done) > 2:
            say()
            say(plot(done, x, y, min(100, terminal_width()), 20))
    error = None
    if failed:
        error = CheckError(f"{len(failed)} of {len(done)} points failed: {', '.join(map(str, failed))}")
    document["status"] = status_of(error).document() if error else _ok()
    if error:
        raise Concluded(document) from error
    if given["as_json"]:
        print_json(document)


def _ok() -> dict[str, Any]:
    from kernbench.cli.boundary import Status

    return Status().document()


def _check(run: click.Command, arguments: list[str]) -> None:
    """Have `kernbench run` read the words that every point gets, so that a wrong one is refused before the first."""
    from kernbench.cli.bench_options import arguments_of
    from kernbench.cli.run_import import imported_arguments
    from kernbench.runtime_api.bench import check_arguments

    with run.make_context("run", [*arguments]) as ctx:
        chosen = ctx.obj
        check_arguments(chosen.ref, arguments_of(chosen.parameters, ctx.params) | imported_arguments(ctx.params))
