"""Routes through a compiled topology, put together from stretches inside single chiplets.

Why three phases: docs/adr/0003-three-phases-of-lanes.md.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

from kernbench.policy.routing import FABRICS, At, chiplet_path, source_phase, xy_path
from kernbench.topology.graph import FabricLink, Hop
from kernbench.topology.package import Package

Stretch: TypeAlias = tuple[Hop, ...]
"""The hops inside one chiplet, with the link that enters it in front."""

_BEHIND = {"host": "io.pcie_ep", "switch": "io.fabric0"}
"""Nodes that reach the IO router through another node."""


class Routes:
    """Finds routes; equal stretches are one object, so a route costs a few look-ups.

    Phases: `last` inside the destination's chiplet including the link that enters it, before that `transit`; `first`
    in the source cube where `source_phase` says so; `d0` and `d1` between SIPs and for what only passes an IO chiplet.
    """

    def __init__(self, kind: str, packages: Sequence[Package], fabric: Sequence[FabricLink]) -> None:
        self._kind = kind
        self._packages = packages
        self._fabric = {(link.source, link.destination): link for link in fabric}
        self._source_phase = source_phase(packages[0].noc)
        self._stretches: dict[tuple[str, str, str, str], Stretch] = {}
        self._journeys: dict[tuple[int, str, int, str], tuple[Stretch, ...]] = {}
        self._routes: dict[tuple[int, str, int, str], tuple[Hop, ...]] = {}

    def route(self, sip: int, src: str, dst_sip: int, dst: str) -> tuple[Hop, ...]:
        """The hops inside `sip` from node `src` to `dst`, or up to the fabric link that leaves for `dst_sip`."""
        key = (sip, src, dst_sip, dst)
        found = self._routes.get(key)
        if found is None:
            journey = self.journey(sip, src, dst_sip, dst)
            found = self._routes[key] = tuple(hop for stretch in journey for hop in stretch)
        return found

    def journey(self, sip: int, src: str, dst_sip: int, dst: str) -> tuple[Stretch, ...]:
        """The same route, one stretch a chiplet."""
        if sip != dst_sip:
            dst = ""  # the way out does not depend on where in the other SIP a packet goes
        key = (sip, src, dst_sip, dst)
        found = self._journeys.get(key)
        if found is None:
            inside = sip == dst_sip
            found = self._journeys[key] = self._inside(sip, src, dst) if inside else self._leaving(sip, src, dst_sip)
        return found

    def _leaving(self, sip: int, src: str, dst_sip: int) -> tuple[Stretch, ...]:
        sips = len(self._packages)
        rule = FABRICS[self._kind]
        link = self._fabric[sip, rule.toward(sip, dst_sip, sips)]
        phase = rule.phase(sip, dst_sip, sips)
        # What passes the IO chiplet from one fabric link to the next keeps to lanes of its own: the ring stays open.
        passing = src.startswith("io.fabric")
        inside = self._inside(sip, src, link.src, phase if passing else "transit")
        return (*inside, (Hop(link.index, phase),))

    def _inside(self, sip: int, src: str, dst: str, last: str = "last") -> tuple[Stretch, ...]:
        if src == dst:
            return ()
        spots = self._packages[sip].spots
        chiplets = chiplet_path(spots[src].cube, spots[dst].cube)
        if len(chiplets) == 1:
            return (self._stretch(sip, "", src, dst, last),)
        stretches = []
        enter, entry = "", src
        for number, (here, there) in enumerate(pairwise(chiplets)):
            leave = self._packages[sip].port_name(here, there)
            phase = self._source_phase if number == 0 and here is not None else "transit"
            stretches.append(self._stretch(sip, enter, entry, leave, phase))
            enter, entry = leave, self._packages[sip].port_name(there, here)
        stretches.append(self._stretch(sip, enter, entry, dst, last))
        return tuple(stretches)

    def _stretch(self, sip: int, enter: str, entry: str, leave: str, phase: str) -> Stretch:
        """From `entry` to `leave` in one chiplet, preceded by the link from `enter` (none when empty)."""
        key = (enter, entry, leave, phase)
        found = self._stretches.get(key)
        if found is None:
            nodes = self._nodes(self._packages[sip], entry, leave)
            if enter:
                nodes = [enter, *nodes]
            found = self._stretches[key] = tuple(Hop(f"{a}->{b}", phase) for a, b in pairwise(nodes))
        return found

    def _nodes(self, package: Package, src: str, dst: str) -> list[str]:
        cube = package.spots[src].cube
        if cube is None:
            return _io_nodes(src, dst)
        name = package.cube_name(cube)
        at, to = package.spots[src].router, package.spots[dst].router
        ends = (src, dst)
        if f"{name}.xbar" in ends:
            raise ValueError(f"{name}.xbar is no end of a route; name {name}.hbm")
        if to is None:
            return _between(src, [self._router(package, cube, at)], [f"{name}.xbar", dst])
        if at is None:
            return [src, f"{name}.xbar", *_between("", [self._router(package, cube, to)], [dst])]
        path = [self._router(package, cube, step) for step in xy_path(at, to)]
        return _between(src, path, [dst])

    @staticmethod
    def _router(package: Package, cube: At, at: At | None) -> str:
        assert at is not None
        return package.router_name(cube, at)


def _between(src: str, routers: list[str], end: list[str]) -> list[str]:
    """A list of nodes without the doubles that arise when an end is itself a router."""
    nodes = [src] if src and src != routers[0] else []
    nodes += routers
    return nodes + [node for node in end if node != routers[-1]]


def _io_nodes(src: str, dst: str) -> list[str]:
    head = [src, _BEHIND[src]] if src in _BEHIND else [src]
    tail = [_BEHIND[dst], dst] if dst in _BEHIND else [dst]
    if head[-1] == tail[0]:
        return [*head, *tail[1:]]
    middle = [] if "io.noc" in (head[-1], tail[0]) else ["io.noc"]
    return [*head, *middle, *tail]
