"""`kernbench validate nccl`: latency and bandwidth fitted to half of NCCL's measured times, and the errors on the other half."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kernbench.oracles.nccl import Fit
    from kernbench.oracles.nccl_run import Simulated


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path), metavar="CSV", help="Measured times. [default: the packaged A100 table]"
)
@click.option(
    "--protocols", type=click.IntRange(1, 4), default=2, show_default=True, help="Of which the fastest counts."
)
@click.option(
    "--simulate",
    default="4MiB",
    show_default=True,
    metavar="SIZE|none",
    help="Also run the simulator at about this size.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def nccl(data: Path | None, protocols: int, simulate: str, as_json: bool) -> None:
    """Fit a ring's latency and bandwidth to every second measured size, predict the others."""
    from kernbench.cli.boundary import print_json
    from kernbench.cli.terminal import say
    from kernbench.cli.validate import head_of
    from kernbench.oracles.nccl import fit, packaged, packaged_rows, read_rows

    size = _size(simulate)
    source = str(data) if data is not None else packaged()["source"]
    rows = packaged_rows() if data is None else read_rows(data)
    fitted = fit(rows, protocols)
    if not as_json:
        say(f"measured  {source}, {len(rows)} rows")
        say(_text(fitted))
    found: list[Simulated] = []
    if size is not None:
        from kernbench.oracles.nccl_run import simulate as run

        for each in run(fitted, rows, size):
            found.append(each)
            if not as_json:
                say(_simulated(each, first=len(found) == 1))
    if as_json:
        print_json(_document(head_of("validate-nccl"), source, len(rows), fitted, found))


def _size(text: str) -> int | None:
    from kernbench.common.errors import UsageError
    from kernbench.common.units import parse_size

    if text == "none":
        return None
    try:
        size = parse_size(text)
    except ValueError as error:
        raise UsageError(f"--simulate {text}: expected a size such as 4MiB, or none") from error
    if not 1 <= size <= MOST_SIMULATED:
        raise UsageError(f"--simulate {text}: expected 1B to 64MiB; a larger one takes hours")
    return size


MOST_SIMULATED = 64 * 2**20


def _text(fitted: "Fit") -> str:
    lines = [
        f"fitted to {fitted.fitted_rows} rows of one node, every second size: the fastest of",
        f"  {'base (us)':>10} {'latency (us a step)':>20} {'bandwidth (GB/s a link)':>24}",
    ]
    lines += [
        f"  {each.base_us:>10.2f} {each.latency_us:>20.3f} {each.bandwidth_gbs:>24.1f}" for each in fitted.protocols
    ]
    lines += [
        "predicted, relative errors of sizes that were not fitted; the bias is below 0 where the prediction is too short",
        f"  {'ranks':>5} {'nodes':>5} {'rows':>5} {'mean':>8} {'p95':>8} {'max':>8} {'bias':>8}",
    ]
    lines += [
        f"  {each.ranks:>5} {each.nodes:>5} {each.rows:>5} {each.mean_error:>8.1%} {each.p95_error:>8.1%} "
        f"{each.max_error:>8.1%} {each.mean_bias:>z8.1%}"
        for each in fitted.groups
    ]
    return "\n".join(lines)


def _simulated(row: "Simulated", *, first: bool) -> str:
    heading = (
        "simulated: the base and the ring of a machine whose links have the last latency and bandwidth above\n"
        f"  {'ranks':>5} {'size (B)':>10} {'measured (us)':>14} {'fitted (us)':>12} {'simulated (us)':>15} {'error':>8}\n"
    )
    error = row.simulated_us / row.measured_us - 1
    return (heading if first else "") + (
        f"  {row.ranks:>5} {row.size_bytes:>10} {row.measured_us:>14.1f} {row.fitted_us:>12.1f} {row.simulated_us:>15.1f} "
        f"{error:>8.1%}"
    )


def _document(head: dict[str, Any], source: str, rows: int, fitted: "Fit", found: "list[Simulated]") -> dict[str, Any]:
    import msgspec

    return {
        **head,
        "source": source,
        "rows": rows,
        **msgspec.to_builtins(fitted),
        "simulated": msgspec.to_builtins(found),
    }
