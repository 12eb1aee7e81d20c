"""What a compiled topology says on a drawing: the words of a link, of a node, and the two directions of a line."""

from collections.abc import Iterable, Mapping
from typing import Final

from kernbench.common.units import format_size, format_time
from kernbench.topology.graph import FabricLink, Link, Node
from kernbench.topology.sheet import Box, Point, Sheet

STYLES: Final[Mapping[str, tuple[str, str]]] = {
    "sip.pcie": ("pcie", "PCIe"),
    "sip.io.noc": ("noc", "NOC of the IO chiplet"),
    "sip.cube.noc": ("noc", "NOC"),
    "sip.ucie": ("ucie", "UCIe crossing"),
    "sip.cube.xbar_to_hbm_bw_gbs": ("hbm", "crossbar to HBM, all slices"),
    "fabric": ("fabric", "fabric"),
}
"""How a link is drawn and called, by the section of the topology that it comes from."""


class Drawing:
    """A sheet that draws nodes and links of one SIP by their names."""

    def __init__(self, title: str, nodes: Iterable[Node], links: Iterable[Link]) -> None:
        self.sheet = Sheet(title)
        self._nodes = {node.name: node for node in nodes}
        self._links = {link.name: link for link in links}
        self._entering = {link.dst: link.overhead for link in self._links.values()}

    def node(self, name: str, at: Point, size: Point, style: str, words: str = "") -> Box:
        """A node; its last name (or `words`) and, below, what entering it costs."""
        overhead = self._entering.get(name, 0)
        lines = [words or name.rpartition(".")[2]]
        if overhead and size[1] >= 30:
            lines.append(f"+{format_time(overhead)}")
        entering = f", entering {format_time(overhead)}" if overhead else ""
        return self.sheet.box(name, at, size, style, lines, f"{name}: {self._nodes[name].kind}{entering}")

    def join(self, one: str, other: str, *points: Point) -> None:
        """Both links between two nodes."""
        found = [self._links[name] for name in (f"{one}->{other}", f"{other}->{one}")]
        title = "\n".join(f"{link.name}: {rate(link)}, head {format_time(link.wire + link.overhead)}" for link in found)
        self.sheet.line([link.name for link in found], points, STYLES[found[0].key][0], title)

    def legend(self) -> None:
        """What each kind of line on the sheet is, in the order of drawing."""
        names = (name for line in self.sheet.lines for name in line.links)
        drawn = dict.fromkeys(self._links[name].key for name in names if name in self._links)
        for key in drawn:
            link = next(link for link in self._links.values() if link.key == key)
            style, name = STYLES[key]
            self.sheet.legend(
                style,
                f"{name}: {rate(link)} each way, wire {format_time(link.wire)}, credit back {format_time(link.credit_delay)}, "
                f"buffer {format_size(link.buffer)} a lane",
            )
        self.sheet.legend("", "+ in a box: what entering it adds to the head's latency")


def rate(link: Link | FabricLink) -> str:
    """The bandwidth of a link as text."""
    return f"{link.bw / 10**9:g} GB/s"
