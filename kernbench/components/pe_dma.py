"""A PE's DMA engine: channels that move bytes between its scratchpad, memory controllers and other PEs."""

from collections.abc import Callable, Sequence

import msgspec

from kernbench.common.completion import Leg
from kernbench.common.messages.dma import DmaCommand, DmaDone
from kernbench.common.messages.fabric import IpcqData
from kernbench.common.messages.memory import (
    AtomicRequest,
    AtomicResponse,
    ReadRequest,
    ReadResponse,
    WriteAck,
    WriteRequest,
)
from kernbench.common.ops import Atomic, Load, Operation, Scoreboard, Send, Store
from kernbench.common.units import Fs
from kernbench.components.component import Component, Config
from kernbench.components.fanout import CONTROL_BYTES
from kernbench.components.host import REQUEST_BYTES
from kernbench.components.ipcq import Ipcq
from kernbench.components.poison import Poison
from kernbench.components.window import Window
from kernbench.policy.address import AddressSpace, Part
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port

MOST_CHANNELS = 1024
"""Of one direction."""


class PeDmaConfig(Config, frozen=True):
    """Channels by direction; `outstanding_bytes` of loads, and of stores, may be without an answer at once.

    `overhead_ns` is the fixed time to enter the engine from the network.
    """

    load_channels: int = 2
    store_channels: int = 2
    send_channels: int = 1
    outstanding: int = msgspec.field(name="outstanding_bytes", default=2**16)
    overhead: Fs = msgspec.field(name="overhead_ns", default=0)

    def __post_init__(self) -> None:
        """Refuse more channels than there is memory to simulate: each is a queue of its own."""
        for channels in (self.load_channels, self.store_channels, self.send_channels):
            if channels > MOST_CHANNELS:
                raise ValueError(f"expected at most {MOST_CHANNELS}, got {channels}")


class _Movement:
    """One load, store or command under way: parts that have no answer yet, and what follows the last one."""

    __slots__ = ("atomic", "data", "finish", "left", "legs", "size")

    def __init__(
        self, left: int, size: int, finish: Callable[["_Movement"], None], atomic: Atomic | None = None
    ) -> None:
        self.left = left
        self.size = size
        self.atomic = atomic
        self.data: bytes | bytearray | None = None
        self.finish = finish
        self.legs: tuple[Leg, ...] = ()

    def take(self, part: Part, data: bytes) -> None:
        """Put the bytes of a part where they belong; the only part has all, in order."""
        if part.size == self.size:
            self.data = data
            return
        if self.data is None:
            self.data = bytearray(self.size)
        assert isinstance(self.data, bytearray)
        view, at = memoryview(data), 0
        for segment in part.segments:
            position, length = segment.position, segment.length
            self.data[position : position + length] = view[at : at + length]
            at += length


class DmaChannel:
    """A channel of one direction, as the scheduler sees it: one operation injects at a time."""

    __slots__ = ("_begin", "_free", "kind", "lane", "name")

    def __init__(self, name: str, kind: str, lane: int, begin: Callable[["DmaChannel", Operation], None]) -> None:
        self.name = name
        self.kind = kind
        self.lane = lane
        self._begin = begin

    def accepts(self, _operation: Operation, /) -> bool:
        """Loads and stores can always start on a free channel."""
        return True

    def start(self, operation: Operation, /) -> None:
        """Begin to move the operation's bytes."""
        self._begin(self, operation)


class SendChannel(DmaChannel):
    """A channel for sends: a send starts when its queue has a slot credit."""

    __slots__ = ("_ipcq",)

    def __init__(self, name: str, lane: int, begin: Callable[[DmaChannel, Operation], None], ipcq: Ipcq) -> None:
        super().__init__(name, "send", lane, begin)
        self._ipcq = ipcq

    def accepts(self, operation: Operation, /) -> bool:
        """Whether the operation's queue has a slot credit."""
        assert isinstance(operation, Send)
        return self._ipcq.can_send(operation)

    def flow(self, operation: Operation, /) -> str:
        """The name of the message that a send which starts now moves."""
        return self._ipcq.flow(operation)


