"""The host of one SIP: it resumes the rank's program and turns what the program asks for into packets."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from kernbench.common.completion import Completion, Leg, RequestHandle, Trace
from kernbench.common.coroutine import Coroutine
from kernbench.common.errors import KernbenchError, RankError, UsageError
from kernbench.common.messages.dma import ConnectCommand, ConnectDone, DmaCommand, DmaDone
from kernbench.common.messages.host import (
    Breath,
    KernelLaunchMsg,
    Mark,
    MemoryReadMsg,
    MemoryWriteMsg,
    Pause,
    PeDmaMsg,
    QueueConnectMsg,
    Submit,
    Wait,
    WaitAny,
)
from kernbench.common.messages.launch import LaunchDone, LaunchRequest, PeShare
from kernbench.common.messages.memory import ReadRequest, ReadResponse, WriteAck, WriteRequest
from kernbench.common.units import Fs, format_time
from kernbench.common.user_line import is_packaged, user_line
from kernbench.components.component import Component, Config
from kernbench.components.fanout import CONTROL_BYTES
from kernbench.policy.address import AddressSpace
from kernbench.sim_engine.engine import Engine, WindowEnds
from kernbench.sim_engine.packet import MessageClass, Packet
from kernbench.sim_engine.port import Port

REQUEST_BYTES = 32
"""Size of a read request on the network: one flit of control."""


class HostConfig(Config, frozen=True):
    """`call_ns`: host time per command; `launch_slots`: kernel launches under way at once."""

    call: Fs = msgspec.field(name="call_ns", default=0)
    launch_slots: int = 4


class _Pending:
    """A request under way: how many answers it still needs, and its data.

    `begun` is when the first of its parts began to leave, `left_at` when each cube's had left.
    """

    __slots__ = ("begun", "data", "handle", "left", "left_at", "legs", "submitted")

    def __init__(self, handle: RequestHandle, submitted: Fs, left: int) -> None:
        self.handle = handle
        self.submitted = submitted
        self.left = left
        self.legs: tuple[Leg, ...] = ()
        self.data: bytearray | None = None
        self.begun: Fs = submitted
        self.left_at: dict[int, Fs] = {}

    def departed(self, cube: int, now: Fs, previous: Fs) -> None:
        """Note that the part for `cube` has left; the request before it had left at `previous`."""
        if not self.left_at:
            self.begun = max(self.submitted, previous)
        self.left_at[cube] = now

    def own_stream(self, leg: Leg, cube: int) -> Leg:
        """The leg of `cube`'s part: its wait behind parts of the same message is serialisation, as behind own quanta."""
        before = max((time for other, time in self.left_at.items() if other < cube), default=self.begun)
        own = before - self.begun
        if not own:
            return leg
        parts = {**leg.parts, "serialisation": leg.parts["serialisation"] + own}
        parts["head_of_line"] -= own
        return msgspec.structs.replace(leg, parts={part: time for part, time in parts.items() if time})


