"""What a compiled topology says about the ways through it, before anything runs."""

from functools import cached_property
from typing import Any

import msgspec

from kernbench.common.units import BytesPerSecond, Fs
from kernbench.di.machine import TopologyFacts
from kernbench.topology.compile import Topology


class WayLink(msgspec.Struct, frozen=True):
    """A link on a way: its name in samples, the two parts of its head latency (fs), its bandwidth."""

    name: str
    wire: Fs
    overhead: Fs
    bw: BytesPerSecond

    @property
    def hop(self) -> Fs:
        """When the head is at the far end after it starts."""
        return self.wire + self.overhead


class Way(msgspec.Struct, frozen=True):
    """The links from one endpoint to another."""

    src: str
    dst: str
    links: tuple[WayLink, ...]

    @property
    def latency(self) -> Fs:
        """Of a head that waits nowhere."""
        return sum(link.hop for link in self.links)

    @property
    def slowest(self) -> WayLink:
        """The first link of the lowest bandwidth."""
        return min(self.links, key=lambda link: link.bw)


class Facts:
    """Ways, places and configurations of a topology."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.sips = topology.sips
        self.quantum = topology.quantum
        self._machine = TopologyFacts(topology)
        self._links = [{link.name: link for link in topology.links(sip)} for sip in range(topology.sips)]
        self._ways: dict[tuple[str, str], Way] = {}

    @cached_property
    def cubes(self) -> tuple[str, ...]:
        """The cubes of a SIP, row by row."""
        nodes = self.topology.nodes(0)
        return tuple(node.name.partition(".")[0] for node in nodes if node.name.endswith(".hbm"))

    @cached_property
    def pes(self) -> tuple[str, ...]:
        """The PEs of a SIP, cube by cube."""
        return tuple(node.name.removesuffix(".dma") for node in self.topology.nodes(0) if node.name.endswith(".dma"))

    def pes_of(self, cube: int) -> tuple[str, ...]:
        """The PEs of one cube."""
        return tuple(pe for pe in self.pes if pe.startswith(f"{self.cubes[cube]}."))

    @property
    def slices(self) -> int:
        """Memory slices of a cube."""
        count: int = self.config("hbm_ctrl").slices
        return count

    @cached_property
    def slice_bw(self) -> BytesPerSecond:
        """What a memory slice serves to streams."""
        return self._machine.slice_bw()

    def config(self, kind: str) -> Any:
        """The configuration of a part."""
        return self._machine.section(kind)

    def way(self, src: str, dst: str) -> Way:
        """The links from one endpoint to another, over as many SIPs as the fabric takes."""
        found = self._ways.get((src, dst))
        if found is None:
            found = self._ways[src, dst] = Way(src, dst, tuple(self._find(src, dst)))
        return found

    def _find(self, src: str, dst: str) -> list[WayLink]:
        sip, node = _split(src)
        target_sip, target = _split(dst)
        links = []
        while True:
            crossing = None
            for hop in self.topology.route(sip, node, target_sip, target):
                if isinstance(hop.link, str):
                    link = self._links[sip][hop.link]
                    links.append(WayLink(f"sip{sip}.{link.name}", link.wire, link.overhead, link.bw))
                else:
                    crossing = self.topology.fabric[hop.link]
                    links.append(WayLink(crossing.wire_name, crossing.latency, 0, crossing.bw))
            if crossing is None:
                return links
            sip, node = crossing.destination, crossing.dst


def _split(name: str) -> tuple[int, str]:
    sip, _, node = name.partition(".")
    return int(sip[3:]), node
