"""The inside of one SIP: its nodes, its links and where each node sits."""

from fractions import Fraction
from typing import Final, NamedTuple

from kernbench.common.units import FS_PER_NS, Fs
from kernbench.policy.routing import At, Mesh, port_router, side_towards
from kernbench.topology.graph import Link, Node
from kernbench.topology.schema import Component, Cube, Sip, System, Wire

_PE_PARTS: Final = {
    "cpu": "pe_cpu",
    "dma": "pe_dma",
    "scheduler": "pe_scheduler",
    "gemm": "pe_gemm",
    "math": "pe_math",
    "tcm": "pe_tcm",
    "ipcq": "ipcq",
}
_ON_NOC: Final = ("cpu", "dma")
"""The parts of a PE that have a port to the router; the others speak inside the PE only."""


class Spot(NamedTuple):
    """Where a node sits: its cube (None: the IO chiplet) and the router it is on (None: behind the crossbar)."""

    cube: At | None
    router: At | None


class Package:
    """The nodes and links of one SIP, with a port for each of `ports` (names of fabric ports).

    The side of a switch that hands packets to this SIP stands in this SIP, before its one port. Everything but the ports
    is the same in each package of a system: what a `twin` has of it is shared, not made again; the first `own_nodes` and
    `own_links` are its own. `numbers` are the places of nodes by name, `names` the names in that order.
    """

    def __init__(self, system: System, ports: tuple[str, ...], switched: bool, twin: "Package | None" = None) -> None:
        self.mesh: Mesh = system.sip.cube_mesh
        self.noc: Mesh = system.sip.cube.noc.mesh
        self.nodes: list[Node] = []
        self.links: list[Link] = []
        self.spots: dict[str, Spot] = {}
        self._system = system
        self._per_mm = system.ns_per_mm * FS_PER_NS
        self._overhead: dict[str, Fs] = {}
        self._cube_names = _cube_names(self.mesh)
        self._router_names = _router_names(self.noc)
        self._io(system.sip, ports, switched)
        self.own_nodes, self.own_links = len(self.nodes), len(self.links)
        if twin is None:
            for index in range(self.mesh.size):
                self._cube(system.sip.cube, index)
            self._crossings(system.sip)
        else:
            self._share(twin)
        self.attached = frozenset(name for link in self.links for name in (link.src, link.dst))
        self.names = tuple(node.name for node in self.nodes)
        self.numbers = {name: number for number, name in enumerate(self.names)}

    def cube_name(self, at: At) -> str:
        """`cube05`: row-major numbers."""
        return self._cube_names[at]

    def router_name(self, cube: At, at: At) -> str:
        """`cube05.r10`: x, then y."""
        return f"{self._cube_names[cube]}.{self._router_names[at]}"

    def port_name(self, here: At | None, there: At | None) -> str:
        """The UCIe port of chiplet `here` that faces `there`."""
        if here is None:
            assert there is not None
            return f"io.ucie.r{there.y}"
        return f"{self.cube_name(here)}.ucie.{side_towards(here, there)}"

    def _share(self, twin: "Package") -> None:
        """Take over the cubes of another package and how they are joined."""
        shared = twin.nodes[twin.own_nodes :]
        self.nodes += shared
        self.links += twin.links[twin.own_links :]
        self.spots.update((node.name, twin.spots[node.name]) for node in shared)

    def _node(self, name: str, part: Component, forwards: bool, cube: At | None, router: At | None = None) -> str:
        self.nodes.append(Node(name, part.kind, part.key, part.config, forwards))
        self.spots[name] = Spot(cube, router)
        self._overhead[name] = part.overhead
        return name

    def _join(self, one: str, other: str, wire: Wire, key: str, into: tuple[int, int] | None = None) -> None:
        """Both directions between two nodes; `into` replaces bandwidth and buffer."""
        delay = -(-Fraction(wire.length * self._per_mm) // 1)
        bw, buffer = into or (wire.bw, wire.buffer)
        for src, dst in ((one, other), (other, one)):
            name = f"{src}->{dst}"
            self.links.append(Link(name, src, dst, bw, int(delay), self._overhead[dst], wire.credit_delay, buffer, key))

    def _io(self, sip: Sip, ports: tuple[str, ...], switched: bool) -> None:
        host = self._node("host", self._system.host, False, None)
        endpoint = self._node("io.pcie_ep", sip.io.pcie_ep, True, None)
        cpu = self._node("io.cpu", sip.io.io_cpu, False, None)
        noc = self._node("io.noc", sip.io.noc.part, True, None)
        pcie = sip.pcie
        for src, dst in ((host, endpoint), (endpoint, host)):
            self.links.append(
                Link(
                    f"{src}->{dst}", src, dst, pcie.bw, pcie.latency, self._overhead[dst],
                    pcie.credit_delay, pcie.buffer, "sip.pcie",
                )
            )  # fmt: skip
        self._join(noc, endpoint, sip.io.noc, "sip.io.noc")
        self._join(noc, cpu, sip.io.noc, "sip.io.noc")
        for port in ports:
            self._join(noc, self._node(port, sip.io.fabric_port, True, None), sip.io.noc, "sip.io.noc")
        if switched:
            fabric = self._system.fabric
            switch, port = self._node("switch", fabric.switch, True, None), ports[0]
            self.links.append(
                Link(
                    f"{switch}->{port}", switch, port, fabric.bw, fabric.latency, self._overhead[port],
                    fabric.credit_delay, fabric.buffer, "fabric",
                )
            )  # fmt: skip

    def _cube(self, cube: Cube, index: int) -> None:
        at = self.mesh.at(index)
        name = self.cube_name(at)
        routers = [self.noc.at(number) for number in range(self.noc.size)]
        key = "sip.cube.noc"
        for router in routers:
            self._node(self.router_name(at, router), cube.noc.part, True, at, router)
        for router in routers:
            for beside in (At(router.x + 1, router.y), At(router.x, router.y + 1)):
                if beside.x < self.noc.columns and beside.y < self.noc.rows:
                    self._join(self.router_name(at, router), self.router_name(at, beside), cube.noc, key)
        m_cpu = self._node(f"{name}.m_cpu", cube.m_cpu, False, at, routers[0])
        self._join(self.router_name(at, routers[0]), m_cpu, cube.noc, key)
        xbar = self._node(f"{name}.xbar", cube.xbar, True, at)
        for router in routers:
            self._join(self.router_name(at, router), xbar, cube.noc, key)
        hbm = self._node(f"{name}.hbm", cube.hbm_ctrl, False, at)
        slices = cube.hbm_ctrl.config["slices"]
        assert isinstance(slices, int), "checked before: check_source"
        into = (slices * cube.xbar_to_hbm_bw, cube.xbar_to_hbm_buffer)
        self._join(xbar, hbm, cube.noc, "sip.cube.xbar_to_hbm_bw_gbs", into)
        for pe in range(cube.pes):
            self._pe(cube, at, pe, routers[pe % len(routers)])

    def _pe(self, cube: Cube, at: At, pe: int, router: At) -> None:
        for part, section in _PE_PARTS.items():
            node = self._node(f"{self.cube_name(at)}.pe{pe}.{part}", getattr(cube.pe, section), False, at, router)
            if part in _ON_NOC:
                self._join(self.router_name(at, router), node, cube.noc, "sip.cube.noc")

    def _crossings(self, sip: Sip) -> None:
        for row in range(self.mesh.rows):
            self._node(f"io.ucie.r{row}", sip.ucie.part, True, None)
            self._join("io.noc", f"io.ucie.r{row}", sip.io.noc, "sip.io.noc")
            self._cross(None, At(0, row), sip)
        for index in range(self.mesh.size):
            here = self.mesh.at(index)
            for there in (At(here.x + 1, here.y), At(here.x, here.y + 1)):
                if there.x < self.mesh.columns and there.y < self.mesh.rows:
                    self._cross(here, there, sip)

    def _cross(self, here: At | None, there: At, sip: Sip) -> None:
        for cube, other in ((here, there), (there, here)):
            if cube is None:
                continue
            port = self.port_name(cube, other)
            router = port_router(side_towards(cube, other), self.noc)
            self._node(port, sip.ucie.part, True, cube, router)
            self._join(self.router_name(cube, router), port, sip.cube.noc, "sip.cube.noc")
        self._join(self.port_name(here, there), self.port_name(there, here), sip.ucie, "sip.ucie")


def _cube_names(mesh: Mesh) -> dict[At, str]:
    width = max(2, len(str(mesh.size - 1)))
    return {mesh.at(index): f"cube{index:0{width}d}" for index in range(mesh.size)}


def _router_names(mesh: Mesh) -> dict[At, str]:
    """As many digits for x and for y as the longer side needs, so that r111 cannot mean two routers."""
    width = len(str(max(mesh) - 1))
    return {at: f"r{at.x:0{width}d}{at.y:0{width}d}" for at in map(mesh.at, range(mesh.size))}
