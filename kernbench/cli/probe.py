"""`kernbench probe`: predefined traffic patterns, and what explains each nanosecond of them."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

import kernbench
from kernbench.cli.boundary import Status, print_json
from kernbench.cli.terminal import say
from kernbench.common.errors import UsageError

if TYPE_CHECKING:
    from actors.simulation import Simulation
    from kernbench.probing.case import Variant

DEFAULT_SIZE = "64KiB"
LARGEST = 2**26
"""Bytes of a case at most: 64 MiB are a million packet-hops, and no case changes above the sweep's 1 MiB."""


@click.command(short_help="Explain the time of predefined traffic.")
@click.option("--topology", metavar="F", help="Topology file. [default: ./topology.yaml, else the packaged one]")
@click.option("--set", "overrides", multiple=True, metavar="K=V", help="Replace a value: full key or unique suffix.")
@click.option("--case", "case", metavar="C", help="Only this case, with its sweep. [default: all]")
@click.option("--list", "listed", is_flag=True, help="List the cases and run nothing.")
@click.option("--size", metavar="S", help=f"Bytes that a case moves. [default: {DEFAULT_SIZE}]")
@click.option("--route", is_flag=True, help="Each hop with its time and where it waited; no sweep.")
@click.option("--sensitivity", is_flag=True, help="Which key of the topology moves which case; nothing else.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(**given: Any) -> None:
    """Run predefined traffic patterns; print latency, breakdown, closed form, bottleneck, saturation and contention."""
    if given["listed"]:
        _list(as_json=given["as_json"])
        return
    from kernbench.cli.probe_document import begun

    names, patterns = _chosen(given["case"])
    size = _size(given["size"])
    if given["route"] and not names:
        raise UsageError(f"--route: {given['case']} is many requests at once, which have no route; leave --route out")
    simulation = _simulation(given)
    document = begun(simulation)
    show = (lambda _: None) if given["as_json"] else say
    show(f"topology: {simulation.source.name}")
    if given["sensitivity"]:
        if given["case"] or given["size"] or given["route"]:
            raise UsageError("--sensitivity takes all cases at a size of its own; leave out --case, --size and --route")
        document["sensitivity"] = _sensitivity(given, show)
    else:
        document.update(_cases(simulation, names, patterns, size, show, route=given["route"]))
    if given["as_json"]:
        print_json(document)


def entries() -> list[dict[str, str]]:
    """The cases and the patterns of contention, with what they are."""
    from kernbench.probing.case import CASES
    from kernbench.probing.contention import PATTERNS

    found = [{"name": name, "description": case.description} for name, case in CASES.items()]
    return found + [
        {"name": name, "description": f"1, 2, 4, 8 and all PEs {'write to' if write else 'read'} one memory slice"}
        for name, write in PATTERNS.items()
    ]


def _list(*, as_json: bool) -> None:
    from kernbench.cli.table import column, render_prose, terminal_width

    found = entries()
    if as_json:
        head = {"schema": "kernbench/probe-list/1", "version": kernbench.__version__, "status": Status().document()}
        print_json({**head, "cases": found})
        return
    columns = [column("", [entry[key] for entry in found], text=True) for key in ("name", "description")]
    say(render_prose(columns, terminal_width()))


def _chosen(case: str | None) -> tuple[Sequence[str], Sequence[str]]:
    """The cases and the patterns of contention to run."""
    from kernbench.probing.case import CASES
    from kernbench.probing.contention import PATTERNS

    if case is None:
        return [*CASES], [*PATTERNS]
    if case not in CASES and case not in PATTERNS:
        near = get_close_matches(case, [*CASES, *PATTERNS], 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join([*CASES, *PATTERNS])}"
        raise UsageError(f"unknown case {case!r}; {hint}")
    return [name for name in CASES if name == case], [name for name in PATTERNS if name == case]


def _size(text: str | None) -> int:
    from kernbench.common.units import format_size, parse_size

    try:
        size = parse_size(DEFAULT_SIZE if text is None else text)
    except ValueError as error:
        raise UsageError(f"--size {text}: {error}") from error
    if not 1 <= size <= LARGEST:
        raise UsageError(f"--size {text}: expected 1B to {format_size(LARGEST)}")
    return size


def _simulation(given: dict[str, Any]) -> "Simulation":
    from actors.simulation import Simulation
    from kernbench.probing.measurement import SINKS

    return Simulation(given["topology"], overrides=given["overrides"], values=False, sinks=SINKS)


def _cases(
    simulation: "Simulation", names: Sequence[str], patterns: Sequence[str], size: int, show: Any, *, route: bool
) -> dict[str, Any]:
    """Measure the cases, then either their routes or their sweeps and the contention."""
    from kernbench.cli import probe_document, probe_report
    from kernbench.probing.case import variants
    from kernbench.probing.facts import Facts
    from kernbench.probing.measurement import measure

    found, missing = variants(Facts(simulation.topology), names, size)
    document: dict[str, Any] = {"missing": missing}
    measured = measure(simulation, found) if found else ()
    document["cases"] = [probe_document.case(each) for each in measured]
    if measured:
        show("\n" + probe_report.cases(measured))
    for name, reason in missing.items():
        show(f"\n{name}: left out, {reason}")
    if route:
        for each in measured:
            show("\n" + probe_report.route(each))
        return document
    document["sweep"] = _sweep(simulation, found, show)
    document["contention"] = _contention(simulation, patterns, show)
    return document


def _sweep(simulation: "Simulation", found: "Sequence[Variant]", show: Any) -> list[dict[str, Any]]:
    from kernbench.cli import probe_document, probe_report
    from kernbench.probing.sweep import sweep

    swept = list(sweep(simulation, found))
    if swept:
        show("\n" + probe_report.saturation(swept))
    return [probe_document.saturation(each) for each in swept]


def _contention(simulation: "Simulation", patterns: Sequence[str], show: Any) -> list[dict[str, Any]]:
    from kernbench.cli import probe_document, probe_report
    from kernbench.probing.contention import contend

    crowds = [crowd for pattern in patterns for crowd in contend(simulation, pattern)]
    if crowds:
        show("\n" + probe_report.contention(crowds))
    return [probe_document.contention(each) for each in crowds]


def _sensitivity(given: dict[str, Any], show: Any) -> list[dict[str, Any]]:
    from kernbench.cli import probe_document, probe_report
    from kernbench.probing.sensitivity import sensitivity

    effects = list(sensitivity(given["topology"], given["overrides"]))
    show("\n" + probe_report.sensitivity(effects))
    return [probe_document.effect(each) for each in effects]
