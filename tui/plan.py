"""The floor plan of a run: where each link and engine of its layout stands in the mesh."""

import re

from kernbench.telemetry.layout import SLICE, Layout, LinkPlace
from tui.text import plain

NOWHERE = -1
"""The number of a link that is not there; every table of loads ends with a zero for it."""

COMPUTE = frozenset({"gemm", "math"})
_CUBE = re.compile(r"sip(\d+)\.cube(\d+)(?:\.|$)")
_SIP = re.compile(r"sip(\d+)(?:\.|$)")
_PE = re.compile(r"\.pe(\d+)(?:\.|$)")


class Plan:
    """Numbers of links by the place where a picture shows them; `names` are plain text."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.sips, self.rows, self.cols = layout.sips, layout.rows, layout.cols
        self.cubes = layout.rows * layout.cols
        self.names = [plain(link.name) for link in layout.links]
        self.short = [_shorten(name) for name in self.names]
        per_cube = [[NOWHERE] * self.cubes for _ in range(8 * self.sips)]
        self.east, self.west, self.south, self.north = (
            per_cube[side * self.sips : (side + 1) * self.sips] for side in range(4)
        )
        self.hbm_read, self.hbm_write = (per_cube[side * self.sips : (side + 1) * self.sips] for side in range(4, 6))
        self.io_out = [[NOWHERE] * self.rows for _ in range(self.sips)]
        self.io_in = [[NOWHERE] * self.rows for _ in range(self.sips)]
        self.fabric: list[tuple[int, int | None, int]] = []  # from a SIP, to a SIP or to the switch
        self.from_switch = [NOWHERE] * self.sips
        self.pcie: list[list[int]] = [[] for _ in range(self.sips)]
        self.of_cube: list[list[list[int]]] = [[[] for _ in range(self.cubes)] for _ in range(self.sips)]
        self.cube_of: list[int] = [NOWHERE] * len(layout.links)
        for number, link in enumerate(layout.links):
            self._place(number, link)
        self.pes: list[list[list[list[int]]]] = [
            [[[] for _ in range(layout.pes)] for _ in range(self.cubes)] for _ in range(self.sips)
        ]
        self.compute: list[list[int]] = [[] for _ in range(self.sips)]
        self.moving: list[list[int]] = [[] for _ in range(self.sips)]
        # Records made before slices were told have none.
        self.slices: list[list[list[int]]] = [[[] for _ in range(self.cubes)] for _ in range(self.sips)]
        for number, unit in enumerate(layout.units):
            if not 0 <= unit.sip < self.sips:
                continue
            cube, pe = _cube_of(unit.name), _PE.search(unit.name)
            if unit.kind == SLICE:
                if cube is not None and cube[1] < self.cubes:
                    self.slices[unit.sip][cube[1]].append(number)
                continue
            (self.compute if unit.kind in COMPUTE else self.moving)[unit.sip].append(number)
            if cube is not None and pe and cube[1] < self.cubes and int(pe[1]) < layout.pes:
                self.pes[unit.sip][cube[1]][int(pe[1])].append(number)
        self.worker_of = {sip: worker for worker, own in enumerate(layout.workers) for sip in own}

    def _place(self, number: int, link: LinkPlace) -> None:
        source, target = _cube_of(link.source), _cube_of(link.target)
        start, end = _sip_of(link.source), _sip_of(link.target)
        sip = link.sip
        if not 0 <= sip < self.sips:
            return
        if start is not None and start != end:
            self.fabric.append((start, end, number))
            return
        if link.kind == "fabric":  # the side of a switch that hands packets to a SIP stands in that SIP
            self.from_switch[sip] = number
            return
        if source is not None and target is not None and source[1] != target[1]:
            self._crossing(sip, source[1], target[1], number)
            return
        inside = source or target
        if inside is None or inside[1] >= self.cubes:
            if link.kind == "pcie":
                self.pcie[sip].append(number)
            return
        cube = inside[1]
        if source is None or target is None:
            (self.io_in if source else self.io_out)[sip][cube // self.cols] = number
        self.of_cube[sip][cube].append(number)
        self.cube_of[number] = cube
        if link.kind == "hbm":
            (self.hbm_read if ".hbm" in link.source else self.hbm_write)[sip][cube] = number

    def _crossing(self, sip: int, source: int, target: int, number: int) -> None:
        low, high = min(source, target), max(source, target)
        if high >= self.cubes:
            return
        beside = high // self.cols == low // self.cols
        forth, back = (self.east, self.west) if beside else (self.south, self.north)
        (forth if source == low else back)[sip][low] = number
        self.cube_of[number] = source
        self.of_cube[sip][source].append(number)
        self.of_cube[sip][target].append(number)


def _cube_of(name: str) -> tuple[int, int] | None:
    found = _CUBE.match(name)
    return None if found is None else (int(found[1]), int(found[2]))


def _sip_of(name: str) -> int | None:
    found = _SIP.match(name)
    return None if found is None else int(found[1])


def _shorten(name: str) -> str:
    """`sip0.cube00.ucie.E->sip0.cube01.ucie.W` as `sip0.cube00.ucie.E->cube01.ucie.W`: the same SIP is said once."""
    start, arrow, end = name.partition("->")
    sip = start.partition(".")[0]
    return start + arrow + end.removeprefix(f"{sip}.") if sip.startswith("sip") else name
