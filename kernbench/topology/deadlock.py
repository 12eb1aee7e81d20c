"""Proves that no set of packets can wait for each other in a circle, or names the circle."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, permutations
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from kernbench.policy.routing import FABRICS, At, chiplet_path, sip_path
from kernbench.topology.graph import Hop
from kernbench.topology.package import Package
from kernbench.topology.route import Stretch

if TYPE_CHECKING:
    from kernbench.topology.compile import Topology

Lane: TypeAlias = Callable[[Hop], str]
Step: TypeAlias = tuple[str | int, str]

REQUEST, RESPONSE = "request", "response"
"""The classes that endpoints couple: a controller takes a request only with room for its response. IPCQ data, control
and responses are consumed without sending, so alone each of them is a copy of one of these graphs without the coupling.
"""


class Channel(NamedTuple):
    """One lane's buffer of a link: what a packet holds while it waits for the next one."""

    traffic: str
    sip: int
    link: str | int
    lane: str


class ChannelGraph:
    """Which channels a packet may wait for while it holds another: any graph, from any routes."""

    def __init__(self) -> None:
        self._ids: dict[Channel, int] = {}
        self._after: list[dict[int, None]] = []

    def __len__(self) -> int:
        return len(self._after)

    def edges(self) -> set[tuple[Channel, Channel]]:
        """All dependencies."""
        names = list(self._ids)
        return {(names[one], names[other]) for one, after in enumerate(self._after) for other in after}

    def channels(self) -> list[Channel]:
        """All channels, in order of first use."""
        return list(self._ids)

    def add(self, holds: Channel, waits_for: Channel) -> None:
        """Note one dependency."""
        self._after[self._id(holds)].setdefault(self._id(waits_for))

    def cycle(self) -> list[Channel]:
        """Channels that wait for each other in a circle, or nothing when there is none."""
        waits = [0] * len(self._after)
        for after in self._after:
            for other in after:
                waits[other] += 1
        free = [number for number, count in enumerate(waits) if not count]
        left = len(self._after)
        while free:
            left -= 1
            for other in self._after[free.pop()]:
                waits[other] -= 1
                if not waits[other]:
                    free.append(other)
        return self._circle([count > 0 for count in waits]) if left else []

    def _circle(self, stuck: Sequence[bool]) -> list[Channel]:
        # Every stuck channel has a stuck predecessor, so walking backwards must come round.
        before = {other: one for one, after in enumerate(self._after) if stuck[one] for other in after if stuck[other]}
        path: dict[int, None] = {}
        here = stuck.index(True)
        while here not in path:
            path[here] = None
            here = before[here]
        names, order = list(self._ids), list(path)
        circle = order[order.index(here) :][::-1]
        first = circle.index(min(circle))
        return [names[number] for number in circle[first:] + circle[:first]]

    def _id(self, channel: Channel) -> int:
        number = self._ids.get(channel)
        if number is None:
            number = self._ids[channel] = len(self._after)
            self._after.append({})
        return number


def own_phase(hop: Hop) -> str:
    """The lane of a hop: its phase."""
    return hop.phase


def channel_graph(topology: "Topology", lane: Lane = own_phase) -> ChannelGraph:
    """The dependencies of all traffic of a topology, through links, endpoints and the fabric; `lane` names lanes."""
    graph = ChannelGraph()
    local = _steps([topology.journey(0, src, 0, dst) for src, dst in local_pairs(topology.packages[0])], lane)
    crossing: list[list[Sequence[Stretch]]] = [[] for _ in range(topology.sips)]
    for sip, journey in _crossing_journeys(topology):
        crossing[sip].append(journey)
    for sip in range(topology.sips):
        for holds, waits_for in (*local, *_steps(crossing[sip], lane)):
            for traffic in (REQUEST, RESPONSE):
                graph.add(_channel(traffic, sip, holds), _channel(traffic, sip, waits_for))
    _join_endpoints(graph)
    return graph


