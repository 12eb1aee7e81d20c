"""A directed link: packet-level virtual cut-through with lanes, finite buffers, credits and round-robin.

A whole packet holds the link. Its buffer space at the far end is taken when it starts and comes back when it starts to
leave there, plus the credit delay. Zero load over h hops: T = sum(hop) + size / bandwidth, one serialisation only;
over unequal links tail_out = max(head_start + size / bandwidth, tail_in).
"""

from collections.abc import Callable
from typing import Any

from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.packet import Packet, Reason
from kernbench.telemetry.rows import PacketRow

_LINK_BUSY, _NO_CREDIT, _OWN_STREAM = Reason.LINK_BUSY.value, Reason.NO_CREDIT.value, Reason.OWN_STREAM.value


class Source:
    """What offers one packet at a time to one channel: the FIFO of an input, or an injector.

    `order` is its compiled position among the inputs of a node, by which round-robin goes. It offers `head` since `since`,
    and `busy_mark` is what the link had been busy by then.
    """

    __slots__ = ("busy_mark", "head", "order", "since")

    head: Packet

    def __init__(self, order: int) -> None:
        self.order = order
        self.since: Fs = 0
        self.busy_mark: Fs = 0

    def granted(self, now: Fs, free_at: Fs, /) -> None:
        """Let the head go: it starts to leave now and its tail has left at `free_at`."""
        raise AssertionError(f"{type(self).__name__} lets nothing go at {now}, {free_at}")


class Channel:
    """One lane of a link, at the sending side: its credits, the sources that wait for it, and where packets land.

    `land(packet)` is called when a packet starts, with its head and tail times at the far end already set; where it is
    None, `arrive(packet)` is called when the head is there.
    """

    __slots__ = ("_amounts", "_times", "arrive", "capacity", "credits", "land", "lane", "last_input", "link", "waiting")

    def __init__(self, link: "Link", lane: int, capacity: int) -> None:
        self.link = link
        self.lane = lane
        self.capacity = capacity
        self.credits = capacity
        # When credits come back, and how many bytes each: few at a time, so lists are quicker than deques.
        self._times: list[Fs] = []
        self._amounts: list[int] = []
        self.waiting: list[Source] = []
        self.last_input = -1
        self.land: Callable[[Packet], None] | None = None
        self.arrive: Callable[[Packet], None] = _nowhere

    def request(self, source: Source) -> None:
        """Ask for the link on behalf of `source.head`; `source.since` is now."""
        link = self.link
        waiting = self.waiting
        if not waiting:
            link.requested.append(self)
        waiting.append(source)
        left = link.busy_until - link.engine._now  # noqa: SLF001  # the hot path reads the clock directly
        if left > 0:
            source.busy_mark = link.busy - left
            link.wake_at(link.busy_until)
        else:
            source.busy_mark = link.busy
            if not link.marked:
                link.marked = True
                link.engine.mark(link)

    def start_at_once(self, packet: Packet, order: int, now: Fs) -> Fs:
        """Start a packet if nobody else can ask for the link in this instant; when its tail has left, 0 if it has to ask.

        It must be all that is left to do of the event that runs. That event is the instant's last one and no arbiter
        is to decide, so the instant is over and arbitration would grant the link to the only one that asks.
        """
        link = self.link
        engine = link.engine
        calls = engine._calls  # noqa: SLF001  # the hot path looks for itself
        if link.requested or link.busy_until > now or engine._dirty or (calls and calls[0][0] == now):  # noqa: SLF001
            return 0
        size = packet.size
        if self.credits < size and self.usable(now) < size:
            return 0
        return link.start(self, packet, order, now)

    def next_in_turn(self) -> Source:
        """The source that waits and comes after the last one, by order and around."""
        last = self.last_input
        first = following = None
        for source in self.waiting:
            order = source.order
            if order > last:
                if following is None or order < following.order:
                    following = source
            elif first is None or order < first.order:
                first = source
        chosen = first if following is None else following
        assert chosen is not None
        return chosen

    def give_back(self, amount: int, time: Fs) -> None:
        """Return `amount` bytes of buffer space; it can be used from `time` on."""
        self._times.append(time)
        self._amounts.append(amount)
        if self.waiting:
            self.link.wake_at(time)

    def usable(self, now: Fs) -> int:
        """Credits that are here by `now`; one that arrives at this very instant counts."""
        times = self._times
        while times and times[0] <= now:
            times.pop(0)
            self.credits += self._amounts.pop(0)
        return self.credits

    def usable_at(self, size: int) -> Fs:
        """When so many bytes can be used if nobody takes any, -1 if the credits under way do not suffice."""
        missing = size - self.credits
        for time, amount in zip(self._times, self._amounts, strict=True):
            missing -= amount
            if missing <= 0:
                return time
        return -1

    def outstanding(self) -> int:
        """Bytes of buffer space that are not here even after every credit under way has arrived."""
        return self.capacity - self.credits - sum(self._amounts)