class PeDma(Component):
    """Splits an access into one request per cube and keeps at most `outstanding_bytes` of them unanswered.

    A channel frees when its last byte or request has left; the operation ends with its last answer.
    """

    config: PeDmaConfig

    def __init__(
        self,
        name: str,
        config: PeDmaConfig,
        engine: Engine,
        port: Port,
        memories: Sequence[str],
        space: AddressSpace,
        ipcq: Ipcq,
    ) -> None:
        super().__init__(name, engine)
        self.config = config
        self._port = port
        self._memories = memories
        cube, _, rest = name.rpartition(".pe")
        number = next((number for number, each in enumerate(memories) if each.rpartition(".")[0] == cube), 0)
        self._place = number, int(rest.partition(".")[0] or 0)
        self._space = space
        self._ipcq = ipcq
        self._scoreboard: Scoreboard | None = None
        self._reads = Window(config.outstanding)
        self._writes = Window(config.outstanding)
        self._under_way: dict[int, tuple[_Movement, Part]] = {}
        self._tags = 0
        self.poison: Poison | None = None
        loads, stores = config.load_channels, config.store_channels
        # Lane 0 of the port is for control; each channel injects through a queue of its own.
        self.channels: list[DmaChannel] = [
            DmaChannel(f"{name}.load{index}", "load", 1 + index, self._load) for index in range(loads)
        ]
        self.channels += [
            DmaChannel(f"{name}.store{index}", "store", 1 + loads + index, self._store) for index in range(stores)
        ]
        self.channels += [
            SendChannel(f"{name}.send{index}", 1 + loads + stores + index, self._send, ipcq)
            for index in range(config.send_channels)
        ]
        port.on(ReadResponse, self._data_arrived)
        port.on(WriteAck, self._acknowledged)
        port.on(AtomicResponse, self._exchanged)
        port.on(DmaCommand, self._command)

    def serve(self, scoreboard: Scoreboard) -> None:
        """Report to this scheduler."""
        self._scoreboard = scoreboard

    def _load(self, channel: DmaChannel, operation: Operation) -> None:
        assert isinstance(operation, Load)
        load = operation

        def finish(movement: _Movement) -> None:
            load.queued += sum(leg.queueing for leg in movement.legs)
            if self.poison is not None:
                self.poison.check(load)
            load.deliver(None if movement.data is None else memoryview(movement.data))
            self._completed(load)

        self._read(load.runs, load.nbytes, channel.lane, finish, lambda _: self._freed(channel))

    def _store(self, channel: DmaChannel, operation: Operation) -> None:
        if isinstance(operation, Atomic):
            self._exchange(channel, operation)
            return
        assert isinstance(operation, Store)
        store = operation

        def finish(movement: _Movement) -> None:
            store.queued += sum(leg.queueing for leg in movement.legs)
            self._completed(store)

        self._write(store.runs, store.payload(), channel.lane, finish, lambda _: self._freed(channel))

    def _exchange(self, channel: DmaChannel, atomic: Atomic) -> None:
        """Send each part's operands to its controller; the old elements come back."""
        parts = self._space.once(atomic.runs, self._place)

        def finish(movement: _Movement) -> None:
            atomic.queued += sum(leg.queueing for leg in movement.legs)
            self._completed(atomic)

        def depart(_: Fs) -> None:
            self._freed(channel)

        movement = _Movement(len(parts), 0, finish, atomic)
        for index, part in enumerate(parts):
            lanes, exchange = atomic.exchange([(each.position, each.length) for each in part.segments])
            request = AtomicRequest(
                self._book(movement, part),
                self._port.name,
                part.segments,
                lanes * atomic.sent,
                lanes * atomic.returned,
                exchange,
            )
            last = depart if index == len(parts) - 1 else None

            def issue(
                part: Part = part, request: AtomicRequest = request, last: Callable[[Fs], None] | None = last
            ) -> None:
                self._request(part, max(request.size, REQUEST_BYTES), request, channel.lane, last)

            self._writes.reserve(part.size, issue)

    def _send(self, channel: DmaChannel, operation: Operation) -> None:
        assert isinstance(operation, Send)
        send = operation
        peer, slot = self._ipcq.take_slot(send)

        def departed(_: Fs) -> None:
            self._ipcq.departed(send.queue)
            self._completed(send)
            self._freed(channel)

        data = IpcqData(send.queue, slot, send.payload(), send.nbytes, send.tag, send.queued)
        self._port.send(peer, MessageClass.IPCQ, send.nbytes, data, lane=channel.lane, departed=departed)

    def _read(
        self,
        runs: tuple[tuple[int, int], ...],
        size: int,
        lane: int,
        finish: Callable[[_Movement], None],
        departed: Callable[[Fs], None],
    ) -> None:
        parts = self._space.translate(runs, self._place)
        movement = _Movement(len(parts), size, finish)
        for index, part in enumerate(parts):
            last = departed if index == len(parts) - 1 else None

            def issue(part: Part = part, last: Callable[[Fs], None] | None = last) -> None:
                request = ReadRequest(self._book(movement, part), self._port.name, part.segments, part.size)
                self._request(part, REQUEST_BYTES, request, lane, last)

            self._reads.reserve(part.size, issue)

    def _write(
        self,
        runs: tuple[tuple[int, int], ...],
        data: bytes | None,
        lane: int,
        finish: Callable[[_Movement], None],
        departed: Callable[[Fs], None],
    ) -> None:
        parts = self._space.everywhere(runs, self._place)
        movement = _Movement(len(parts), 0, finish)
        for index, part in enumerate(parts):
            last = departed if index == len(parts) - 1 else None
            piece = data
            if data is not None and len(parts) > 1:
                piece = b"".join(data[each.position : each.position + each.length] for each in part.segments)

            def issue(part: Part = part, piece: bytes | None = piece, last: Callable[[Fs], None] | None = last) -> None:
                tag = self._book(movement, part)
                request = WriteRequest(tag, self._port.name, part.segments, part.size, piece)
                self._request(part, part.size, request, lane, last)

            self._writes.reserve(part.size, issue)

    def _request(
        self,
        part: Part,
        size: int,
        request: ReadRequest | WriteRequest | AtomicRequest,
        lane: int,
        departed: Callable[[Fs], None] | None,
    ) -> None:
        self._port.send(
            self._memories[part.cube],
            MessageClass.REQUEST,
            size,
            request,
            lane=lane,
            key=request.tag,
            departed=departed,
        )

    def _book(self, movement: _Movement, part: Part) -> int:
        self._tags += 1
        self._under_way[self._tags] = movement, part
        return self._tags

    def _answered(self, movement: _Movement, legs: tuple[Leg, ...]) -> None:
        movement.left -= 1
        if movement.left == 0:
            movement.legs = legs
            movement.finish(movement)

    def _data_arrived(self, response: ReadResponse, packet: Packet) -> None:
        movement, part = self._under_way.pop(response.tag)
        if response.data is not None:
            movement.take(part, response.data)
        self._reads.release(part.size)
        self._answered(movement, (*response.legs, self._port.leg(packet, since=response.legs[-1].end)))

    def _acknowledged(self, ack: WriteAck, packet: Packet) -> None:
        movement, part = self._under_way.pop(ack.tag)
        self._writes.release(part.size)
        self._answered(movement, (*ack.legs, self._port.leg(packet)))

    def _exchanged(self, response: AtomicResponse, packet: Packet) -> None:
        movement, part = self._under_way.pop(response.tag)
        assert movement.atomic is not None
        movement.atomic.deliver(response.old)
        self._writes.release(part.size)
        self._answered(movement, (*response.legs, self._port.leg(packet)))

    def _command(self, command: DmaCommand, packet: Packet) -> None:
        legs = (self._port.leg(packet),)

        def finish(movement: _Movement) -> None:
            done = DmaDone(command.tag, legs + movement.legs)
            self._port.send(command.reply_to, MessageClass.CONTROL, CONTROL_BYTES, done, key=str(command.tag))

        runs = ((command.address, command.size),)
        if command.write:
            self._write(runs, bytes(command.size), 1 + self.config.load_channels, finish, _ignore)
        else:
            self._read(runs, command.size, 1, finish, _ignore)

    def _completed(self, operation: Operation) -> None:
        assert self._scoreboard is not None
        self._scoreboard.completed(operation)

    def _freed(self, channel: DmaChannel) -> None:
        assert self._scoreboard is not None
        self._scoreboard.freed(channel)

    def waiters(self) -> list[str]:
        """Name the requests without an answer."""
        return [
            f"{self.name}: {part.size} bytes of {self._memories[part.cube]} are on their way"
            for _, part in self._under_way.values()
        ]

    def audit(self) -> list[str]:
        """Every request was answered and every window is free."""
        lines = self.waiters()
        for direction, window in (("read", self._reads), ("write", self._writes)):
            if window.held:
                lines.append(f"{self.name}: {window.held} bytes of its {direction} window are still held")
        return lines


def _ignore(_: Fs) -> None:
    """Nobody waits for a command's channel."""