def local_pairs(package: Package) -> Iterator[tuple[str, str]]:
    """Pairs of nodes of one SIP whose routes use every dependency there is inside it.

    A route is made of stretches that depend on its source in the first chiplet only and on its destination in the last
    only, so farther apart than neighbouring chiplets one pair of nodes stands for all. A part of an XY route is one
    itself, and a dependency involves two stretches with the chiplets before and after: four chiplets show them all.
    """
    groups = ends(package)
    for here, sources in groups.items():
        for there, destinations in groups.items():
            if here and there and abs(here.x - there.x) + abs(here.y - there.y) > 3:
                continue
            chiplets = len(chiplet_path(here, there))
            if chiplets <= 2:
                yield from ((src, dst) for src in sources for dst in destinations if src != dst)
            elif chiplets <= 4:
                yield sources[0], destinations[0]


def ends(package: Package) -> dict[At | None, list[str]]:
    """The ends of routes by chiplet; of several on one router the first stands for all."""
    groups: dict[At | None, dict[At | str | None, str]] = {}
    for node in package.nodes:
        spot = package.spots[node.name]
        if node.name in package.attached and not node.forwards:
            groups.setdefault(spot.cube, {}).setdefault(spot.router or node.name, node.name)
    return {cube: list(nodes.values()) for cube, nodes in groups.items()}


def _crossing_journeys(topology: "Topology") -> Iterator[tuple[int, Sequence[Stretch]]]:
    """What leaves a SIP, arrives in one or passes it by: with the fabric link before it as a stretch of its own."""
    groups = ends(topology.packages[0])
    everywhere = [node for nodes in groups.values() for node in nodes]
    # Inside the cubes all ways to and from the IO chiplet are equal, whatever the fabric port: one end a row will do.
    rows = [*groups[None], *(nodes[0] for cube, nodes in groups.items() if cube is not None and cube.x == 0)]
    links = {(link.source, link.destination): link for link in topology.fabric}
    kind = topology.source.system.fabric.kind
    legs: dict[tuple[int, int, int], None] = {}
    for source, destination in permutations(range(topology.sips), 2):
        path = sip_path(kind, source, destination, topology.sips)
        legs.update(dict.fromkeys((before, here, destination) for before, here in pairwise([-1, *path])))
    complete: set[tuple[int, bool]] = set()
    for before, here, destination in legs:
        arriving = before >= 0
        crossed: tuple[Stretch, ...] = ()
        if arriving:
            link = links[before, here]
            crossed = ((Hop(link.index, FABRICS[kind].phase(before, destination, topology.sips)),),)
        if arriving and here != destination:
            yield here, (*crossed, *topology.journey(here, link.dst, destination, ""))
            continue
        for end in rows if (here, arriving) in complete else everywhere:
            journey = (
                topology.journey(here, link.dst, here, end)
                if arriving
                else topology.journey(here, end, destination, "")
            )
            yield here, (*crossed, *journey)
        complete.add((here, arriving))


def _steps(journeys: Sequence[Sequence[Stretch]], lane: Lane) -> list[tuple[Step, Step]]:
    """The dependencies of journeys, each once; equal stretches are one object, so most are met once only."""
    stretches = {id(stretch): stretch for journey in journeys for stretch in journey}
    joints = {(id(one), id(other)): (one[-1], other[0]) for journey in journeys for one, other in pairwise(journey)}
    hops = [pair for stretch in stretches.values() for pair in pairwise(stretch)]
    return list(dict.fromkeys(((a.link, lane(a)), (b.link, lane(b))) for a, b in (*hops, *joints.values())))


def _channel(traffic: str, sip: int, step: Step) -> Channel:
    link, lane = step
    return Channel(traffic, sip if isinstance(link, str) else -1, link, lane)


def _join_endpoints(graph: ChannelGraph) -> None:
    """A controller holds a request until it has room to answer: its inputs wait for its outputs."""
    into: dict[tuple[int, str], list[Channel]] = {}
    out: dict[tuple[int, str], list[Channel]] = {}
    for channel in graph.channels():
        src, _, dst = str(channel.link).partition("->")
        if channel.traffic == REQUEST and dst.endswith(".hbm"):
            into.setdefault((channel.sip, dst), []).append(channel)
        if channel.traffic == RESPONSE and src.endswith(".hbm"):
            out.setdefault((channel.sip, src), []).append(channel)
    for controller, requests in into.items():
        for request in requests:
            for response in out.get(controller, []):
                graph.add(request, response)
