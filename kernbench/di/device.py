"""One wired SIP: every part of the compiled topology, built, connected, and answering for itself at the end."""

from collections.abc import Sequence
from typing import Any, TypeVar

from kernbench.common.messages.fabric import FabricMessage
from kernbench.common.messages.report import LinkReport
from kernbench.common.ops import Unit
from kernbench.common.units import Fs
from kernbench.components.component import Component, Forwarder
from kernbench.components.hbm_ctrl import HbmCtrl, HbmCtrlConfig
from kernbench.components.host import Host
from kernbench.components.io_cpu import IoCpu
from kernbench.components.ipcq import Ipcq
from kernbench.components.launch_queue import LaunchQueue
from kernbench.components.m_cpu import MCpu
from kernbench.components.memory import Memory
from kernbench.components.pe_cpu import PeCpu
from kernbench.components.pe_dma import PeDma
from kernbench.components.pe_scheduler import PeScheduler
from kernbench.components.pe_tcm import PeTcm
from kernbench.components.poison import Poison
from kernbench.di.catalog import configure, resolve
from kernbench.di.network import SipNetwork
from kernbench.policy.address import AddressSpace
from kernbench.policy.placement import Geometry
from kernbench.sim_engine.activity import Activity
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.link import Link
from kernbench.topology.compile import Topology
from kernbench.topology.graph import Node

Part = TypeVar("Part")


