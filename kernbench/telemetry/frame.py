"""A frame: what one worker publishes of its SIPs, ten times a second of real time."""

import msgspec

from kernbench.common.units import Fs

FULL = 250
"""The byte that means a link used all its bandwidth, or an engine was busy all the time, since the last frame."""


class HotLink(msgspec.Struct, frozen=True, array_like=True):
    """What waits for one of the busiest links of a worker: `link` counts within the worker's own links.

    `queue` is packets that wait for it now, `reason` why the last ones waited (a name of Reason, lower case), `blocked`
    the fs waited for it so far, all packets together, and `moved` its bytes so far.
    """

    link: int
    queue: int
    reason: str
    blocked: Fs
    moved: int


class PhaseMark(msgspec.Struct, frozen=True, array_like=True):
    """A phase that began or ended: a row of a bench, a kernel, a part of a collective. `end` is None while it lasts."""

    sip: int
    name: str
    start: Fs
    end: Fs | None


class SipState(msgspec.Struct, frozen=True, array_like=True):
    """One SIP: its clock, events and kernels so far, and who waits for what if it waits (at most eight lines)."""

    sip: int
    now: Fs
    events: int
    kernels: int
    waiters: tuple[str, ...] = ()


class Frame(msgspec.Struct, frozen=True, array_like=True):
    """One worker at one moment.

    `links` and `units` hold a byte for each of its links and engines, in the order of the layout: the share of its
    bandwidth that a link used, of the time that an engine was busy, since the worker's frame before (0 to FULL).
    `queues` has a byte for each of its engines too: how many operations wait to start on it, 255 for more; engines of
    one kind share their PE's queue. It is empty in frames of before it was told. Times are fs of simulated time unless
    a name ends with `_s` (real seconds since the run began). `wait_s` is real time spent waiting for other workers so
    far, `messages` what its SIPs sent to others so far. `phases` are the latest ones, the oldest first, at most sixteen.
    `state` is `running`, `paused`, `waiting` (for other workers, for a while) or `ended`.
    """

    worker: int
    sequence: int
    wall_s: float
    since: Fs
    now: Fs
    state: str
    events: int
    windows: int
    messages: int
    wait_s: float
    cpu_s: float
    rss: int
    lookahead: Fs
    sips: tuple[SipState, ...]
    links: bytes
    units: bytes
    hot: tuple[HotLink, ...] = ()
    phases: tuple[PhaseMark, ...] = ()
    queues: bytes = b""
