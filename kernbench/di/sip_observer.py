"""What watches one SIP: it streams rows and link readings to files, and tells a publisher how busy everything is."""

import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from kernbench.common.messages.recording import Recording
from kernbench.common.units import Fs
from kernbench.di.device import SipDevice
from kernbench.di.layout import link_kinds
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
STUCK = 5
"""Looks without an event after which a SIP says who waits for what."""


class Look(msgspec.Struct, frozen=True):
    """A SIP at one moment: busy shares of its links and engines since the look before, as bytes up to FULL.

    `busy` are (share, number) of the links that were busy.
    """

    links: bytes
    units: bytes
    state: SipState
    busy: list[tuple[int, int]]


class SipObserver:
    """Made with its device when a run is recorded. It reads the model's counters and never touches its state.

    `look`, `hot`, `hurry` and `capture` are called by the publisher's thread, all else by the SIP's own.
    """

    def __init__(
        self, device: SipDevice, engine: SampledEngine, topology: Topology, phases: PhaseLog, recording: Recording
    ) -> None:
        directory = Path(recording.directory)
        self.sip = device.sip
        self.phases = phases
        self._device = device
        self._engine = engine
        self._kinds = link_kinds(topology, device.sip)
        network = device.network
        self._order = {link.name: number for number, link in enumerate(network.published)}
        self._engines = [[read for _, read in scheduler.engines()] for scheduler in device.schedulers]
        self._link_log = LinkLog(links_path(directory, device.sip), self._books)
        engine.meter = Meter(lambda: network.used, recording.width, self._link_log.keep)
        self._rows = RowLog(rows_path(directory, device.sip), recording.rows)
        engine.probe.add(self._rows)
        self._packets_path = packets_path(directory, device.sip)
        self._packets: PacketLog | None = None
        self._now: Fs = 0
        self._done: list[Fs] = []
        self._worked = [0] * sum(len(each) for each in self._engines)
        self._last = Look(bytes(len(self._order)), bytes(len(self._worked)), SipState(self.sip, 0, 0, 0), [])
        self._blocked: dict[int, list[Fs]] = {}
        self._still = 0

    @property
    def links(self) -> int:
        """How many links the SIP publishes."""
        return len(self._order)

    @property
    def units(self) -> int:
        """How many engines the SIP publishes."""
        return len(self._worked)

    @property
    def messages(self) -> int:
        """How many messages it has sent to other SIPs."""
        return self._device.network.messages

    def look(self) -> Look:
        """How busy everything was since the last look; while no simulated time passes, what was seen last."""
        engine, device = self._engine, self._device
        now = engine.now
        elapsed = now - self._now
        self._still = 0 if elapsed else self._still + 1
        waiters = tuple(line[:WAITER_CHARACTERS] for line in device.waiters()[:WAITERS]) if self._is_stuck() else ()
        state = SipState(self.sip, now, engine.events, device.kernels, waiters)
        if elapsed:
            busy = self._links_since(self._now, now)
            self._now = now
            shares = bytearray(len(self._order))
            for share, number in busy:
                shares[number] = share
            self._last = Look(bytes(shares), self._units_since(elapsed), state, busy)
        else:
            self._last = msgspec.structs.replace(self._last, state=state)
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

    def _links_since(self, before: Fs, now: Fs) -> list[tuple[int, int]]:
        """(share, number) of the links that were busy. Those whose last packet ended before the last look cost little."""
        used, done, order = self._device.network.used, self._done, self._order
        done += [0] * (len(used) - len(done))
        elapsed, shares = now - before, []
        for index in [index for index, link in enumerate(used) if link.busy_until > before]:
            link = used[index]
            after, left = link.busy, link.busy_until - now
            if left > 0:
                after -= left
            share = (after - done[index]) * FULL // elapsed
            done[index] = after
            if share > 0:
                shares.append((min(share, FULL), order[link.name]))
        return shares

    def _units_since(self, elapsed: Fs) -> bytes:
        shares = bytearray(len(self._worked))
        worked, number = self._worked, 0
        for scheduler, engines in zip(self._device.schedulers, self._engines, strict=True):
            if scheduler.operations:
                for index, read in enumerate(engines, number):
                    after = read()
                    if after != worked[index]:
                        shares[index] = max(0, min(FULL, (after - worked[index]) * FULL // elapsed))
                        worked[index] = after
            number += len(engines)
        return bytes(shares)

    def _books(self) -> list[LinkRow]:
        return [
            LinkRow(
                link.name,
                self._kinds[link.name],
                link.bw,
                link.packets,
                link.bytes_in,
                link.busy,
                {REASONS[index]: time for index, time in enumerate(link.blocked) if time},
            )
            for link in self._device.network.used
            if link.packets
        ]
