"""`kernbench topology`: check, show, draw or explain a topology file."""
# ruff: noqa: PLC0415  # a command imports what it needs when it runs: `kernbench --help` stays quick

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kernbench.cli.boundary import print_json
from kernbench.cli.command_group import CommandGroup
from kernbench.cli.terminal import note, say

if TYPE_CHECKING:
    from kernbench.topology.load import Source

_file = click.argument("file", required=False, type=click.Path(path_type=Path))
_set = click.option(
    "--set", "overrides", multiple=True, metavar="K=V", help="Replace a value: full key or unique suffix."
)
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group(cls=CommandGroup, short_help="Check, show, draw or explain a topology.")
def command() -> None:
    """Check, show, draw or explain a topology file (default: ./topology.yaml, else the packaged one)."""


@command.command()
@_file
@_set
@_json
def check(file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Prove that a topology works: values, buffers, reachability, no deadlock."""
    from kernbench.di.catalog import idle_keys
    from kernbench.di.device import SipDevice
    from kernbench.topology.compile import compile_topology
    from kernbench.topology.deadlock import channel_graph

    source = _load(file, overrides)
    topology = compile_topology(source)
    SipDevice(topology, 0)  # every part must exist and accept its keys
    nodes = sum(len(topology.nodes(sip)) for sip in range(topology.sips))
    links = sum(len(topology.links(sip)) for sip in range(topology.sips))
    channels = len(channel_graph(topology))
    idle = idle_keys(topology)
    if as_json:
        _print_json(
            "topology-check", source, sips=topology.sips, nodes=nodes, links=links,
            fabric_links=len(topology.fabric), channels=channels, unread_keys=[*idle],
        )  # fmt: skip
        return
    say(f"topology: {source.name}")
    say(f"{topology.sips} SIPs, {nodes} nodes, {links} links, {len(topology.fabric)} fabric links")
    say(f"no deadlock: {channels} channels wait for each other without a circle")
    say(f"effective sha256: {source.effective_sha256}")
    for key, why in idle.items():
        note(str(source.error(key, f"warning: {why}")))
    say("ok")


@command.command()
@_file
@_set
@_json
def show(file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """Draw a topology: fabric, SIP, cube."""
    from kernbench.topology.compile import compile_topology
    from kernbench.topology.draw import draw

    source = _load(file, overrides)
    topology = compile_topology(source)
    if as_json:
        import msgspec

        _print_json(
            "topology-show", source, sips=topology.sips, quantum_bytes=topology.quantum, units={"time": "fs", "bandwidth": "B/s", "size": "B"},
            nodes=[{"name": node.name, "kind": node.kind, "key": node.key} for node in topology.nodes(0)],
            links=msgspec.to_builtins(topology.links(0)), fabric=msgspec.to_builtins(topology.fabric),
        )  # fmt: skip
        return
    say(f"topology: {source.name}\n")
    say(draw(topology).rstrip("\n"))


@command.command()
@_file
@_set
@click.option("--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Folder for the files.")
@_json
def draw(file: Path | None, overrides: tuple[str, ...], out: Path, as_json: bool) -> None:
    """Write diagrams as SVG: system, SIP, cube."""
    from kernbench.common.errors import OutputError
    from kernbench.topology.compile import compile_topology
    from kernbench.topology.diagrams import diagrams

    source = _load(file, overrides)
    written = []
    for name, content in diagrams(compile_topology(source)).items():
        path = out / name
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"{path} cannot be written: {reason}; give --out a folder that can") from error
        written.append(str(path))
    if as_json:
        _print_json("topology-draw", source, files=written)
        return
    say(f"topology: {source.name}")
    for each in written:
        say(each)


@command.command()
@_file
@_set
@_json
def schema(file: Path | None, overrides: tuple[str, ...], as_json: bool) -> None:
    """List every key: unit, default, meaning."""
    from kernbench.cli.table import column, render_prose, terminal_width
    from kernbench.topology.describe import describe

    source = _load(file, overrides)
    rows = describe(source)
    if as_json:
        import msgspec

        _print_json("topology-schema", source, keys=msgspec.to_builtins(rows))
        return
    say(f"topology: {source.name}\n")
    defaults = [f"{row.default} {row.unit}" if row.default[-1:].isdigit() else row.default for row in rows]
    meanings = [row.meaning + (f"  (here: {row.value})" if row.value not in {row.default, ""} else "") for row in rows]
    columns = [
        column("key", [row.key for row in rows], text=True),
        column("default", defaults, text=True),
        column("meaning", meanings, text=True),
    ]
    say(render_prose(columns, terminal_width()))


def _load(file: Path | None, overrides: tuple[str, ...]) -> "Source":
    from kernbench.topology.load import load

    return load(file, overrides)


def _print_json(document: str, source: "Source", **values: Any) -> None:
    head = {"schema": f"kernbench/{document}/1", "topology": source.name, "sha256": source.sha256}
    print_json({**head, "effective_sha256": source.effective_sha256, **values})
