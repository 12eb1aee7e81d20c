"""Refuses a topology that cannot work, each time with the key to change and what to change it to."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kernbench.common.errors import TopologyError
from kernbench.common.units import FS_PER_S, Fs, format_size, format_time
from kernbench.policy.routing import FABRICS
from kernbench.topology.deadlock import Channel, channel_graph
from kernbench.topology.graph import FabricLink, Link
from kernbench.topology.load import Source

if TYPE_CHECKING:
    from kernbench.topology.compile import Topology

_PAIR = re.compile(r"(\d{1,3})(->|-)(\d{1,3})")
_HBM_KEY = "sip.cube.xbar_to_hbm_bw_gbs"


def check(topology: "Topology") -> None:
    """All checks of a compiled topology; the first one that fails raises a TopologyError."""
    check_names(topology)
    for package in dict.fromkeys(topology.packages):
        for link in package.links:
            check_link(topology.source, link, topology.quantum)
        check_reachable(topology.source, [node.name for node in package.nodes if node.forwards], package.links)
    for fabric_link in topology.fabric:
        check_fabric_link(topology.source, fabric_link, topology.quantum)
    check_deadlock(topology.source, channel_graph(topology).cycle())


def check_source(source: Source) -> None:
    """What must hold before anything can be compiled."""
    controller = source.system.sip.cube.hbm_ctrl
    slices = controller.config.get("slices")
    key = "sip.cube.hbm_ctrl.slices"
    if slices is None:
        if controller.kind != "hbm_ctrl" and ":" not in controller.kind:
            raise source.error(f"{controller.key}.kind", f"{controller.kind!r} is no HbmCtrl, which this place needs")
        raise source.error(key, "is missing; the link from the crossbar has this many times xbar_to_hbm_bw_gbs")
    if not isinstance(slices, int) or isinstance(slices, bool) or not 1 <= slices <= 1024:
        text = source.effective().get(key, str(slices))
        raise source.error(key, f"expected a whole number from 1 to 1024, got {text[:60]}")
    _check_overrides(source)


def _check_overrides(source: Source) -> None:
    fabric, sips = source.system.fabric, source.system.sips
    for name in fabric.links:
        key = f"fabric.links.{name}"
        match = _PAIR.fullmatch(name)
        if match is None:
            raise source.error(key, 'expected a pair of SIPs such as "0-1" (both ways) or "0->1" (one way)')
        if fabric.kind == "switch":
            raise source.error(key, "links to a switch are all equal; use kind ring, full or mesh2d, or remove it")
        one, other = int(match[1]), int(match[3])
        if one >= sips or other >= sips:
            raise source.error(key, f"SIPs are numbered 0 to {sips - 1}; raise sips or remove it")
        pair = f"{one}->{other}" if match[2] == "->" else f"{min(one, other)}-{max(one, other)}"
        if name != pair:
            raise source.error(key, f'links go by one name each; call it "{pair}"')
        neighbours = FABRICS[fabric.kind].neighbours(one, sips)
        if other not in neighbours:
            near = ", ".join(map(str, neighbours)) or "none"
            raise source.error(key, f"a {fabric.kind} of {sips} has no such link; SIP {one} is linked to: {near}")


def check_names(topology: "Topology") -> None:
    """No two nodes and no two links of a SIP have one name."""
    for package in dict.fromkeys(topology.packages):
        for names in ([node.name for node in package.nodes], [link.name for link in package.links]):
            if len(set(names)) != len(names):
                twice = next(name for index, name in enumerate(names) if name in names[:index])
                raise topology.source.error("sip", f"two parts are called {twice}; rename one of them")


def check_link(source: Source, link: Link, quantum: int) -> None:
    """A link inside a SIP takes time, and its buffer keeps it busy."""
    hop = link.wire + link.overhead
    if hop < 1:
        remedy = "give it a length_mm" if link.key != "sip.pcie" else "give it at least 1ns"
        where = link.key.removesuffix(".xbar_to_hbm_bw_gbs") if link.key == _HBM_KEY else link.key
        if link.key != "sip.pcie" and not source.system.ns_per_mm:
            where, remedy = "ns_per_mm", "a wire of any length takes none; give it more than 0"
        raise source.error(where, f"{link.name} takes no time, so cause and effect fall together; {remedy}")
    key = _HBM_KEY.replace("_bw_gbs", "_buffer_bytes") if link.key == _HBM_KEY else f"{link.key}.buffer_bytes"
    if link.credit_delay < 1:
        section = "sip.cube.noc" if link.key == _HBM_KEY else link.key
        raise source.error(f"{section}.credit_ns", f"{link.name} returns credits in no time; give it at least 1ns")
    _check_buffer(source, key, link, hop, quantum)


def check_fabric_link(source: Source, link: FabricLink, quantum: int) -> None:
    """A link between SIPs leaves lookahead, and its buffer keeps it busy."""
    sides = (
        f"{link.source}->{link.destination}",
        f"{min(link.source, link.destination)}-{max(link.source, link.destination)}",
    )
    links = source.system.fabric.links
    section = next((f"fabric.links.{pair}" for pair in sides if pair in links), "fabric")
    for what, value in (("latency", link.latency), ("credit", link.credit_delay)):
        if value < 1:
            raise source.error(
                f"{section}.{what}_ns", f"{what} is 0 on {link.name}, so no lookahead is left; give it at least 1ns"
            )
    _check_buffer(source, f"{section}.buffer_bytes", link, link.latency, quantum)


def _check_buffer(source: Source, key: str, link: Link | FabricLink, hop: Fs, quantum: int) -> None:
    if link.buffer < 2 * quantum:
        raise source.error(
            key,
            f"{link.name} has {format_size(link.buffer)} a lane, less than two quanta of {format_size(quantum)}; "
            f"give it at least {format_size(2 * quantum)} or lower quantum_bytes",
        )
    needed = -(-link.bw * (hop + link.credit_delay) // FS_PER_S)
    if link.buffer < needed:
        raise source.error(
            key,
            f"{link.name} has {format_size(link.buffer)} a lane, which throttles it: {link.bw / 10**9:g} GB/s x "
            f"({format_time(hop)} hop + {format_time(link.credit_delay)} credit) needs {needed} bytes; "
            f"give it at least {format_size(-(-needed // 1024) * 1024)}",
        )


def check_reachable(source: Source, nodes: Iterable[str], links: Iterable[Link]) -> None:
    """From each node that has links, and each that forwards, there is a way to all others."""
    after: dict[str, list[str]] = {node: [] for node in nodes}
    before: dict[str, list[str]] = {node: [] for node in after}
    for link in links:
        after.setdefault(link.src, []).append(link.dst)
        before.setdefault(link.dst, []).append(link.src)
    everyone = [*dict.fromkeys([*after, *before])]
    start = "host" if "host" in after else everyone[0]
    for ways, how in ((after, "reached from"), (before, "left for")):
        seen, waiting = {start}, [start]
        while waiting:
            for node in ways.get(waiting.pop(), []):
                if node not in seen:
                    seen.add(node)
                    waiting.append(node)
        # A switch only hands over what comes in from outside: nothing inside leads to it.
        missing = [node for node in everyone if node not in seen and node != "switch"]
        if missing:
            raise source.error("sip", f"{missing[0]} cannot be {how} {start}; join it with a link")


def check_deadlock(source: Source, cycle: list[Channel]) -> None:
    """No channels wait for each other in a circle."""
    if not cycle:
        return
    names = [
        f"sip{c.sip}.{c.link}[{c.traffic}.{c.lane}]" if c.sip >= 0 else f"fabric link {c.link}[{c.lane}]" for c in cycle
    ]
    key = "fabric.kind" if any(channel.sip < 0 for channel in cycle) else "sip.cube.noc.mesh"
    error: TopologyError = source.error(
        key,
        f"packets can wait for each other for ever: {' waits for '.join([*names, names[0]])}; "
        "routes that close a circle need another phase on one of these links",
    )
    raise error
