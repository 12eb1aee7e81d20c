"""The IO chiplet's processor: it takes launches from the host and hands each cube's part to that cube's m_cpu."""

from kernbench.common.messages.launch import LaunchDone, LaunchRequest, PeShare
from kernbench.components.component import Component, Forwarding
from kernbench.components.fanout import CONTROL_BYTES, Fanout
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port


class IoCpuConfig(Forwarding, frozen=True):
    """`overhead_ns`: fixed time to take a message in and decode it."""


class IoCpu(Component):
    """Always consumes control: a launch is copied into a table, so that nothing ever waits on its links for it."""

    config: IoCpuConfig

    def __init__(self, name: str, config: IoCpuConfig, engine: Engine, port: Port, host: str, sip: str) -> None:
        super().__init__(name, engine)
        self.config = config
        self._port = port
        self._host = host
        self._sip = sip
        self._launches = Fanout()
        port.on(LaunchRequest, self._launch)
        port.on(LaunchDone, self._done)

    def _launch(self, request: LaunchRequest, _packet: Packet) -> None:
        cubes: dict[str, list[PeShare]] = {}
        for share in request.shares:
            cubes.setdefault(share.pe.split(".")[0], []).append(share)
        self._launches.expect(request.tag, cubes)
        for cube, shares in cubes.items():
            self._port.send(
                f"{self._sip}.{cube}.m_cpu",
                MessageClass.CONTROL,
                CONTROL_BYTES,
                LaunchRequest(request.tag, request.launch, tuple(shares)),
                key=(request.tag, cube),
            )

    def _done(self, done: LaunchDone, packet: Packet) -> None:
        cube = self._port.sender(packet).split(".")[1]
        whole = self._launches.report(cube, done)
        if whole is not None:
            self._port.send(self._host, MessageClass.CONTROL, CONTROL_BYTES, whole, key=(done.tag, ""))

    def waiters(self) -> list[str]:
        """Name the cubes that a launch waits for."""
        return self._launches.waiters(self.name)

    def audit(self) -> list[str]:
        """Every launch has completed."""
        return self.waiters()
