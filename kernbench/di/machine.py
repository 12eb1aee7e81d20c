"""Facts of a compiled topology that closed forms and work placement are computed from."""

from collections.abc import Mapping
from typing import Any

from kernbench.common.units import BytesPerSecond
from kernbench.components.hbm_ctrl import HbmCtrlConfig
from kernbench.components.ipcq import IpcqConfig
from kernbench.di.catalog import configure
from kernbench.runtime_api.rank import Fabric, Path, Stage
from kernbench.topology.compile import Topology
from kernbench.topology.graph import Link


class TopologyFacts:
    """What the topology says, before anything runs."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._paths: dict[tuple[str, str], Path] = {}
        self._by_name: dict[int, Mapping[str, Link]] = {}
        # By place, not by kind: a user's own part plays the same role under another kind.
        self._nodes = {node.key.rpartition(".")[2]: node for node in reversed(topology.nodes(0))}
        ipcq: IpcqConfig = self.section("ipcq")
        self.slot_bytes = ipcq.slot_bytes
        self.slots = ipcq.slots
        self.packet_bytes = topology.quantum
        mesh = topology.source.system.sip.cube_mesh
        self.cube_mesh = (mesh.columns, mesh.rows)

    def fabric(self, sip: int) -> Fabric:
        """What a SIP can send into the fabric and get from it: from a switch over the one link that leads to it."""
        links = self._topology.fabric
        out = {link.wire_name: link.bw for link in links if link.source == sip}
        into = [link.bw for link in links if link.destination == sip]
        down = [link.bw for link in self._topology.links(sip) if link.src == "switch"]
        return Fabric(sum(out.values()), min([sum(into), *down]))

    def section(self, part: str) -> Any:
        """The config of the first node whose section has this name."""
        return configure(self._nodes[part], self._topology.source)

    def slice_bw(self) -> BytesPerSecond:
        """What one memory slice serves, in bytes/s."""
        node = self._nodes["hbm_ctrl"]
        config: HbmCtrlConfig = configure(node, self._topology.source)
        raw = next(link.bw for link in self._topology.links(0) if link.dst == node.name)
        return int(raw // config.slices * config.efficiency)

    def path(self, src: str, dst: str) -> Path:
        """Head latency and lowest bandwidth from one endpoint to another, over as many SIPs as the fabric takes."""
        found = self._paths.get((src, dst))
        if found is None:
            found = self._paths[src, dst] = self._find(src, dst)
        return found

    def _find(self, src: str, dst: str) -> Path:
        sip, node = _split(src)
        target_sip, target = _split(dst)
        latency = began = 0
        bandwidths: list[BytesPerSecond] = []
        stages: list[Stage] = []
        buffers: list[int] = []
        while True:
            crossing = None
            for hop in self._topology.route(sip, node, target_sip, target):
                if isinstance(hop.link, str):
                    link = self._links(sip)[hop.link]
                    name, took, bw, buffer = f"sip{sip}.{link.name}", link.wire + link.overhead, link.bw, link.buffer
                else:
                    crossing = self._topology.fabric[hop.link]
                    name, took, bw, buffer = crossing.wire_name, crossing.latency, crossing.bw, crossing.buffer
                if not isinstance(hop.link, str) or bw < next(iter(bandwidths), bw):
                    room = sum(buffers[-1:]) + self._topology.quantum
                    stages.append(Stage(name, bw, latency - began, room, sum(buffers[:-1])))
                    began, buffers = latency, []
                latency += took
                bandwidths.append(bw)
                buffers.append(buffer)
            if crossing is None:
                return Path(latency, min(bandwidths), tuple(stages))
            sip, node = crossing.destination, crossing.dst

    def _links(self, sip: int) -> Mapping[str, Link]:
        found = self._by_name.get(sip)
        if found is None:
            found = self._by_name[sip] = {link.name: link for link in self._topology.links(sip)}
        return found


def _split(name: str) -> tuple[int, str]:
    sip, _, node = name.partition(".")
    return int(sip[3:]), node
