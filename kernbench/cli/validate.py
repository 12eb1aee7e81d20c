"""`kernbench validate`: the model against oracles, or one mesh, link, systolic array or memory slice on its own."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernbench.cli.command_group import CommandGroup
from kernbench.cli.validate_nccl import nccl

if TYPE_CHECKING:
    from kernbench.oracles.table import Row

_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
_packets = click.option("--packets", default=100_000, show_default=True, help="Packets to measure.")
_warmup = click.option("--warmup", type=int, help="Packets before the measured ones.  [default: a fifth of --packets]")
_seed = click.option("--seed", default=1, show_default=True, help="Seed of all random streams.")
_arrivals = click.option("--arrivals", type=click.Choice(["bernoulli", "poisson"]), show_default=True)


@click.group(cls=CommandGroup, invoke_without_command=True)
@click.option("--only", default="", metavar="TEXT", help="Ask only the oracles whose name contains this.")
@click.option("--list", "listed", is_flag=True, help="Name the oracles and their sources, ask none.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks and every waiter.")
@_json
@click.pass_context
def command(context: click.Context, only: str, listed: bool, as_json: bool) -> None:
    """Ask every oracle: expected, got, error, tolerance, source, verdict; exit 1 when one fails."""
    if context.invoked_subcommand is not None:
        return
    from kernbench.cli.boundary import CheckError, Concluded, Status, print_json, status_of
    from kernbench.cli.terminal import say
    from kernbench.common.errors import UsageError
    from kernbench.oracles.table import Effort, ask, oracles

    chosen = [oracle for oracle in oracles() if only in oracle.name]
    if not chosen:
        raise UsageError(f"--only {only}: no oracle's name contains it; --list names them")
    if listed:
        if as_json:
            names = [{"name": oracle.name, "source": oracle.source} for oracle in chosen]
            print_json({**head_of("validate-list"), "oracles": names})
            return
        for oracle in chosen:
            say(f"{oracle.name:<48} {oracle.source}")
        return
    rows = []
    for oracle in chosen:
        rows.append(ask(oracle, Effort()))
        if not as_json:
            if len(rows) == 1:
                say(HEADING)
            say(line(rows[-1]))
    failed = [row.name for row in rows if row.verdict == "FAIL"]
    error = CheckError(f"{len(failed)} of {len(rows)} oracles failed: {'; '.join(failed)}")
    if as_json:
        document = _document(rows, status_of(error) if failed else Status())
        if failed:
            raise Concluded(document) from error
        print_json(document)
        return
    say(f"{_count(rows, 'pass')} passed, {len(failed)} failed, {_count(rows, 'reported')} reported only")
    if failed:
        raise error


@command.command()
@click.option("--mesh", default="4x4", show_default=True, metavar="CxR", help="Columns x rows of routers; 6x1: a line.")
@click.option("--flits", default="8", show_default=True, help="Packet size, or a mix such as 1:0.5,16:0.5.")
@click.option(
    "--traffic", default="uniform", show_default=True,
    help="uniform, transpose, neighbour, bitcomp, shuffle, tornado, hotspot:10=3 (all others weigh 1), matrix:FILE.",
)  # fmt: skip
@click.option("--rate", type=float, default=0.3, show_default=True, help="Flits per node and cycle; 1.0: overload.")
@click.option("--buffer", default=64, show_default=True, help="Flits of buffer at each router input.")
@click.option("--hop-cycles", default=3, show_default=True, help="Cycles of a head from link to link.")
@_arrivals
@_packets
@_warmup
@_seed
@_json
def mesh(
    mesh: str, flits: str, traffic: str, rate: float, buffer: int, hop_cycles: int, arrivals: str | None,
    packets: int, warmup: int | None, seed: int, as_json: bool,
) -> None:  # fmt: skip
    """Measure latency and throughput of a mesh of routers under synthetic traffic."""
    from kernbench.oracles.arrivals import parse_sizes
    from kernbench.oracles.mesh import MeshConfig
    from kernbench.oracles.traffic import parse_grid, parse_traffic
    from kernbench.oracles.traffic_run import TrafficRun

    warmup = _checked(packets, warmup)
    grid = parse_grid(mesh)
    config = MeshConfig(
        grid=grid, traffic=parse_traffic(traffic, grid), sizes=parse_sizes(flits), rate=rate, buffer=buffer,
        hop_cycles=hop_cycles, arrivals=arrivals or "bernoulli", seed=seed,
    )  # fmt: skip
    result = TrafficRun(config, packets, warmup).measure()
    given = {
        "mesh": mesh, "flits": flits, "traffic": traffic, "rate": rate, "buffer": buffer, "hop_cycles": hop_cycles,
        "arrivals": config.arrivals, "warmup": warmup, "seed": seed,
    }  # fmt: skip
    _answer("validate-mesh", given, result, as_json)


@command.command()
@_arrivals
@click.option("--load", default="0.8", show_default=True, help="Utilisation of the link, below 1.")
@click.option("--flits", type=click.IntRange(1), default=8, show_default=True, help="Packet size.")
@click.option(
    "--sources", type=click.IntRange(1, 64), default=1, show_default=True, help="Sources that share the link."
)
@_packets
@_warmup
@_seed
@_json
def link(
    arrivals: str | None,
    load: str,
    flits: int,
    sources: int,
    packets: int,
    warmup: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure the waiting at one link: M/D/1 (poisson) or Geo/D/1 (bernoulli)."""
    from kernbench.common.errors import UsageError
    from kernbench.common.units import exact
    from kernbench.oracles.one_link import measure_link

    warmup = _checked(packets, warmup)
    try:
        share = exact(load)
    except ValueError as error:
        raise UsageError(f"--load {load}: {error}") from error
    chosen = arrivals or "poisson"
    result = measure_link(chosen, share, flits, sources, packets, warmup, seed)
    given = {
        "arrivals": chosen,
        "load": float(share),
        "flits": flits,
        "sources": sources,
        "warmup": warmup,
        "seed": seed,
    }
    _answer("validate-link", given, result, as_json)


