"""The conservative lookahead protocol as a pure state machine: how far may every SIP run.

Every SIP may run its events before E = min( min_i max(next_i + L_i, promise_i), min_m (arrival_m + L_dst(m)) ), where i
is every SIP and m every message between SIPs that no delivery event has handed over yet, in flight or in a receiver's
heap. An own event of i cannot reach another SIP sooner than L_i later (or than i promised); a message cannot cause
another one sooner than its receiver's L after it arrives. The minimum is split: each island sums up its own SIPs and
what they sent (`summarise`), every island combines the same summaries (`Windows.decide`) and finds the same E.
"""

# ruff: noqa: PLR1730, FURB136  # comparisons: min() and max() cost three times as much, and this runs every window

from collections.abc import Callable, Iterable, Sequence

import msgspec

from kernbench.common.errors import TopologyError
from kernbench.common.messages.island import End
from kernbench.common.units import Fs

NEVER: Fs = 2**63 - 1
"""Later than any event; time is an int64 of fs."""

SPAN: Fs = 5 * 10**9
"""The longest window, counted from its first event: with no peer near, limits and Ctrl-C still need boundaries."""

Cut = Callable[[Fs, Fs], Fs]
"""(end of the last window, allowed bound) -> the bound to use, above the first and at most the second."""


class Clock(msgspec.Struct, frozen=True, gc=False):
    """One SIP between windows. `next` is its own earliest event, `held` the earliest arrival in its heap, else NEVER.

    `promise` covers its own events alone: nothing that they cause leaves before it.
    """

    next: Fs
    held: Fs
    promise: Fs
    live: bool
    events: int
    now: Fs


class Summary(msgspec.Struct, frozen=True, gc=False):
    """What a group of SIPs tells all others between two windows."""

    horizon: Fs
    earliest: Fs
    live: bool
    events: int


class Decision(msgspec.Struct, frozen=True, gc=False):
    """Run up to `bound`, or stop because nothing can happen any more."""

    bound: Fs
    end: End | None = None


def own_horizon(clock: Clock, lookahead: Fs) -> Fs:
    """Before this time nothing can arrive anywhere that this SIP's own events cause."""
    if clock.next == NEVER:
        return NEVER
    own = clock.next + lookahead
    return own if own > clock.promise else clock.promise


def summarise(clocks: Iterable[tuple[int, Clock]], sent: Iterable[tuple[int, Fs]], lookaheads: Sequence[Fs]) -> Summary:
    """Combine (SIP, clock) of some SIPs and (destination, arrival) of all that they sent in the last window."""
    horizon = earliest = NEVER
    live, events = False, 0
    for sip, clock in clocks:
        lookahead, held = lookaheads[sip], clock.held
        own = own_horizon(clock, lookahead)
        if own < horizon:
            horizon = own
        if held + lookahead < horizon:
            horizon = held + lookahead
        if held < earliest:
            earliest = held
        if clock.next < earliest:
            earliest = clock.next
        live = live or clock.live
        events += clock.events
    for destination, arrival in sent:
        if arrival + lookaheads[destination] < horizon:
            horizon = arrival + lookaheads[destination]
        if arrival < earliest:
            earliest = arrival
    return Summary(horizon, earliest, live, events)


def widest(_granted: Fs, bound: Fs) -> Fs:
    """The usual cut: all that is allowed."""
    return bound


class Windows:
    """Decides window after window; every island holds one and all of them decide alike.

    `granted` is the time that every SIP has run to (exclusive); it only grows.
    """

    def __init__(self, lookaheads: Sequence[Fs], cut: Cut = widest) -> None:
        for sip, lookahead in enumerate(lookaheads):
            if lookahead < 1:
                raise TopologyError(
                    f"sip{sip}: the lookahead is {lookahead} fs, so no time can pass between windows; "
                    "give every link between SIPs a latency and a credit delay of at least 1 fs"
                )
        self._cut = cut
        self.granted: Fs = 0
        self.rounds = 0

    def decide(self, summaries: Sequence[Summary]) -> Decision:
        """The next window from the summaries of all SIPs, or the end: finished, or deadlock if somebody is live."""
        horizon = earliest = NEVER
        for summary in summaries:
            if summary.horizon < horizon:
                horizon = summary.horizon
            if summary.earliest < earliest:
                earliest = summary.earliest
        if earliest == NEVER:
            live = any(summary.live for summary in summaries)
            return Decision(self.granted, "deadlock" if live else "finished")
        self.granted = self._cut(self.granted, min(horizon, earliest + SPAN))
        self.rounds += 1
        return Decision(self.granted)
