"""The actor of one SIP: it owns the device and is the only one who steps that device's engine."""

import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeAlias

import msgspec
import pykka

from actors import failure
from actors.device import Device
from actors.sync.inbox import Inbox
from actors.sync.window import NEVER, Clock, own_horizon
from kernbench.common.errors import CausalityError, KernbenchError, SimulationError, WorkerError
from kernbench.common.messages.fabric import FabricMessage
from kernbench.common.messages.island import SipOutcome
from kernbench.common.units import Fs, format_time
from kernbench.sim_engine.engine import WindowEnds

MOST_EVENTS = 200_000
"""Events after which a window ends though its bound is far: commands, limits and Ctrl-C are seen between windows."""

ExcInfo: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


class Advance(msgspec.Struct, frozen=True, gc=False):
    """Run every event before `bound`; `messages` came in since, and all SIPs have run to `granted`."""

    bound: Fs
    granted: Fs
    messages: Sequence[FabricMessage] = ()


class Advanced(msgspec.Struct, frozen=True, gc=False):
    """The reply to Advance: what left, and where the SIP stands."""

    outbox: Sequence[FabricMessage]
    clock: Clock


class Inspect(msgspec.Struct, frozen=True, gc=False):
    """Tell how things are, without running anything."""


class Inspected(msgspec.Struct, frozen=True, gc=False):
    """The reply to Inspect; `status` is the device's own struct."""

    clock: Clock
    waiters: list[str]
    status: Any


class Finish(msgspec.Struct, frozen=True, gc=False):
    """Make the report: audited if the run came to its end, partial if it was cut short or failed."""

    end: str


class PumpedFuture(pykka.Future[Any]):
    """A reply that is there once the actor's mailbox has been pumped; nobody can block on it."""

    _get_hook: Any = None
    _value: Any = None
    _error: BaseException | None = None
    _done = False

    def __init__(self) -> None:
        """Leave the defaults of the class: one future is made per window and SIP."""

    def set_get_hook(self, func: Any) -> None:
        """Have `func(timeout)` give the reply (pykka's own hook, used by `stop`)."""
        super().__init__()
        super().set_get_hook(func)

    def get(self, *, timeout: float | None = None) -> Any:
        """The reply or the exception of the actor."""
        if self._get_hook is not None:
            return super().get(timeout=timeout)
        if not self._done:
            raise RuntimeError("no reply yet: pump the actor's mailbox before get()")
        if self._error is not None:
            raise self._error
        return self._value

    def set(self, value: Any | None = None) -> None:
        """Set the reply."""
        self._value, self._done = value, True

    def set_exception(self, exc_info: Any = None) -> None:
        """Set the exception that get() raises; by default the one being handled."""
        self._error, self._done = (exc_info or sys.exc_info())[1], True


class Mailbox:
    """The inbox of an actor without a thread; whoever owns the loop calls `pump`."""

    def __init__(self) -> None:
        self.envelopes: deque[Any] = deque()
        self.owner: PumpedActor | None = None

    def put(self, envelope: Any, /) -> None:
        """Append an envelope."""
        self.envelopes.append(envelope)

    def get(self) -> Any:
        """Take the oldest envelope."""
        return self.envelopes.popleft()

    def empty(self) -> bool:
        """True when nothing is left to handle."""
        return not self.envelopes

    def pump(self) -> None:
        """Let the owner handle all that is here."""
        assert self.owner is not None
        self.owner.pump()


class PumpedActor(pykka.Actor):
    """A pykka actor without a thread: greenlets cannot leave their thread, and threads would share the GIL anyway."""

    def __init__(self) -> None:
        super().__init__()
        assert isinstance(self.actor_inbox, Mailbox)
        self.mailbox = self.actor_inbox
        self.mailbox.owner = self  # a reference alone does not keep its actor alive

    @staticmethod
    def _create_actor_inbox() -> Mailbox:
        return Mailbox()

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return PumpedFuture()

    def _start_actor_loop(self) -> None:
        self.on_start()

    def pump(self) -> None:
        """Handle every envelope; exceptions go to whoever asked, Ctrl-C to whoever pumps."""
        envelopes = self.mailbox.envelopes
        while envelopes and not self.actor_stopped.is_set():
            envelope = envelopes.popleft()
            try:
                response = self._handle_receive(envelope.message)
            except KeyboardInterrupt:
                raise
            except BaseException:
                if envelope.reply_to is None:
                    raise
                envelope.reply_to.set_exception()
            else:
                if envelope.reply_to is not None:
                    envelope.reply_to.set(response)
        if envelopes:
            self._actor_loop_teardown()