@command.command()
@click.option("--array", default="32x32", show_default=True, metavar="RxC", help="Rows x columns of cells.")
@click.option(
    "--flow", type=click.Choice(["os", "ws"]), default="os", show_default=True, help="Output or weight stationary."
)
@click.option("--mnk", metavar="M,N,K", help="The product, such as 128,128,128.")
@click.option("--shapes", type=click.Path(path_type=Path), help="A list of products: a header, then Layer,M,N,K lines.")
@_json
def gemm(array: str, flow: str, mnk: str | None, shapes: Path | None, as_json: bool) -> None:
    """Count the cycles of a product on a systolic array."""
    from kernbench.cli.boundary import print_json
    from kernbench.cli.terminal import say
    from kernbench.common.errors import UsageError
    from kernbench.oracles.array import cycles
    from kernbench.runtime_api.shapes import parse_shape, read_shapes

    if (mnk is None) == (shapes is None):
        raise UsageError("give one of --mnk M,N,K and --shapes FILE")
    head = {**head_of("validate-gemm"), "array": array, "flow": flow}
    if mnk is not None:
        shape = parse_shape(mnk)
        count = cycles(array, flow, shape)
        if as_json:
            print_json({**head, "mnk": list(shape), "cycles": count})
        else:
            say(f"{mnk} on {array} {flow}: {count} cycles of the array's clock")
        return
    assert shapes is not None
    counts = [(name, shape, cycles(array, flow, shape)) for name, shape in read_shapes(shapes)]
    if as_json:
        layers = [{"layer": name, "mnk": list(shape), "cycles": count} for name, shape, count in counts]
        print_json({**head, "layers": layers, "cycles": sum(count for _, _, count in counts)})
        return
    for name, shape, count in counts:
        say(f"{name:<16} {','.join(map(str, shape)):<20} {count:>14} cycles of the array's clock")


