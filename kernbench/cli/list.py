"""`kernbench list`: what can be named on a command line, in a topology or in a kernel."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from collections.abc import Callable, Sequence
from typing import Any

import click

import kernbench
from kernbench.cli.boundary import print_json
from kernbench.cli.terminal import say

Entry = dict[str, Any]


def benches() -> list[Entry]:
    """The benches that come with kernbench, with their parameters."""
    from kernbench.runtime_api.bench import bench_names, describe, find_bench, parameters

    entries = []
    for name in bench_names():
        ref = find_bench(name)
        options = [{"name": each.name, "type": each.kind} for each in parameters(ref)]
        entries.append({"name": name, "description": describe(ref), "parameters": options})
    return entries


def algos() -> list[Entry]:
    """The algorithms of collectives."""
    from kernbench.runtime_api.collectives import ALGORITHMS

    return [{"name": name, "description": _first_line(module)} for name, module in ALGORITHMS.items()]


def kinds() -> list[Entry]:
    """The kinds of parts in a topology."""
    from kernbench.components import KINDS

    return [{"name": name, "description": _first_line(target.partition(":")[0])} for name, target in KINDS.items()]


def cases() -> list[Entry]:
    """The traffic patterns of `kernbench probe`."""
    from kernbench.cli.probe import entries

    return entries()


def presets() -> list[Entry]:
    """The models that `--model` knows, with their sources."""
    from kernbench.runtime_api.parallel.model_shape import presets

    return [{"name": name, "description": source} for name, source in presets().items()]


def tl() -> list[Entry]:
    """The names of triton.language that kernels may use, with their signatures."""
    from kernbench.triton_emu import language

    found = [(name, getattr(language, name)) for name in language.__all__]
    return [{"name": name, "description": _summary(each), "signature": _signature(each)} for name, each in found]


SECTIONS: dict[str, Callable[[], list[Entry]]] = {
    "benches": benches,
    "algos": algos,
    "kinds": kinds,
    "cases": cases,
    "presets": presets,
    "tl": tl,
}


@click.command(short_help="List benches, algorithms, parts, cases, models, tl.")
@click.argument("section", required=False, type=click.Choice([*SECTIONS]), metavar=f"[{'|'.join(SECTIONS)}]")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(section: str | None, *, as_json: bool) -> None:
    """List benches, collective algorithms, kinds of parts, probe cases, models or names of triton.language; all by default."""
    found = {name: SECTIONS[name]() for name in ([section] if section else SECTIONS)}
    if as_json:
        print_json({"schema": "kernbench/list/1", "version": kernbench.__version__, **found})
        return
    for number, (name, entries) in enumerate(found.items()):
        if not section:
            say(f"{chr(10) if number else ''}{name}:")
        _print(entries, "" if section else "  ")


def _print(entries: Sequence[Entry], indent: str) -> None:
    from textwrap import indent as indented

    from kernbench.cli.table import column, render_prose, terminal_width

    names = [entry["name"] for entry in entries]
    texts = [f"{entry.get('signature', '')} {entry['description']}".strip() for entry in entries]
    columns = [column("", each, text=True) for each in (names, texts)]
    say(indented(render_prose(columns, terminal_width() - len(indent)), indent))


def _first_line(module: str) -> str:
    """The first line of a module's docstring, read from its source: nothing is imported to be listed."""
    import ast
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return (ast.get_docstring(ast.parse(Path(spec.origin).read_bytes())) or "").split("\n")[0]


def _signature(thing: Any) -> str:
    """`(x, axis=None)`: the parameters of a function as a kernel's writer sees them, without types."""
    import inspect

    if not inspect.isfunction(thing):
        return ""
    shown = []
    for parameter in inspect.signature(thing).parameters.values():
        stars = str(parameter)[: 2 if parameter.kind is parameter.VAR_KEYWORD else 1]
        stars = stars if stars.strip("*") == "" else ""
        default = parameter.default
        shown.append(stars + parameter.name + ("" if default is parameter.empty else f"={_default(default)}"))
    return f"({', '.join(shown)})"


def _default(value: Any) -> str:
    """A default as a kernel would write it."""
    from enum import Enum

    return str(value) if isinstance(value, Enum) else repr(value)


def _summary(thing: Any) -> str:
    """What a name of the kernel language is: the first line of a function's docstring, or a data type."""
    if callable(thing) and thing.__doc__:
        return str(thing.__doc__).split("\n")[0]
    return "a data type"
