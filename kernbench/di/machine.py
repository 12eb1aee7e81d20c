"""Facts of a compiled topology that closed forms and work placement are computed from."""

from typing import Any

from kernbench.common.units import BytesPerSecond, Fs
from kernbench.components.hbm_ctrl import HbmCtrlConfig
from kernbench.components.ipcq import IpcqConfig
from kernbench.di.catalog import configure
from kernbench.runtime_api.rank import Path
from kernbench.topology.compile import Topology


class TopologyFacts:
    """What the topology says, before anything runs."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        # By place, not by kind: a user's own part plays the same role under another kind.
        self._nodes = {node.key.rpartition(".")[2]: node for node in reversed(topology.nodes(0))}
        ipcq: IpcqConfig = self.section("ipcq")
        self.slot_bytes = ipcq.slot_bytes
        self.slots = ipcq.slots
        self.fabric_out_bw = self._fabric_out()
        mesh = topology.source.system.sip.cube_mesh
        self.cube_mesh = (mesh.columns, mesh.rows)

    def _fabric_out(self) -> BytesPerSecond:
        """What the least connected SIP can send into the fabric, all its transmitters together, in bytes/s."""
        totals = []
        for sip in range(self._topology.sips):
            wires = {link.wire_name: link.bw for link in self._topology.fabric if link.source == sip}
            totals.append(sum(wires.values()))
        return min(totals)

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
        sip, node = _split(src)
        target_sip, target = _split(dst)
        latency: Fs = 0
        bandwidths = []
        crossings: list[str] = []
        while True:
            links = {link.name: link for link in self._topology.links(sip)}
            crossing = None
            for hop in self._topology.route(sip, node, target_sip, target):
                if isinstance(hop.link, str):
                    link = links[hop.link]
                    latency += link.wire + link.overhead
                    bandwidths.append(link.bw)
                else:
                    crossing = self._topology.fabric[hop.link]
                    latency += crossing.latency
                    bandwidths.append(crossing.bw)
                    crossings.append(crossing.wire_name)
            if crossing is None:
                return Path(latency, min(bandwidths), tuple(crossings))
            sip, node = crossing.destination, crossing.dst


def _split(name: str) -> tuple[int, str]:
    sip, _, node = name.partition(".")
    return int(sip[3:]), node
