"""Inter-PE communication queues: rings of slots in the receiver's scratchpad, filled over the network.

The tail pointer rides behind the data on the same path; the receiver's slot credit comes back as a control packet.
"""

from collections import deque
from typing import Any

import msgspec

from kernbench.common.errors import KernelError, SimulationError
from kernbench.common.messages.dma import ConnectCommand, ConnectDone
from kernbench.common.messages.fabric import IpcqData, QueueOpen, SlotCredit
from kernbench.common.ops import Operation, Recv, Scoreboard, Send
from kernbench.common.site import locate
from kernbench.common.units import Fs, format_size
from kernbench.components.component import Component, Config
from kernbench.components.fanout import CONTROL_BYTES
from kernbench.components.pe_tcm import PeTcm
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port

CALLER = ", called by "
"""What stands behind it in a tag is who called, for the message of two ends that disagree; it need not be equal."""
CREDIT_BYTES = 32
"""Size of a slot credit on the network: one flit of control."""


class IpcqConfig(Config, frozen=True):
    """`slots` of `slot_bytes` per queue, at the receiver; `recv_ns`: time to see a tail pointer and hand the slot over."""

    slots: int = 8
    slot_bytes: int = 2**14
    recv: Fs = msgspec.field(name="recv_ns", default=10_000_000)


class _Inlet:
    """The receiving end of a queue: slots that arrived unread, and receives that wait for one."""

    __slots__ = ("arrived", "expected_slot", "peer", "slots", "waiting")

    def __init__(self, peer: str, slots: int) -> None:
        self.peer = peer
        self.slots = slots
        self.expected_slot = 0
        self.arrived: deque[tuple[IpcqData, Fs, Fs]] = deque()  # with the time and the queueing on its way
        self.waiting: deque[Recv] = deque()


class _Outlet:
    """The sending end of a queue: slot credits, and the slot that the next send fills.

    The last credit that came where there was none came at `refilled`, its slot was empty at `released`.
    """

    __slots__ = ("credits", "next_slot", "peer", "refilled", "released", "sending", "slot_bytes", "slots")

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.slots = 0
        self.slot_bytes = 0
        self.credits = 0
        self.refilled: Fs = -1
        self.released: Fs = -1
        self.next_slot = 0
        self.sending = False


