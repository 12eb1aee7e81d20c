"""What watches one SIP: it streams rows and link readings to files, and tells a publisher how busy everything is."""

import sys
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

import msgspec

from kernbench.common.messages.recording import Recording
from kernbench.common.units import FS_PER_S, Fs
from kernbench.di.device import SipDevice
from kernbench.di.layout import link_kind
from kernbench.sim_engine.packet import REASONS
from kernbench.sim_engine.sampled import SampledEngine
from kernbench.telemetry.frame import FULL, HotLink, SipState
from kernbench.telemetry.link_log import LinkLog, links_path
from kernbench.telemetry.meter import Meter
from kernbench.telemetry.phase_log import PhaseLog
from kernbench.telemetry.row_log import PacketLog, RowLog, packets_path, rows_path
from kernbench.telemetry.rows import LinkRow
from kernbench.topology.compile import Topology

WAITERS, WAITER_CHARACTERS = 8, 200
MANY = 255
"""The most operations that are told to wait for an engine."""
STUCK = 5
"""Looks without an event after which a SIP says who waits for what."""


class Look(msgspec.Struct, frozen=True):
    """A SIP since the look before, as bytes up to FULL: links' shares of their bandwidth, engines' and slices' of the time.

    `queues` are the operations that wait to start on each engine now, at most MANY.
    """

    links: bytes
    units: bytes
    queues: bytes
    state: SipState


