"""An island: all SIP actors of one process and the loop that takes them from window to window.

`python -m actors.island INDEX CONTROL_FD STATUS_FD PEER_FD...` is one in a process of its own.
"""

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import pykka

from actors import failure
from actors.blas import one_blas_thread
from actors.collector import seldom_collecting
from actors.control import MAX_EVENTS
from actors.device import Device, build_device
from actors.sip import Advance, Advanced, Finish, Mailbox, SipActor
from actors.sync.window import Clock, Decision, Summary, Windows, summarise
from actors.tamper import cut_of, wire_of
from actors.transports.base import Gate, Peers
from kernbench.common.errors import KernbenchError
from kernbench.common.messages.fabric import FabricMessage
from kernbench.common.messages.island import End, Failure, Job, Outcome, SipOutcome, WindowFrame
from kernbench.common.units import Fs


class Island:
    """Runs the SIPs of `blocks[index]` in lockstep with all other islands: `build`, `run` once, `close`.

    The same windows run whatever the blocks are, and when a SIP raises all others still end that window: so neither
    results nor errors depend on how many islands there are. `windows`, `waiting`, `waited_s`, `events` and `sim_time`
    may be read by another thread; so may `devices`, with care.
    """

    def __init__(self, job: Job, index: int, blocks: Sequence[Sequence[int]]) -> None:
        self._job = job
        self._index = index
        self._own = tuple(blocks[index])
        self._others = [number for number in range(len(blocks)) if number != index]
        self._island_of = {sip: number for number, block in enumerate(blocks) for sip in block}
        self._actors: dict[int, tuple[pykka.ActorRef[SipActor], Mailbox]] = {}
        self._clocks: dict[int, Clock] = {}
        self._inbound: dict[int, list[FabricMessage]] = {sip: [] for sip in self._own}
        self._outbound: dict[int, list[FabricMessage]] = {number: [] for number in self._others}
        self._sent: list[tuple[int, Fs]] = []
        self._wires = {sip: wire_of(job.tamper) for sip in self._own}
        self._failures: list[Failure] = []
        self._begin = 0.0, 0.0
        self.waited_s = 0.0
        self.devices: list[Device] = []
        self.lookahead: Fs = 0
        self.windows = 0
        self.waiting = False

    @property
    def events(self) -> int:
        """Events of all own SIPs up to the last window."""
        return sum(clock.events for clock in list(self._clocks.values()))

    @property
    def sim_time(self) -> Fs:
        """The latest event of all own SIPs up to the last window."""
        return max((clock.now for clock in list(self._clocks.values())), default=0)

    def build(self) -> list[Fs]:
        """Build the devices; their lookaheads in the order of the block."""
        lookaheads = []
        for sip in self._own:
            device = self._build_device(sip)
            self.devices.append(device)
            reference = SipActor.start(device)
            assert isinstance(reference.actor_inbox, Mailbox)
            self._actors[sip] = reference, reference.actor_inbox
            lookaheads.append(device.lookahead)
        return lookaheads

    def run(self, lookaheads: Sequence[Fs], peers: Peers, gate: Gate | None) -> Outcome:
        """Advance window by window until all islands end together; only island 0 has a gate."""
        with one_blas_thread(), seldom_collecting():
            return self._run(lookaheads, peers, gate)

    def _run(self, lookaheads: Sequence[Fs], peers: Peers, gate: Gate | None) -> Outcome:
        self._begin = time.perf_counter(), time.process_time()
        self.lookahead = min(lookaheads)
        windows = Windows(lookaheads, cut_of(self._job.tamper))
        self._advance(self._own, 0, 0)
        while True:
            stop = gate.why_stop() if gate else ""
            own = summarise(self._clocks.items(), self._sent, lookaheads)
            received = self._exchange(peers, own, stop)
            granted = windows.granted
            decision = windows.decide([own, *map(_summary, received)])
            end, reason = self._verdict(decision, own, received, stop)
            if end is not None:
                return self._settle(end, reason)
            self._collect(received)
            self._advance(self._busy(decision.bound), decision.bound, granted)
            self.windows += 1

    def cut_short(self, reason: str) -> Outcome:
        """The outcome of a run that was torn out of the middle of a window."""
        return self._settle("stopped", reason)

    def close(self) -> None:
        """Stop the actors and let their devices go."""
        for reference, mailbox in self._actors.values():
            if reference.is_alive():
                reference.stop(block=False)
                mailbox.pump()
        for device in self.devices:
            device.close()

    def _build_device(self, sip: int) -> Device:
        try:
            return build_device(self._job.factory, self._job.payload, sip)
        except KernbenchError:
            raise
        except Exception as error:
            raise failure.of_device(error, sip) from error

    def _busy(self, bound: Fs) -> list[int]:
        """Own SIPs with something to do before `bound`, or with messages to take in."""
        clocks, inbound = self._clocks, self._inbound
        return [sip for sip in self._own if inbound[sip] or clocks[sip].next < bound or clocks[sip].held < bound]

    def _advance(self, sips: Sequence[int], bound: Fs, granted: Fs) -> None:
        """Take `sips` to `bound` and sort what they sent by island."""
        for sip in sips:
            messages, self._inbound[sip] = self._inbound[sip], []
            try:
                reply: Advanced = self._ask(sip, Advance(bound, granted, messages))
            except Exception as error:
                self._failures.append(failure.pack(error, sip))
                continue
            self._clocks[sip] = reply.clock
            if reply.outbox:
                self._route(self._wires[sip](reply.outbox))

    def _route(self, messages: Sequence[FabricMessage]) -> None:
        for message in messages:
            destination = message.destination
            self._sent.append((destination, message.arrival))
            island = self._island_of[destination]
            if island == self._index:
                self._inbound[destination].append(message)
            else:
                self._outbound[island].append(message)

    def _exchange(self, peers: Peers, own: Summary, stop: str) -> Sequence[WindowFrame]:
        """Tell all other islands, hear from all of them."""
        frames = []
        failed = bool(self._failures)
        for number in self._others:
            messages = self._outbound[number]
            frames.append(WindowFrame(own.horizon, own.earliest, own.live, own.events, stop, failed, messages))
            if messages:
                self._outbound[number] = []
        self._sent.clear()
        begin = time.perf_counter()
        self.waiting = True
        received = peers.exchange(frames)
        self.waiting = False
        self.waited_s += time.perf_counter() - begin
        return received

    def _verdict(
        self, decision: Decision, own: Summary, received: Sequence[WindowFrame], stop: str
    ) -> tuple[End | None, str]:
        """Whether and why the run ends here: from what all islands know alike."""
        if self._failures or any(frame.failed for frame in received):
            return "failed", ""
        if decision.end is not None:
            return decision.end, ""
        reason = received[0].stop if self._index else stop
        if reason:
            return "stopped", reason
        limit = self._job.max_events
        if limit is not None and own.events + sum(frame.events for frame in received) >= limit:
            return "stopped", MAX_EVENTS
        return None, ""

    def _collect(self, received: Sequence[WindowFrame]) -> None:
        for frame in received:
            for message in frame.messages:
                self._inbound[message.destination].append(message)

    def _settle(self, end: End, reason: str) -> Outcome:
        """Have every SIP finish and put the outcome together."""
        wall, cpu = self._begin
        sips: list[SipOutcome] = []
        broken = {item.sip for item in self._failures}
        for sip in self._own:
            try:
                outcome: SipOutcome = self._ask(sip, Finish(end))
                if sip in broken:  # in the middle of something: what it says to wait for is not why the run ends
                    outcome = msgspec.structs.replace(outcome, waiters=())
                sips.append(outcome)
            except Exception as error:
                if end != "failed":  # what broke is known already
                    self._failures.append(failure.pack(error, sip))
                    sips.append(self._ask(sip, Finish("failed")))
        return Outcome(
            end,
            reason,
            self._failures,
            sips,
            self.windows,
            self.lookahead,
            os.getpid(),
            time.process_time() - cpu,
            self.waited_s,
            time.perf_counter() - wall,
        )

    def _ask(self, sip: int, message: Any) -> Any:
        reference, mailbox = self._actors[sip]
        future = reference.ask(message, block=False)
        mailbox.pump()
        return future.get()


def _summary(frame: WindowFrame) -> Summary:
    return Summary(frame.horizon, frame.earliest, frame.live, frame.events)


if __name__ == "__main__":
    from actors.transports.worker import main

    main([int(number) for number in sys.argv[1:]])