class Ipcq(Component):
    """Both ends of the queues of one PE. It is also the unit that carries out receives, in program order per queue."""

    config: IpcqConfig
    kind = "recv"

    def __init__(self, name: str, config: IpcqConfig, engine: Engine, port: Port, tcm: PeTcm) -> None:
        super().__init__(name, engine)
        self.config = config
        self._port = port
        self._tcm = tcm
        self._scoreboard: Scoreboard | None = None
        self._inlets: dict[str, _Inlet] = {}
        self._outlets: dict[str, _Outlet] = {}
        self._early: dict[str, QueueOpen] = {}
        self._connecting: list[tuple[ConnectCommand, set[str]]] = []
        self._flows: dict[str, int] = {}
        port.on(ConnectCommand, self._connect)
        port.on(QueueOpen, self._opened)
        port.on(IpcqData, self._arrived)
        port.on(SlotCredit, self._credited)

    def serve(self, scoreboard: Scoreboard) -> None:
        """Report to this scheduler."""
        self._scoreboard = scoreboard

    # -- opening -------------------------------------------------------------------------------------------------

    def _connect(self, command: ConnectCommand, _packet: Packet) -> None:
        slots, slot_bytes = command.slots or self.config.slots, command.slot_bytes or self.config.slot_bytes
        for queue, peer in command.receive.items():
            self._inlets[queue] = _Inlet(peer, slots)
            self._reserve(queue, slots * slot_bytes)
            opened = QueueOpen(queue, slots, slot_bytes)
            self._port.send(peer, MessageClass.CONTROL, CONTROL_BYTES, opened, key=queue)
        for queue, peer in command.send.items():
            self._outlets[queue] = _Outlet(peer)
        self._connecting.append((command, set(command.send)))
        for queue in command.send:
            early = self._early.pop(queue, None)
            if early is not None:
                self._fill(early)
        self._finish_connecting()

    def _reserve(self, queue: str, need: int) -> None:
        if not self._tcm.reserve(need):
            raise KernelError(
                f"{self.name}: the slots of queue {queue} need {format_size(need)} of TCM and {format_size(self._tcm.free)} "
                "are free; make sip.cube.pe.ipcq.slots or slot_bytes smaller, or sip.cube.pe.pe_tcm.capacity_bytes larger",
                where=self.name,
                sim_time_fs=self.engine.now,
            )

    def _opened(self, opened: QueueOpen, _packet: Packet) -> None:
        if opened.queue not in self._outlets:
            self._early[opened.queue] = opened  # the receiver was asked before this end was
            return
        self._fill(opened)
        self._finish_connecting()
        if self._scoreboard is not None:
            self._scoreboard.poke()

    def _fill(self, opened: QueueOpen) -> None:
        outlet = self._outlets[opened.queue]
        outlet.slots = outlet.credits = opened.slots
        outlet.slot_bytes = opened.slot_bytes
        for _, missing in self._connecting:
            missing.discard(opened.queue)

    def _finish_connecting(self) -> None:
        for command, missing in list(self._connecting):
            if not missing:
                self._connecting.remove((command, missing))
                done = ConnectDone(command.tag)
                self._port.send(command.reply_to, MessageClass.CONTROL, CONTROL_BYTES, done, key=str(command.tag))

    # -- sending -------------------------------------------------------------------------------------------------

    def can_send(self, send: Send) -> bool:
        """Whether the queue of a send has a free slot; a queue that is not open or too small is the kernel's error."""
        outlet = self._outlets.get(send.queue)
        if outlet is None:
            raise self._unknown(send, send.queue, self._outlets)
        if not outlet.slots:
            return False  # the receiver has not opened its end yet
        if send.nbytes > outlet.slot_bytes:
            raise KernelError(
                f"send of {format_size(send.nbytes)} does not fit a slot of {format_size(outlet.slot_bytes)}; "
                "send smaller blocks or make sip.cube.pe.ipcq.slot_bytes larger",
                where=locate(send.site),
                sim_time_fs=self.engine.now,
            )
        return outlet.credits > 0 and not outlet.sending

    def take_slot(self, send: Send) -> tuple[str, int]:
        """Use a slot credit: the peer's endpoint, and the slot to fill."""
        outlet = self._outlets[send.queue]
        outlet.credits -= 1
        if outlet.refilled == self.engine.now:  # it waited for this very credit
            send.released = outlet.released
        outlet.sending = True  # the next send of this queue waits for the last byte: another channel could overtake
        slot = outlet.next_slot
        outlet.next_slot = (slot + 1) % outlet.slots
        return outlet.peer, slot

    def departed(self, queue: str) -> None:
        """The last byte of the slot being filled has left."""
        self._outlets[queue].sending = False

    def _credited(self, credit: SlotCredit, _packet: Packet) -> None:
        outlet = self._outlets[credit.queue]
        if not outlet.credits:
            outlet.refilled, outlet.released = self.engine.now, credit.released
        outlet.credits += credit.count
        if outlet.credits > outlet.slots:
            raise SimulationError(
                f"{self.name}: queue {credit.queue} has {outlet.credits} credits for {outlet.slots} slots",
                where=self.name,
                sim_time_fs=self.engine.now,
            )
        if self._scoreboard is not None:
            self._scoreboard.poke()

    # -- receiving -----------------------------------------------------------------------------------------------

    def accepts(self, operation: Operation, /) -> bool:
        """Any receive may start: it waits in its queue's line, not in the unit."""
        assert isinstance(operation, Recv)
        if operation.queue not in self._inlets:
            raise self._unknown(operation, operation.queue, self._inlets)
        return True

    def start(self, operation: Operation, /) -> None:
        """Take the oldest unread slot, or wait for one."""
        assert isinstance(operation, Recv)
        assert self._scoreboard is not None
        inlet = self._inlets[operation.queue]
        inlet.waiting.append(operation)
        self._match(operation.queue, inlet)
        self.engine.call_later(1, self._free_again)

    def _free_again(self, _: Any) -> None:
        assert self._scoreboard is not None
        self._scoreboard.freed(self)

    def _arrived(self, data: IpcqData, packet: Packet) -> None:
        inlet = self._inlets.get(data.queue)
        if inlet is None or data.slot != inlet.expected_slot:
            expected = "a queue that is open here" if inlet is None else f"slot {inlet.expected_slot}"
            raise SimulationError(
                f"{self.name}: data for slot {data.slot} of queue {data.queue} from {self._port.sender(packet)}, "
                f"expected {expected}",
                where=self.name,
                sim_time_fs=self.engine.now,
            )
        inlet.expected_slot = (data.slot + 1) % inlet.slots
        inlet.arrived.append((data, self.engine.now, data.queued + self._port.leg(packet).queueing))
        self._match(data.queue, inlet)

    def _match(self, queue: str, inlet: _Inlet) -> None:
        while inlet.arrived and inlet.waiting:
            (data, arrived, queued), receive = inlet.arrived.popleft(), inlet.waiting.popleft()
            if data.tag.partition(CALLER)[0] != receive.tag.partition(CALLER)[0]:
                raise SimulationError(
                    f"the two ends of queue {queue} do different things: {inlet.peer} sent {data.tag}, "
                    f"{self.name} expects {receive.tag}",
                    where=locate(receive.site),
                    sim_time_fs=self.engine.now,
                )
            if data.size > receive.nbytes:
                raise KernelError(
                    f"recv of {format_size(receive.nbytes)} from queue {queue} got {format_size(data.size)}",
                    where=locate(receive.site),
                    sim_time_fs=self.engine.now,
                )
            assert receive.output is not None
            receive.output.on_free = lambda _value, queue=queue: self._give_back(queue)
            if arrived >= receive.ready:  # it was the data that the receive waited for
                receive.queued = queued
            receive.arrived = arrived
            receive.deliver(data.data)
            self.engine.call_later(self.config.recv, self._hand_over, receive)

    def _hand_over(self, receive: Recv) -> None:
        assert self._scoreboard is not None
        self._scoreboard.completed(receive)

    def _give_back(self, queue: str) -> None:
        credit = SlotCredit(queue, 1, self.engine.now)
        self._port.send(self._inlets[queue].peer, MessageClass.CONTROL, CREDIT_BYTES, credit, key=queue)

    def flow(self, operation: Operation, /) -> str:
        """The name of the message that a send or receive which starts now moves: both ends make the same one.

        It counts, so it is asked once for each, by an observer who asks at both ends or at none.
        """
        assert isinstance(operation, Send | Recv)
        queue, pe = operation.queue, self.name.removesuffix(".ipcq")
        key = f"{operation.kind} {queue}"
        number = self._flows[key] = self._flows.get(key, -1) + 1
        end: _Outlet | _Inlet = self._outlets[queue] if isinstance(operation, Send) else self._inlets[queue]
        peer = end.peer.removesuffix(".dma")
        ends = (pe, peer) if isinstance(operation, Send) else (peer, pe)
        return f"{ends[0]}>{ends[1]} {queue} {number}"

    # -- the account ---------------------------------------------------------------------------------------------

    def _unknown(self, operation: Operation, queue: str, known: dict[str, Any]) -> KernelError:
        names = ", ".join(known) or "none"
        return KernelError(
            f"{operation.kind} names queue {queue!r}, which is not open at {self.name} (open: {names})",
            where=locate(operation.site),
            sim_time_fs=self.engine.now,
        )

    def waiters(self) -> list[str]:
        """Name queues that a receive, a send or a connection waits for."""
        lines = [
            f"{self.name}: recv at {locate(inlet.waiting[0].site)} waits for data on queue {queue} from {inlet.peer}"
            for queue, inlet in self._inlets.items()
            if inlet.waiting
        ]
        lines += [
            f"{self.name}: queue {queue} to {outlet.peer} has no slot credit"
            for queue, outlet in self._outlets.items()
            if outlet.slots and not outlet.credits
        ]
        lines += [
            f"{self.name}: queue {queue} is not opened by {self._outlets[queue].peer}"
            for _, missing in self._connecting
            for queue in sorted(missing)
        ]
        return lines

    def audit(self) -> list[str]:
        """No slot is unread and every slot credit is home."""
        lines = [
            f"{self.name}: {len(inlet.arrived)} slot(s) of queue {queue} were never received"
            for queue, inlet in self._inlets.items()
            if inlet.arrived
        ]
        lines += [
            f"{self.name}: {outlet.slots - outlet.credits} slot credit(s) of queue {queue} did not come back"
            for queue, outlet in self._outlets.items()
            if outlet.credits != outlet.slots
        ]
        return lines + self.waiters()
