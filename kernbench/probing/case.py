"""The predefined cases: who asks whom, each once near and once far."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from kernbench.common.errors import KernbenchError
from kernbench.probing.facts import Facts
from kernbench.probing.step import Access, Launch, Put, Step

Pair = tuple[Step, Step]


class MissingError(KernbenchError):
    """A topology has not got what a case needs."""


class Case(NamedTuple):
    """A pattern: what it is, and how to find its nearest and its farthest instance (for a size) in a topology."""

    description: str
    find: Callable[[Facts, int], Pair]


class Variant(NamedTuple):
    """One instance of a case."""

    case: str
    distance: str
    step: Step

    @property
    def name(self) -> str:
        """How tables call it."""
        return f"{self.case} {self.distance}"


def variants(facts: Facts, names: Iterable[str], size: int) -> tuple[list[Variant], dict[str, str]]:
    """The instances of cases in a topology, and why there is none of the others."""
    found, missing = [], {}
    for name in names:
        try:
            near, far = CASES[name].find(facts, size)
        except MissingError as error:
            missing[name] = str(error)
            continue
        found += [Variant(name, "near", near), Variant(name, "far", far)]
    return found, missing


def _host(facts: Facts, size: int, *, write: bool) -> Pair:
    cubes = sorted(
        range(len(facts.cubes)), key=lambda cube: facts.way("sip0.host", f"sip0.{facts.cubes[cube]}.hbm").latency
    )
    near, far = (Access("host", cube, 0, size, write) for cube in (cubes[0], cubes[-1]))
    return near, far


def _memory(facts: Facts, pes: Iterable[str], cubes: Iterable[int], size: int, *, write: bool = False) -> Pair:
    """The nearest and the farthest of pairs of a PE and a cube's memory."""
    pairs = [(pe, cube) for pe in pes for cube in cubes]
    pairs.sort(key=lambda pair: facts.way(f"sip0.{pair[0]}.dma", f"sip0.{facts.cubes[pair[1]]}.hbm").latency)
    near, far = (Access(pe, cube, 0, size, write) for pe, cube in (pairs[0], pairs[-1]))
    return near, far


def _remote_slice(facts: Facts, size: int) -> Pair:
    if facts.slices == 1:
        raise MissingError("a cube has one memory slice; set sip.cube.hbm_ctrl.slices to 2 or more")
    pe = facts.pes[0]
    return Access(pe, 0, 1, size, write=False), Access(pe, 0, facts.slices - 1, size, write=False)


def _neighbours(facts: Facts) -> list[int]:
    """Cubes one crossing away from the first one."""
    mesh = facts.topology.source.system.sip.cube_mesh
    beside = [1] if mesh.columns > 1 else []
    return beside + ([mesh.columns] if mesh.rows > 1 else [])


def _neighbour_cube(facts: Facts, size: int) -> Pair:
    cubes = _neighbours(facts)
    if not cubes:
        raise MissingError("a SIP has one cube; set sip.cube_mesh to 2x1 or larger")
    return _memory(facts, facts.pes_of(0), cubes, size)


def _far_cube(facts: Facts, size: int) -> Pair:
    if len(facts.cubes) == 1:
        raise MissingError("a SIP has one cube; set sip.cube_mesh to 2x1 or larger")
    return _memory(facts, facts.pes_of(0), [len(facts.cubes) - 1], size)


def _pe_to_pe(facts: Facts, size: int) -> Pair:
    sender, *others = (f"sip0.{pe}" for pe in facts.pes)
    if not others:
        raise MissingError("a SIP has one PE; set sip.cube.pes to 2 or more")
    return _puts(facts, sender, others, size)


def _cross_sip(facts: Facts, size: int) -> Pair:
    if facts.sips == 1:
        raise MissingError("there is one SIP; set sips to 2 or more")
    corners = (facts.pes[0], facts.pes[-1])
    near = _puts(facts, f"sip0.{corners[0]}", [f"sip{sip}.{corners[0]}" for sip in range(1, facts.sips)], size)[0]
    far = _puts(facts, f"sip0.{corners[1]}", [f"sip{sip}.{corners[1]}" for sip in range(1, facts.sips)], size)[1]
    return near, far


def _puts(facts: Facts, sender: str, receivers: list[str], size: int) -> Pair:
    ranked = sorted(receivers, key=lambda receiver: facts.way(f"{sender}.dma", f"{receiver}.dma").latency)
    return Put(sender, ranked[0], size), Put(sender, ranked[-1], size)


def _launch(facts: Facts, _size: int) -> Pair:
    ranked = sorted(facts.pes, key=lambda pe: facts.way("sip0.io.cpu", f"sip0.{pe}.cpu").latency)
    return Launch(ranked[0]), Launch(ranked[-1])


CASES: dict[str, Case] = {
    "h2d-write": Case(
        "the host writes to the nearest and the farthest cube", lambda facts, size: _host(facts, size, write=True)
    ),
    "d2h-read": Case(
        "the host reads from the nearest and the farthest cube", lambda facts, size: _host(facts, size, write=False)
    ),
    "pe-local-hbm-read": Case(
        "a PE reads its own cube's memory", lambda facts, size: _memory(facts, facts.pes_of(0), [0], size)
    ),
    "pe-local-hbm-write": Case(
        "a PE writes its own cube's memory", lambda facts, size: _memory(facts, facts.pes_of(0), [0], size, write=True)
    ),
    "pe-remote-slice": Case("a PE reads the next and the last memory slice of its cube", _remote_slice),
    "pe-neighbour-cube": Case("a PE reads the memory of the cube beside its own", _neighbour_cube),
    "pe-far-cube": Case("a PE reads the memory of the opposite corner's cube", _far_cube),
    "pe-to-pe-ipcq": Case("a PE sends to its nearest and its farthest PE of the SIP", _pe_to_pe),
    "cross-sip-put": Case("a PE sends to its like on the next and on the farthest SIP", _cross_sip),
    "kernel-launch": Case("the host launches an empty kernel on the nearest and the farthest PE", _launch),
}
"""The cases by name, in the order of every table."""