class SipActor(PumpedActor):
    """Owns one device: answers Advance, Inspect and Finish; its first Advance starts the device at time 0."""

    def __init__(self, device: Device) -> None:
        super().__init__()
        self._device = device
        self._inbox = Inbox(device.sip, device.engine, device.receive)
        self._started = False
        self._told: Fs = device.lookahead  # own_horizon of the last reply
        self._sent: dict[int, int] = {}

    def on_receive(self, message: Any) -> Any:
        """Dispatch; whatever the device raises leaves as an error that names the SIP, its time and the line of an own part."""
        try:
            if type(message) is Advance:
                return self._advance(message)
            if type(message) is Inspect:
                return self._inspect()
            if type(message) is Finish:
                return self._finish(message)
        except (KernbenchError, KeyboardInterrupt):
            raise
        except BaseException as error:
            raise failure.of_device(error, self._device.sip, int(self._device.engine.now)) from error
        return super().on_receive(message)

    def _advance(self, message: Advance) -> Advanced:
        device, inbox, bound = self._device, self._inbox, message.bound
        if not self._started:
            self._started = True
            device.start()
        if message.messages:
            inbox.accept(message.messages, message.granted)
        limit = self._told
        if inbox.earliest < bound:
            limit = min(limit, inbox.earliest + device.lookahead)
            inbox.open(bound)
        with suppress(WindowEnds):
            device.engine.advance(bound, MOST_EVENTS)
        outbox: Sequence[FabricMessage] = ()
        if device.outbox:
            outbox = device.outbox[:]
            device.outbox.clear()
            self._check(outbox, limit)
        clock = self._clock()
        if clock.next > NEVER:
            raise self._beyond_time(clock)
        self._told = own_horizon(clock, device.lookahead)
        return Advanced(outbox, clock)

    def _check(self, outbox: Sequence[FabricMessage], limit: Fs) -> None:
        """Nothing may arrive before what this SIP told the others, and the numbers per destination have no gap."""
        sip = self._device.sip
        for message in outbox:
            if message.arrival < limit:
                raise CausalityError(
                    f"sip{sip}: a message to sip{message.destination} arrives at {message.arrival} fs, before {limit} fs "
                    f"that sip{sip} promised; its lookahead of {self._device.lookahead} fs or its promise is too large",
                    where=f"sip{sip}",
                    sim_time_fs=message.arrival,
                )
            due = self._sent.get(message.destination, 0)
            if message.sequence != due or message.source != sip:
                raise WorkerError(
                    f"sip{sip}: it sends message {message.sequence} of sip{message.source} to sip{message.destination}, "
                    f"where message {due} of sip{sip} is due; number messages 0, 1, 2, ... per destination",
                    where=f"sip{sip}",
                    sim_time_fs=message.arrival,
                )
            self._sent[message.destination] = due + 1

    def _beyond_time(self, clock: Clock) -> SimulationError:
        return SimulationError(
            f"sip{self._device.sip}: the next event is at {format_time(clock.next)} of simulated time, which ends at "
            f"{format_time(NEVER)} (2^63 fs); give it less to do, or make what is that slow faster",
            where=f"sip{self._device.sip}",
            sim_time_fs=clock.now,
            waiters=tuple(self._device.waiters()),
        )

    def _clock(self) -> Clock:
        device = self._device
        engine = device.engine
        first = engine.next_time
        return Clock(
            NEVER if first is None else first,
            self._inbox.earliest,
            device.promise(),
            device.live,
            engine.events,
            int(engine.now),
        )

    def _inspect(self) -> Inspected:
        return Inspected(self._clock(), self._device.waiters(), self._device.status())

    def _finish(self, message: Finish) -> SipOutcome:
        device, clock = self._device, self._clock()
        report = device.finish() if message.end == "finished" else device.partial()
        waiters = () if message.end in ("finished", "stopped") else tuple(device.waiters())
        return SipOutcome(
            device.sip, report, clock.now, clock.events, clock.live, waiters, self._sent, self._inbox.received
        )