class Link:
    """A transmitter shared by its lanes: one packet at a time, round-robin over lanes, then over inputs.

    `wire` and `overhead` (fs) are the parts of the head's latency to the far end; bandwidth is in bytes/s.
    """

    __slots__ = (
        "_exact",
        "_probe",
        "_run_bytes",
        "_run_start",
        "_wake",
        "blocked",
        "busy",
        "busy_until",
        "bw",
        "bytes_in",
        "bytes_out",
        "credit_delay",
        "engine",
        "head_sum",
        "hop",
        "last_lane",
        "last_transfer",
        "marked",
        "name",
        "overhead",
        "packets",
        "rank",
        "requested",
        "wire",
    )

    def __init__(
        self, engine: Engine, name: str, rank: int, bw: BytesPerSecond, wire: Fs, overhead: Fs, credit_delay: Fs
    ) -> None:
        assert wire + overhead >= 1, f"{name}: a hop takes at least 1 fs"
        assert credit_delay >= 1, f"{name}: a credit takes at least 1 fs"
        self.engine = engine
        self._probe = engine.probe
        self.name = name
        self.rank = rank
        self.bw = bw
        self.wire = wire
        self.overhead = overhead
        self.hop = wire + overhead
        self.credit_delay = credit_delay
        self.requested: list[Channel] = []
        self.marked = False
        self.busy_until: Fs = 0
        self.last_lane = -1
        self.last_transfer = -1
        self._wake: Fs = -1
        self._run_start: Fs = 0
        self._run_bytes = 0
        self._exact: dict[int, Fs] = {}  # serialisation by size where it is whole, else 0
        self.busy: Fs = 0
        self.packets = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.head_sum: Fs = 0
        self.blocked = [0] * len(Reason)

    def wake_at(self, time: Fs) -> None:
        """Look again at `time`; an earlier look that is already due will see to the later one."""
        wake = self._wake
        if wake < 0 or time < wake:
            self._wake = time
            self.engine.call_at(time, self._woken, time)

    def _woken(self, time: Any) -> None:
        if time == self._wake:
            self._wake = -1
            if self.requested and not self.marked:
                self.marked = True
                self.engine.mark(self)

    def arbitrate(self) -> None:
        """Start the next packet if the link is free and a lane with a waiting packet has room at the far end."""
        self.marked = False
        requested = self.requested
        if not requested:
            return
        now = self.engine._now  # noqa: SLF001
        if self.busy_until > now:
            self.wake_at(self.busy_until)
            return
        if len(requested) > 1:
            last = self.last_lane
            requested.sort(key=lambda channel: (channel.lane <= last, channel.lane))
        wake: Fs = -1
        for channel in requested:
            source = channel.waiting[0] if len(channel.waiting) == 1 else channel.next_in_turn()
            size = source.head.size
            if channel.credits >= size or channel.usable(now) >= size:
                self._grant(channel, source, now)
                return
            time = channel.usable_at(size)
            if time >= 0 and (wake < 0 or time < wake):
                wake = time
        if wake >= 0:
            self.wake_at(wake)

    def _grant(self, channel: Channel, source: Source, now: Fs) -> None:
        packet = source.head
        waited = now - source.since
        if waited:
            busy = self.busy - source.busy_mark
            reason = _OWN_STREAM if self.last_transfer == packet.transfer else _LINK_BUSY
            packet.waits[reason] += busy
            self.blocked[reason] += busy
            if busy != waited:
                packet.waits[_NO_CREDIT] += waited - busy
                self.blocked[_NO_CREDIT] += waited - busy
        waiting = channel.waiting
        waiting.remove(source)
        if not waiting:
            self.requested.remove(channel)
        free_at = self.start(channel, packet, source.order, now)
        source.granted(now, free_at)
        if self.requested:
            self.wake_at(free_at)

    def start(self, channel: Channel, packet: Packet, order: int, now: Fs) -> Fs:
        """Let a packet go that is its input's turn and has room at the far end; when its tail has left."""
        size = packet.size
        channel.last_input = order
        channel.credits -= size
        self.last_lane = channel.lane
        self.last_transfer = packet.transfer

        exact = self._exact.get(size)
        if exact:
            free_at = now + exact
            self._run_bytes = 0
        else:
            free_at = self._round_up(now, size, exact)
        if packet.tail > free_at:  # a slower link upstream: the tail is not here before that
            free_at = packet.tail
            self._run_bytes = 0
        self.busy_until = free_at
        self.busy += free_at - now
        self.packets += 1
        self.bytes_in += size
        if self._probe.packets:
            self._probe.emit(self._probe.packets, PacketRow(self.name, now, free_at, size))

        hop = self.hop
        packet.head = head = now + hop
        packet.tail = free_at + hop
        self.head_sum += head
        packet.hop += 1
        land = channel.land
        if land is None:
            self.engine.call_at(head, channel.arrive, packet)
        else:
            land(packet)
        return free_at

    def _round_up(self, now: Fs, size: int, exact: Fs | None) -> Fs:
        """When a packet ends whose serialisation is no whole number of fs.

        Back-to-back packets end where their sum ends, so rounding up never adds up.
        """
        if exact is None:
            whole, rest = divmod(size * FS_PER_S, self.bw)
            self._exact[size] = 0 if rest else whole
            if not rest:
                self._run_bytes = 0
                return now + whole
        if now == self.busy_until and self._run_bytes:
            self._run_bytes += size
        else:
            self._run_start = now
            self._run_bytes = size
        return self._run_start - (-self._run_bytes * FS_PER_S // self.bw)


def _nowhere(packet: Packet) -> None:
    raise AssertionError(f"a lane without an end got a packet of {packet.size} bytes")
