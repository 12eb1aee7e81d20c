"""Compiles a topology: every node, every link between nodes and between SIPs, and the route of every packet."""

from collections.abc import Mapping
from typing import Final

from kernbench.common.errors import UsageError
from kernbench.policy.routing import FABRICS
from kernbench.topology.check import check, check_source
from kernbench.topology.graph import FabricLink, Hop, Link, Node
from kernbench.topology.load import Source, effective_sha256
from kernbench.topology.package import Package
from kernbench.topology.route import Routes, Stretch
from kernbench.topology.schema import LinkOverride, System

MOST_SIPS: Final = 64


class Topology:
    """A compiled system of `sips` SIPs; equal inputs give equal nodes, links and routes in equal order."""

    def __init__(self, source: Source, sips: int) -> None:
        system = source.system
        self.source = source
        self.sips = sips
        self.quantum: int = system.quantum
        ports = [_ports(system, sip, sips) for sip in range(sips)]
        switched = system.fabric.kind == "switch" and sips > 1
        packages: dict[tuple[str, ...], Package] = {}
        for names in dict.fromkeys(ports):
            twin = next(iter(packages.values()), None)
            packages[names] = Package(system, names, switched, twin)
        self.packages = tuple(packages[names] for names in ports)
        self.fabric: tuple[FabricLink, ...] = tuple(_fabric(source, sips))
        self._routes = Routes(system.fabric.kind, self.packages, self.fabric)

    @classmethod
    def from_effective(cls, effective: Mapping[str, str]) -> "Topology":
        """The topology that `effective()` described: no file is read and nothing is checked again."""
        source = Source.from_effective(effective)
        return cls(source, source.system.sips)

    def effective(self) -> dict[str, str]:
        """Every value that counts, as text by dotted key; `sips` is the number compiled."""
        return {**self.source.effective(), "sips": str(self.sips)}

    @property
    def effective_sha256(self) -> str:
        """Hash of the canonical JSON of `effective()`."""
        return effective_sha256(self.effective())

    def nodes(self, sip: int) -> tuple[Node, ...]:
        """The nodes of a SIP, in compiled order."""
        return tuple(self.packages[sip].nodes)

    def links(self, sip: int) -> tuple[Link, ...]:
        """The links inside a SIP, in compiled order."""
        return tuple(self.packages[sip].links)

    def names(self, sip: int) -> tuple[str, ...]:
        """The names of a SIP's nodes, in compiled order."""
        return self.packages[sip].names

    def numbers(self, sip: int) -> Mapping[str, int]:
        """The place of each node of a SIP in compiled order."""
        return self.packages[sip].numbers

    def route(self, sip: int, src_node: str, dst_sip: int, dst_node: str) -> tuple[Hop, ...]:
        """The hops inside `sip` from `src_node`: to `dst_node`, or up to and including the link to the next SIP.

        A packet that arrived over the fabric continues from the node where it arrived.
        """
        return self._routes.route(sip, src_node, dst_sip, dst_node)

    def journey(self, sip: int, src_node: str, dst_sip: int, dst_node: str) -> tuple[Stretch, ...]:
        """The same hops, grouped by chiplet; equal groups are one object."""
        return self._routes.journey(sip, src_node, dst_sip, dst_node)


def compile_topology(source: Source, sips: int | None = None) -> Topology:
    """Compile and check; `sips` replaces the number that the source gives."""
    if sips is not None and not 1 <= sips <= MOST_SIPS:
        raise UsageError(f"--sips {sips}: expected 1 to {MOST_SIPS}")
    check_source(source)
    topology = Topology(source, source.system.sips if sips is None else sips)
    check(topology)
    _mark_read(source, topology)
    return topology


def _mark_read(source: Source, topology: Topology) -> None:
    fabric = source.system.fabric
    for key in source.effective():
        if not key.startswith(("fabric.links.", "fabric.switch.")):
            source.mark_read(key)
    if fabric.kind == "switch":
        source.mark_read("fabric.switch")
    for link in topology.fabric:
        source.mark_read(f"fabric.links.{link.source}->{link.destination}")
        source.mark_read(f"fabric.links.{min(link.source, link.destination)}-{max(link.source, link.destination)}")


def _ports(system: System, sip: int, sips: int) -> tuple[str, ...]:
    neighbours = FABRICS[system.fabric.kind].neighbours(sip, sips)
    if system.fabric.kind == "switch":  # one queue up to the switch: docs/adr/0004-one-uplink-queue-to-the-switch.md
        return ("io.fabric0",) if neighbours else ()
    return tuple(f"io.fabric{other}" for other in neighbours)


def _fabric(source: Source, sips: int) -> list[FabricLink]:
    fabric = source.system.fabric
    switched = fabric.kind == "switch"
    overhead = (fabric.switch if switched else source.system.sip.io.fabric_port).overhead
    links: list[FabricLink] = []
    for sip in range(sips):
        for other in FABRICS[fabric.kind].neighbours(sip, sips):
            link = _override(fabric.links, sip, other)
            name = f"sip{sip}->sip{other}"
            links.append(
                FabricLink(
                    index=len(links),
                    name=name,
                    wire_name=f"sip{sip}->switch" if switched else name,
                    source=sip,
                    destination=other,
                    src="io.fabric0" if switched else f"io.fabric{other}",
                    dst="switch" if switched else f"io.fabric{sip}",
                    bw=fabric.bw if link.bw is None else link.bw,
                    latency=(fabric.latency if link.latency is None else link.latency) + overhead,
                    credit_delay=fabric.credit_delay if link.credit_delay is None else link.credit_delay,
                    buffer=fabric.buffer if link.buffer is None else link.buffer,
                )
            )
    return links


def _override(links: Mapping[str, LinkOverride], sip: int, other: int) -> LinkOverride:
    """What is different about a link; what is said of one direction outweighs what is said of both."""
    both = links.get(f"{min(sip, other)}-{max(sip, other)}", LinkOverride())
    one = links.get(f"{sip}->{other}", LinkOverride())
    return LinkOverride(
        bw=both.bw if one.bw is None else one.bw,
        latency=both.latency if one.latency is None else one.latency,
        credit_delay=both.credit_delay if one.credit_delay is None else one.credit_delay,
        buffer=both.buffer if one.buffer is None else one.buffer,
    )