class SipDevice:
    """The hardware of one SIP with its host, on an engine of its own.

    `memories` are the cubes' bytes in cube order, for views that cost no simulated time.
    """

    def __init__(self, topology: Topology, sip: int, engine: Engine | None = None) -> None:
        self.sip = sip
        self.name = f"sip{sip}"
        self.engine = engine or Engine()
        self.journal = Journal()
        self.activity = Activity()
        self.network = SipNetwork(self.engine, self.journal, topology, sip)
        self._topology = topology
        self._nodes = {node.name: node for node in topology.nodes(sip)}
        self._configs: dict[str, Any] = {}  # parts of one section share their config: it is frozen
        self._parts: list[Component] = []
        self.pes: list[str] = []
        self.schedulers: list[PeScheduler] = []
        self._launch_queues: list[LaunchQueue] = []
        self._build_forwarders()
        cubes = sorted({name.split(".")[0] for name in self._nodes if name.startswith("cube")})
        memories = [f"{self.name}.{cube}.hbm" for cube in cubes]
        self.controllers = [self._build_hbm(f"{cube}.hbm") for cube in cubes]
        self.memories: list[Memory] = [controller.memory for controller in self.controllers]
        config: HbmCtrlConfig = self.controllers[0].config
        self.space = AddressSpace(Geometry(len(cubes), config.slices, config.capacity // config.slices))
        self._build_control(cubes)
        for name in list(self._nodes):
            if name.endswith(".dma"):
                self._build_pe(name.removesuffix(".dma"), memories)
        host = self._make(
            Host,
            "host",
            self.network.add_port("host"),
            f"{self.name}.io.cpu",
            self.name,
            memories,
            self.space,
        )
        self.host: Host = host

    # -- building ----------------------------------------------------------------------------------------------------

    def _make(self, role: type[Part], node_name: str, *collaborators: Any, named: str | None = None) -> Part:
        """Build the part at a node: its kind's class, its section's config, and what it needs to work."""
        node = self._nodes[node_name]
        config = self._config(node)  # first of all: an unknown kind is an error at its line
        found: Any = resolve(node.kind)[0]
        if not issubclass(found, role):
            raise self._topology.source.error(
                f"{node.key}.kind", f"{node.kind!r} is no {role.__name__}, which this place needs"
            )
        part: Part = found(named or f"{self.name}.{node_name}", config, self.engine, *collaborators)
        assert isinstance(part, Component)
        self._parts.append(part)
        return part

    def _make_processor(self, role: type[Component], node_name: str, above: str) -> None:
        """Build a control processor: a user's own may be any component, one of ours is for its own place."""
        is_own = ":" in self._nodes[node_name].kind
        self._make(Component if is_own else role, node_name, self.network.add_port(node_name), above, self.name)

    def _make_unit(self, node_name: str, scheduler: PeScheduler) -> Unit:
        """Build an engine of a PE: a component with the methods of a unit, whatever it is otherwise."""
        node = self._nodes[node_name]
        self._config(node)  # an unknown kind is an error at its line
        found: Any = resolve(node.kind)[0]
        is_queue = issubclass(found, Ipcq)  # it has an engine's methods too, for its own place
        if is_queue or not all(hasattr(found, name) for name in ("kind", "accepts", "start")):
            raise self._topology.source.error(
                f"{node.key}.kind", f"{node.kind!r} is no engine of a PE: give it `kind`, `accepts` and `start`"
            )
        unit: Any = self._make(Component, node_name, scheduler)
        made: Unit = unit
        return made

    def _config(self, node: Node) -> Any:
        found = self._configs.get(node.key)
        if found is None:
            found = self._configs[node.key] = configure(node, self._topology.source)
        return found

    def _build_forwarders(self) -> None:
        for node in self._nodes.values():
            if node.forwards:
                self.network.add_forwarder(node.name, self._make(Forwarder, node.name))

    def _build_hbm(self, name: str) -> HbmCtrl:
        config = self._config(self._nodes[name])
        raw = next(link.bw for link in self._topology.links(self.sip) if link.dst == name)
        port = self.network.add_port(name)
        controller = self._make(HbmCtrl, name, port, raw // config.slices, self.network.quantum)
        self.network.add_gate(name, controller)
        return controller

    def _build_control(self, cubes: Sequence[str]) -> None:
        io_cpu = f"{self.name}.io.cpu"
        self._make_processor(IoCpu, "io.cpu", f"{self.name}.host")
        for cube in cubes:
            self._make_processor(MCpu, f"{cube}.m_cpu", io_cpu)

    def _build_pe(self, pe: str, memories: Sequence[str]) -> None:
        port = self.network.add_port(f"{pe}.dma")
        tcm = self._make(PeTcm, f"{pe}.tcm")
        ipcq = self._make(Ipcq, f"{pe}.ipcq", port, tcm)
        dma = self._make(PeDma, f"{pe}.dma", port, memories, self.space, ipcq)
        # Schedulers decide before links and injectors of the same instant, in order of their PEs.
        scheduler = self._make(PeScheduler, f"{pe}.scheduler", len(self.schedulers) - 2**20, self.activity)
        engines = [self._make_unit(f"{pe}.{name}", scheduler) for name in ("gemm", "math")]
        units: list[Unit] = [*dma.channels, ipcq, *engines]
        for unit in units:
            scheduler.attach(unit)
        dma.serve(scheduler)
        ipcq.serve(scheduler)
        cpu = self._make(PeCpu, f"{pe}.cpu", scheduler, tcm, named=f"{self.name}.{pe}")
        launches = LaunchQueue(
            f"{self.name}.{pe}", self.engine, self.network.add_port(f"{pe}.cpu"), cpu, self.journal, self.activity
        )
        self._parts.append(launches)
        self._launch_queues.append(launches)
        self.schedulers.append(scheduler)
        self.pes.append(pe)

    def trap_unwritten(self) -> None:
        """Have kernels stop that load bytes which nobody has written."""
        poison = Poison(self.memories, self.space)
        for part in self._parts:
            if isinstance(part, PeDma):
                part.poison = poison

    def keep_time_only(self) -> None:
        """Have memories answer without bytes: a kernel or a host program that needs one is then told so at its line."""
        for part in self._parts:
            if isinstance(part, HbmCtrl):
                part.values = False

    # -- what the SIP's actor asks ------------------------------------------------------------------------------------

    @property
    def lookahead(self) -> Fs:
        """How much later than its cause anything of this SIP can arrive at another one."""
        return self.network.lookahead

    @property
    def outbox(self) -> list[FabricMessage]:
        """What leaves the SIP; whoever steps it empties this."""
        return self.network.outbox

    def receive(self, message: FabricMessage) -> None:
        """Take a message of another SIP at its arrival."""
        self.network.receive(message)

    @property
    def live(self) -> bool:
        """Whether a rank's program or a request of it is unfinished."""
        return self.host.live

    def waiters(self) -> list[str]:
        """Who waits on what, one line each, the rank's program first."""
        rest = [line for part in self._parts if part is not self.host for line in part.waiters()]
        return self.host.waiters() + rest

    def close(self) -> None:
        """End programs that wait: the run is over."""
        for part in self._parts:
            part.abandon()

    # -- the books ----------------------------------------------------------------------------------------------------

    @property
    def kernels(self) -> int:
        """Launch shares that have retired, over all PEs."""
        return sum(queue.retired for queue in self._launch_queues)

    def link_reports(self) -> list[LinkReport]:
        """The books of every link that carried something, in compiled order."""
        network = self.network
        links: list[Link] = [*network.links.values(), *network.transmitters.values(), *network.receivers.values()]
        return [
            LinkReport(
                each.name, each.packets, each.bytes_in, each.bytes_out, each.busy, each.head_sum, each.blocked, each.bw
            )
            for each in links
            if each.bytes_in or each.bytes_out
        ]

    def audit(self) -> list[str]:
        """What does not balance inside the SIP; links between SIPs need both ends and are balanced above."""
        lines = [line for part in self._parts for line in part.audit()]
        now = self.engine.now
        for link in self.network.links.values():
            if link.bytes_in != link.bytes_out:
                lines.append(f"{link.name}: {link.bytes_in} bytes went in, {link.bytes_out} came out")
        for link in [*self.network.links.values(), *self.network.transmitters.values()]:
            if link.busy > now:
                lines.append(f"{link.name}: busy {link.busy} fs of {now} fs")
        return lines + self.network.audit()
