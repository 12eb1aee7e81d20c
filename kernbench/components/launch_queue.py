"""The network side of a PE's scalar core: it takes launches in order, has them run, and reports their retirement."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from kernbench.common.messages.launch import LaunchDone, PeLaunch
from kernbench.common.ops import Program
from kernbench.common.units import Fs
from kernbench.components.component import Component
from kernbench.components.fanout import CONTROL_BYTES
from kernbench.components.pe_cpu import PeCpu
from kernbench.sim_engine.activity import Activity
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.journal import Journal
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port


class Launch(Protocol):
    """A kernel with its arguments and grid; what a program is stays hidden from the hardware."""

    name: str

    def programs(self, index: int, count: int) -> Sequence[Program]:
        """The programs that PE number `index` of `count` runs, in order."""


class LaunchQueue(Component):
    """Launches run in order of arrival, one at a time; the host's launch slots bound how many can be here."""

    def __init__(self, name: str, engine: Engine, port: Port, cpu: PeCpu, journal: Journal, activity: Activity) -> None:
        super().__init__(name, engine)
        self._port = port
        self._cpu = cpu
        self._journal = journal
        self._activity = activity
        self._queue: deque[tuple[PeLaunch, str]] = deque()
        self.retired = 0
        port.on(PeLaunch, self._arrived)

    def _arrived(self, message: PeLaunch, packet: Packet) -> None:
        self._queue.append((message, self._port.sender(packet)))
        if len(self._queue) == 1:
            self._start()

    def _start(self) -> None:
        message, _ = self._queue[0]
        launch: Launch = message.launch
        start = self.engine.now
        overlap = self._activity.overlap(start)
        self._journal.mark(start, f"start {launch.name} on {self.name}")
        programs = launch.programs(message.share.index, message.share.count)
        self._cpu.run(programs, lambda: self._retire(start, overlap), launch.name, message.tag)

    def _retire(self, start: Fs, overlap: Fs) -> None:
        message, m_cpu = self._queue.popleft()
        now = self.engine.now
        self._journal.mark(now, f"retire {message.launch.name} on {self.name}")
        self.retired += 1
        done = LaunchDone(message.tag, start, now, self._cpu.queued, overlap, self._activity.overlap(now))
        self._port.send(m_cpu, MessageClass.CONTROL, CONTROL_BYTES, done, key=message.tag)
        if self._queue:
            self._start()

    def waiters(self) -> list[str]:
        """Launches behind the one that runs; what that one waits on is its scalar core's to say."""
        return [f"{self.name}: launch of {each.launch.name} waits for its turn" for each, _ in list(self._queue)[1:]]

    def audit(self) -> list[str]:
        """Every launch has retired."""
        return [f"{self.name}: {each.launch.name} did not retire" for each, _ in self._queue]
