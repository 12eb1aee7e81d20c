"""A cube's management processor: it hands a launch to the cube's PEs and gathers their completions."""

from kernbench.common.messages.launch import LaunchDone, LaunchRequest, PeLaunch
from kernbench.components.component import Component, Forwarding
from kernbench.components.fanout import CONTROL_BYTES, Fanout
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port


class MCpuConfig(Forwarding, frozen=True):
    """`overhead_ns`: fixed time to take a message in and decode it."""


class MCpu(Component):
    """Always consumes control, like the io_cpu above it."""

    config: MCpuConfig

    def __init__(self, name: str, config: MCpuConfig, engine: Engine, port: Port, io_cpu: str, sip: str) -> None:
        super().__init__(name, engine)
        self.config = config
        self._port = port
        self._io_cpu = io_cpu
        self._sip = sip
        self._launches = Fanout()
        port.on(LaunchRequest, self._launch)
        port.on(LaunchDone, self._done)

    def _launch(self, request: LaunchRequest, _packet: Packet) -> None:
        self._launches.expect(request.tag, (share.pe.split(".")[1] for share in request.shares))
        for share in request.shares:
            self._port.send(
                f"{self._sip}.{share.pe}.cpu",
                MessageClass.CONTROL,
                CONTROL_BYTES,
                PeLaunch(request.tag, request.launch, share),
                key=(request.tag, share.pe),
            )

    def _done(self, done: LaunchDone, packet: Packet) -> None:
        pe = self._port.sender(packet).split(".")[2]
        whole = self._launches.report(pe, done)
        if whole is not None:
            self._port.send(self._io_cpu, MessageClass.CONTROL, CONTROL_BYTES, whole, key=(done.tag, ""))

    def waiters(self) -> list[str]:
        """Name the PEs that a launch waits for."""
        return self._launches.waiters(self.name)

    def audit(self) -> list[str]:
        """Every launch has completed."""
        return self.waiters()