class Host(Component):
    """Runs one rank's program; every message that the program yields becomes a request to the device.

    The program is a coroutine resumed by engine events only, so it suspends into the SIP's loop and never drives it.
    """

    config: HostConfig

    def __init__(
        self,
        name: str,
        config: HostConfig,
        engine: Engine,
        port: Port,
        io_cpu: str,
        sip: str,
        memories: Sequence[str],
        space: AddressSpace,
    ) -> None:
        super().__init__(name, engine)
        self.config = config
        self._port = port
        self._io_cpu = io_cpu
        self._sip = sip
        self._memories = memories
        self.space = space
        self._program: Coroutine | None = None
        self._awaited: tuple[RequestHandle, ...] = ()
        self._pending: dict[int, _Pending] = {}
        self._launch_queue: list[tuple[int, LaunchRequest]] = []
        self._launches = 0
        self._tags = 0
        self._departed_at: Fs = 0
        self.result: Any = None
        self.finished_at: Fs | None = None
        self._submitters: dict[type, Callable[[int, RequestHandle, Any], None]] = {
            MemoryWriteMsg: self._write,
            MemoryReadMsg: self._read,
            PeDmaMsg: self._pe_dma,
            KernelLaunchMsg: self._launch,
            QueueConnectMsg: self._connect,
        }
        port.on(WriteAck, self._acknowledged)
        port.on(ReadResponse, self._data_arrived)
        port.on(DmaDone, self._dma_done)
        port.on(LaunchDone, self._launch_done)
        port.on(ConnectDone, self._connected)

    def run(self, program: Callable[[], Any]) -> None:
        """Start a rank's program at the present instant."""
        self._program = Coroutine(program)
        self.engine.call_later(0, self._resume)

    @property
    def live(self) -> bool:
        """Whether a program is unfinished or a request under way."""
        return self._program is not None or bool(self._pending)

    def abandon(self) -> None:
        """End the rank's program if it waits."""
        if self._program is not None:
            self._program.abandon()
            self._program = None

    def _resume(self, value: Any = None) -> None:
        program = self._program
        assert program is not None
        while True:
            try:
                request = program.resume(value)
            except UsageError as error:
                # Of a packaged bench it is an option that cannot be used, and the message says which.
                if not is_packaged(user_line(error.__traceback__)):
                    error.where, error.sim_time_fs = self._place(error), self.engine.now
                raise
            except KernbenchError:
                raise
            except (Exception, SystemExit) as error:
                raise RankError(
                    f"{type(error).__name__}: {error}", where=self._place(error), sim_time_fs=self.engine.now
                ) from error
            if program.finished:
                self._program = None
                self.result = request
                self.finished_at = self.engine.now
                return
            match request:
                case Submit(message):
                    value = self.submit(message)
                    if self.config.call:
                        self.engine.call_later(self.config.call, self._resume, value)
                        return
                case Wait(handle):
                    if not handle.done:
                        self._awaited = (handle,)
                        return
                    value = handle.completion
                case WaitAny(handles):
                    if not any(handle.done for handle in handles):
                        self._awaited = handles
                        return
                    value = None
                case Pause(time):
                    self.engine.call_later(time, self._resume)
                    return
                case Breath():
                    self.engine.call_later(0, self._resume)
                    raise WindowEnds
                case Mark():
                    value = self.engine.now
                case _:
                    raise RankError(
                        f"a rank's program yielded {request!r}", where=self.name, sim_time_fs=self.engine.now
                    )

    def _place(self, error: BaseException) -> str:
        """Whose program raised it, and at which of the user's lines."""
        line = user_line(error.__traceback__)
        return f"{self.name} ({line})" if line else self.name

    def submit(self, message: Any) -> RequestHandle:
        """Begin a host-facing request."""
        handle = RequestHandle(message)
        self._tags += 1
        self._submitters[type(message)](self._tags, handle, message)
        return handle

    def _begin(self, tag: int, handle: RequestHandle, answers: int) -> _Pending:
        pending = self._pending[tag] = _Pending(handle, self.engine.now, answers)
        return pending

    def _complete(self, tag: int, *device: Fs) -> None:
        pending = self._pending.pop(tag)
        handle = pending.handle
        data = None if pending.data is None else bytes(pending.data)
        handle.completion = Completion(pending.submitted, self.engine.now, Trace(pending.legs), data, *device)
        if any(each is handle for each in self._awaited):
            self._awaited = ()
            # Resumed by an event of its own: what else this instant brings is seen first, whatever its order.
            self.engine.call_later(0, self._resume, handle.completion)

    def _write(self, tag: int, handle: RequestHandle, message: MemoryWriteMsg) -> None:
        parts = self.space.everywhere(((message.address, message.size),))
        pending = self._begin(tag, handle, len(parts))
        for part in parts:
            data = message.data
            if data is not None and len(parts) > 1:
                data = b"".join(data[each.position : each.position + each.length] for each in part.segments)
            request = WriteRequest(tag, self._port.name, part.segments, part.size, data)
            self._request(pending, part.cube, part.size, request)

    def _request(self, pending: _Pending, cube: int, size: int, request: ReadRequest | WriteRequest) -> None:
        def departed(now: Fs) -> None:
            pending.departed(cube, now, self._departed_at)
            self._departed_at = now

        key = (request.tag, cube)  # parts of one instant leave in order of their cubes
        self._port.send(self._memories[cube], MessageClass.REQUEST, size, request, key=key, departed=departed)

    def _acknowledged(self, ack: WriteAck, packet: Packet) -> None:
        pending = self._pending[ack.tag]
        pending.left -= 1
        if pending.left == 0:
            request, *service = ack.legs
            cube = self._memories.index(request.dst)
            pending.legs = (pending.own_stream(request, cube), *service, self._port.leg(packet))
            self._complete(ack.tag)

    def _read(self, tag: int, handle: RequestHandle, message: MemoryReadMsg) -> None:
        parts = self.space.translate(((message.address, message.size),))
        pending = self._begin(tag, handle, len(parts))
        pending.data = bytearray(message.size)
        for part in parts:
            request = ReadRequest(tag, self._port.name, part.segments, part.size)
            self._request(pending, part.cube, REQUEST_BYTES, request)

    def _data_arrived(self, response: ReadResponse, packet: Packet) -> None:
        pending = self._pending[response.tag]
        if response.data is None:
            pending.data = None
        elif pending.data is not None:
            at = 0
            for segment in response.segments:
                pending.data[segment.position : segment.position + segment.length] = response.data[
                    at : at + segment.length
                ]
                at += segment.length
        pending.left -= 1
        if pending.left == 0:
            request, *service = response.legs
            cube = self._memories.index(request.dst)
            back = self._port.leg(packet, since=service[-1].end)
            pending.legs = (pending.own_stream(request, cube), *service, back)
            self._complete(response.tag)

    def _pe_dma(self, tag: int, handle: RequestHandle, message: PeDmaMsg) -> None:
        self._begin(tag, handle, 1)
        command = DmaCommand(tag, self._port.name, message.address, message.size, message.write)
        self._control(f"{self._sip}.{message.pe}.dma", tag, command)

    def _dma_done(self, done: DmaDone, packet: Packet) -> None:
        self._pending[done.tag].legs = (*done.legs, self._port.leg(packet))
        self._complete(done.tag)

    def _connect(self, tag: int, handle: RequestHandle, message: QueueConnectMsg) -> None:
        self._begin(tag, handle, 1)
        command = ConnectCommand(tag, self._port.name, message.receive, message.send, message.slots, message.slot_bytes)
        self._control(f"{self._sip}.{message.pe}.dma", tag, command)

    def _connected(self, done: ConnectDone, _packet: Packet) -> None:
        self._complete(done.tag)

    def _launch(self, tag: int, handle: RequestHandle, message: KernelLaunchMsg) -> None:
        self._begin(tag, handle, 1)
        shares = tuple(PeShare(pe, index, len(message.pes)) for index, pe in enumerate(message.pes))
        self._launch_queue.append((tag, LaunchRequest(tag, message.launch, shares)))
        self._launch_next()

    def _launch_next(self) -> None:
        while self._launch_queue and self._launches < self.config.launch_slots:
            self._launches += 1
            tag, request = self._launch_queue.pop(0)
            self._control(self._io_cpu, tag, request)

    def _launch_done(self, done: LaunchDone, packet: Packet) -> None:
        self._launches -= 1
        self._pending[done.tag].legs = (self._port.leg(packet),)
        self._complete(done.tag, done.start, done.end, done.queued, done.overlap_end - done.overlap_start)
        self._launch_next()

    def _control(self, dst: str, tag: int, payload: Any) -> None:
        self._port.send(dst, MessageClass.CONTROL, CONTROL_BYTES, payload, key=(tag, 0))

    def waiters(self) -> list[str]:
        """Name what the rank's program waits for."""
        lines = [
            f"{self.name}: {_name(pending.handle.message)} submitted at {format_time(pending.submitted)} is not complete"
            for pending in self._pending.values()
        ]
        if self._program is not None:
            what = " or ".join(_name(handle.message) for handle in self._awaited) or "nothing that is under way"
            lines.insert(0, f"{self.name}: the rank's program waits for {what}")
        return lines

    def audit(self) -> list[str]:
        """The program has ended and nothing it asked for is open."""
        return self.waiters()


def _name(message: Any) -> str:
    """A request in the program's own words, if it has any."""
    return getattr(message, "what", "") or type(message).__name__