class SipObserver:
    """Made with its device when a run is recorded. It reads the model's counters and never touches its state.

    `look`, `hot`, `hurry` and `capture` may be called by a thread of the publisher, all else by the SIP's own.
    """

    def __init__(
        self, device: SipDevice, engine: SampledEngine, topology: Topology, phases: PhaseLog, recording: Recording
    ) -> None:
        directory = Path(recording.directory)
        self.sip = device.sip
        self.phases = phases
        self._device = device
        self._engine = engine
        network = device.network
        self._specs = topology.links(device.sip)  # the links inside a SIP are published first, in the same order
        self._order = {link.name: number for number, link in enumerate(network.published)}
        self._numbers: list[int] = []  # of the used links
        first = [*accumulate([len(each.engines) for each in device.schedulers], initial=0)]
        self._first_engines = first[:-1]
        self._flying: set[int] = set()
        self._operations = [0] * len(device.schedulers)
        first = [*accumulate([each.config.slices for each in device.controllers], initial=first[-1])]
        self._first_slices = first[:-1]
        self._serving: set[int] = set()
        self._received = [0] * len(device.controllers)
        self._link_log = LinkLog(links_path(directory, device.sip), self._books)
        engine.meter = Meter(lambda: network.used, recording.width, self._link_log.keep)
        self._rows = RowLog(rows_path(directory, device.sip), recording.rows)
        engine.probe.add(self._rows)
        self._packets_path = packets_path(directory, device.sip)
        self._packets: PacketLog | None = None
        self._now: Fs = 0
        self._done: list[int] = []
        self._worked = [0] * first[-1]
        none = bytes(len(self._worked))
        self._last = Look(bytes(len(self._order)), none, none, SipState(self.sip, 0, 0, 0))
        self._blocked: dict[int, list[Fs]] = {}
        self._still = 0

    @property
    def links(self) -> int:
        """How many links the SIP publishes."""
        return len(self._order)

    @property
    def units(self) -> int:
        """How many engines and slices the SIP publishes."""
        return len(self._worked)

    @property
    def messages(self) -> int:
        """How many messages it has sent to other SIPs."""
        return self._device.network.messages

    def call_at_ticks(self, call: Callable[[], None]) -> None:
        """Have the SIP's thread call this every some milliseconds while it runs the model, between two events."""
        self._engine.tick = call

    def look(self) -> Look:
        """How busy everything was since the last look; while no simulated time passes, what was seen last."""
        engine, device = self._engine, self._device
        now = engine.now
        elapsed = now - self._now
        self._still = 0 if elapsed else self._still + 1
        waiters = tuple(line[:WAITER_CHARACTERS] for line in device.waiters()[:WAITERS]) if self._is_stuck() else ()
        state = SipState(self.sip, now, engine.events, self._rows.kernels, waiters)
        if elapsed:
            self._now = now
            units, queues = bytearray(len(self._worked)), bytearray(len(self._worked))
            self._engines_since(now, elapsed, units, queues)
            self._slices_since(now, elapsed, units)
            self._last = Look(self._links_since(elapsed), bytes(units), bytes(queues), state)
        else:
            self._last = Look(self._last.links, self._last.units, self._last.queues, state)
        return self._last

    def hot(self, number: int, offset: int) -> HotLink:
        """What waits for the link of this number; `offset` is the number of the SIP's first link in its worker."""
        link = self._device.network.published[number]
        before = self._blocked.get(number, [0] * len(REASONS))
        blocked = [*link.blocked]
        self._blocked[number] = blocked
        since = [new - old for new, old in zip(blocked, before, strict=True)]
        most = since if any(since) else blocked
        reason = REASONS[most.index(max(most))] if any(most) else ""
        queue = sum(len(channel.waiting) for channel in [*link.requested])
        return HotLink(offset + number, queue, reason, sum(blocked), link.bytes_in)

    def hurry(self) -> None:
        """Have what is buffered written soon, so that a crash loses little."""
        self._rows.hurry()
        self._link_log.hurry()

    def capture(self, wanted: bool) -> None:
        """Start or stop to keep every packet."""
        packets = self._packets
        listening = packets is not None and packets in self._engine.probe.packets
        if wanted and not listening:
            packets = self._packets = packets or PacketLog(self._packets_path)
            self._engine.probe.add(packets)
        elif listening and packets is not None and not wanted:
            self._engine.probe.remove(packets)
            packets.flush()

    def close(self) -> None:
        """Write what is left; the engine has stopped."""
        meter = self._engine.meter
        assert meter is not None
        logs: list[Callable[[], None]] = [meter.close, self._link_log.close, self._rows.close]
        if self._packets is not None:
            logs.append(self._packets.close)
        for close in logs:
            try:
                close()
            except OSError as error:
                sys.stderr.write(f"kernbench: warning: records of sip{self.sip} are cut short: {error}\n")

    def _is_stuck(self) -> bool:
        return self._still >= STUCK and self._device.live

    def _links_since(self, elapsed: Fs) -> bytes:
        """The shares of all links: of their bandwidth, so that one held by a slower one behind it is not seen as full.

        A link that did nothing costs one comparison.
        """
        used, done, numbers = self._device.network.used, self._done, self._numbers
        if len(done) < len(used):
            numbers += [self._order[link.name] for link in used[len(done) :]]
            done += [0] * (len(numbers) - len(done))
        shares, scale = bytearray(len(self._order)), FULL * FS_PER_S // elapsed
        index = -1
        for link, before in zip(used, done, strict=False):  # one may have joined just now
            index += 1
            moved = link.bytes_in
            if moved == before:
                continue
            done[index] = moved
            share = (moved - before) * scale // link.bw
            if share > 0:
                shares[numbers[index]] = share if share < FULL else FULL  # noqa: FURB136  # a call costs more
        return bytes(shares)

    def _engines_since(self, now: Fs, elapsed: Fs, shares: bytearray, queues: bytearray) -> None:
        """The shares of all engines and their queues.

        A PE that was idle at the last look and got no operation since did nothing, and nothing waits there.
        """
        worked, seen, flying = self._worked, self._operations, self._flying
        index = -1
        for scheduler, before in zip(self._device.schedulers, seen, strict=True):
            index += 1
            operations = scheduler.operations
            if operations == before and index not in flying:
                continue
            seen[index] = operations
            active = scheduler.in_flight > 0  # asked before the engines: what ends from now on is seen next
            for unit, after in enumerate(scheduler.worked(now), self._first_engines[index]):
                if after != worked[unit]:
                    shares[unit] = max(0, min(FULL, (after - worked[unit]) * FULL // elapsed))
                    worked[unit] = after
                    active = True  # an engine may outlast its operation
            if active:
                flying.add(index)
                for unit, waiting in enumerate(scheduler.waiting(), self._first_engines[index]):
                    if waiting:
                        queues[unit] = min(MANY, waiting)
            else:
                flying.discard(index)

    def _slices_since(self, now: Fs, elapsed: Fs, shares: bytearray) -> None:
        """The shares of all slices. A memory that rested at the last look and got no packet since did nothing.

        A packet may have been counted just now and not yet be at its slice: its memory is looked at once more.
        """
        worked, seen, serving = self._worked, self._received, self._serving
        index = -1
        for memory, before in zip(self._device.controllers, seen, strict=True):
            index += 1
            received = memory.received
            if received == before and index not in serving:
                continue
            seen[index] = received
            rests = received == before and memory.rests(now)  # asked before the slices: what comes is seen next
            for unit, after in enumerate(memory.worked(now), self._first_slices[index]):
                if after > worked[unit]:  # what is told ahead of its time may be taken back, and is not told twice
                    shares[unit] = min(FULL, (after - worked[unit]) * FULL // elapsed)
                    worked[unit] = after
            if rests:
                serving.discard(index)
            else:
                serving.add(index)

    def _books(self) -> list[LinkRow]:
        return [
            LinkRow(
                link.name,
                self._kind(link.name),
                link.bw,
                link.packets,
                link.bytes_in,
                link.busy,
                {REASONS[index]: time for index, time in enumerate(link.blocked) if time},
            )
            for link in self._device.network.used
            if link.packets
        ]

    def _kind(self, name: str) -> str:
        number = self._order[name]
        if number >= len(self._specs):
            return "fabric"
        return link_kind(self._specs[number].key, self._specs[number].name)
