"""A queue of transfers that enters the network one quantum at a time."""

from collections.abc import Callable, Sequence
from typing import Any

from kernbench.common.units import Fs
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.link import Channel, Source
from kernbench.sim_engine.packet import MessageClass, Packet, Reason

_HEAD_OF_LINE, _OWN_STREAM = Reason.HEAD_OF_LINE.value, Reason.OWN_STREAM.value


class Transfer:
    """A message of any size under way: a stream of quanta made lazily, the payload riding with the last one.

    `departed(now)` is called when its last quantum has left the injector.
    """

    __slots__ = (
        "created",
        "departed",
        "dst",
        "identity",
        "kind",
        "payload",
        "quanta",
        "ready",
        "remaining",
        "route",
        "size",
        "started",
    )

    def __init__(
        self,
        route: tuple[Channel, ...],
        dst: int,
        kind: MessageClass,
        size: int,
        payload: Any,
        created: Fs,
        identity: int,
        ready: Sequence[Fs] | None,
        departed: Callable[[Fs], None] | None,
    ) -> None:
        self.route = route
        self.dst = dst
        self.kind = kind
        self.size = size
        self.remaining = size
        self.payload = payload
        self.created = created
        self.identity = identity
        self.ready = ready
        self.departed = departed
        self.quanta = 0
        self.started: Fs = -1


class Injector(Source):
    """A queue of transfers that offers one quantum at a time to the endpoint's link; the next when that has left."""

    __slots__ = (
        "_engine",
        "_offering",
        "_quantum",
        "_queue",
        "number",
        "rank",
    )

    def __init__(self, engine: Engine, number: int, order: int, quantum: int) -> None:
        super().__init__(order)
        self._engine = engine
        self.number = number
        self._quantum = quantum
        self.rank = -1  # before every link: their order among themselves reaches no result
        self._queue: list[tuple[Fs, Any, Transfer]] = []
        self._offering = False

    def __len__(self) -> int:
        return len(self._queue)

    def push(self, transfer: Transfer, key: Any) -> None:
        """Queue a transfer. Those of one instant are ordered by `key`, never by who came first."""
        now = transfer.created
        queue = self._queue
        at = len(queue)
        first = 1 if queue and queue[0][2].started >= 0 else 0
        while at > first and queue[at - 1][0] == now and queue[at - 1][1] > key:
            at -= 1
        queue.insert(at, (now, key, transfer))
        if not self._offering and len(queue) == 1:
            self._engine.mark(self)

    def arbitrate(self) -> None:
        """Offer the first quantum of the transfer that this instant's pushes left in front."""
        if self._queue and not self._offering:
            self._offering = True
            transfer = self._queue[0][2]
            transfer.started = self._engine._now  # noqa: SLF001  # the hot path reads the clock directly
            self._offer_when_ready(transfer)

    def _offer_when_ready(self, transfer: Transfer) -> None:
        ready = transfer.ready
        if ready is not None:
            time = ready[transfer.quanta]
            if time > self._engine._now:  # noqa: SLF001
                self._engine.call_at(time, self._offer, transfer)
                return
        self._offer(transfer)

    def _offer(self, transfer: Transfer) -> None:
        now = self._engine._now  # noqa: SLF001
        size = min(transfer.remaining, self._quantum)
        transfer.remaining -= size
        transfer.quanta += 1
        packet = Packet(
            transfer.route,
            size,
            transfer.kind,
            self.number,
            transfer.dst,
            transfer.identity,
            transfer.size,
            transfer.created,
            now,
            last=transfer.remaining == 0,
            payload=transfer.payload,
        )
        packet.waits[_HEAD_OF_LINE] = transfer.started - transfer.created
        packet.waits[_OWN_STREAM] = now - transfer.started
        self.head = packet
        self.since = now
        transfer.route[0].request(self)

    def granted(self, _now: Fs, free_at: Fs, /) -> None:
        """Make the next quantum when this one's tail has left."""
        transfer = self._queue[0][2]
        if transfer.remaining == 0:
            self._queue.pop(0)
            if transfer.departed is not None:
                self._engine.call_at(free_at, transfer.departed, free_at)
        self._engine.call_at(free_at, self._next)

    def _next(self, _: object) -> None:
        if self._queue and self._queue[0][2].started >= 0:
            self._offer_when_ready(self._queue[0][2])
            return
        self._offering = False
        if self._queue:
            self._engine.mark(self)  # a new transfer: whoever is pushed at this instant may still come before it