@command.command()
@click.option(
    "--pattern", default="sequential", show_default=True,
    help="sequential, random (32 B reads), mixed:SHARE of reads along one stream, copy:SHARE from one to another.",
)  # fmt: skip
@click.option(
    "--slice-gbs", default="204.8", show_default=True, help="Raw bandwidth of the slice; 204.8: HBM3 at 6.4 Gb/s."
)
@click.option(
    "--refreshes", type=click.IntRange(1), default=8, show_default=True, help="Refresh intervals to measure over."
)
@_seed
@_json
def hbm(pattern: str, slice_gbs: str, refreshes: int, seed: int, as_json: bool) -> None:
    """Measure the share of its peak that a memory slice with banks delivers to a pattern."""
    from kernbench.common.errors import UsageError
    from kernbench.common.units import gbs
    from kernbench.oracles.hbm import measure_hbm, parse_pattern

    wanted = parse_pattern(pattern)
    try:
        bandwidth = gbs(slice_gbs)
    except ValueError as error:
        raise UsageError(f"--slice-gbs {slice_gbs}: {error}") from error
    if bandwidth <= 0:
        raise UsageError(f"--slice-gbs {slice_gbs}: expected above 0")
    result = measure_hbm(wanted, bandwidth, refreshes, seed)
    given = {"pattern": pattern, "slice_gbs": bandwidth / 10**9, "refreshes": refreshes, "seed": seed}
    _answer("validate-hbm", given, result, as_json)


command.add_command(nccl)

HEADING = (
    f"{'oracle':<48} {'expected':>12} {'got':>12} {'unit':<12} {'error':>9} {'tolerance':>9}  {'verdict':<8}  source"
)


def line(row: "Row") -> str:
    """A row of the table as text."""
    tolerance = "-" if row.tolerance is None else "exact" if row.tolerance == 0 else f"{row.tolerance:.3g}"
    return (
        f"{row.name:<48} {row.expected:>12.10g} {row.got:>12.10g} {row.unit:<12} {row.error:>9.4f} {tolerance:>9}"
        f"  {row.verdict:<8}  {row.source}"
    )


def _document(rows: "list[Row]", status: Any) -> dict[str, Any]:
    import msgspec

    counts = {"passed": _count(rows, "pass"), "failed": _count(rows, "FAIL"), "reported": _count(rows, "reported")}
    return {**head_of("validate"), "status": status.document(), **counts, "oracles": msgspec.to_builtins(rows)}


def _count(rows: "list[Row]", verdict: str) -> int:
    return sum(row.verdict == verdict for row in rows)


def head_of(document: str) -> dict[str, Any]:
    """What every document of this command begins with."""
    import kernbench
    from kernbench.cli.boundary import Status

    return {"schema": f"kernbench/{document}/1", "version": kernbench.__version__, "status": Status().document()}


def _checked(packets: int, warmup: int | None) -> int:
    from kernbench.common.errors import UsageError

    if packets < 2:
        raise UsageError(f"--packets {packets}: expected at least 2, since rates are between the first and the last")
    if warmup is not None and warmup < 0:
        raise UsageError(f"--warmup {warmup}: expected at least 0 packets")
    return packets // 5 if warmup is None else warmup


def _answer(document: str, given: dict[str, Any], result: Any, as_json: bool) -> None:
    import msgspec

    from kernbench.cli.boundary import print_json
    from kernbench.cli.terminal import say

    values = msgspec.to_builtins(result)
    if as_json:
        print_json({**head_of(document), **given, **values})
        return
    for name, value in values.items():
        say(f"{name:<22} {_words(value)}")


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {part:.6g}" for name, part in value.items())
    if isinstance(value, list):
        return " ".join(f"{part:.4g}" for part in value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)
