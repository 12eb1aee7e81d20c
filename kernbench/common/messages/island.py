"""What the coordinator, the islands and their SIPs tell each other about a run; the device's own data stays opaque."""

from typing import Literal, TypeAlias

import msgspec

from kernbench.common.messages.fabric import FabricMessage
from kernbench.common.messages.recording import Recording
from kernbench.common.units import Fs

MessageKey: TypeAlias = tuple[int, int, int]
"""(source SIP, destination SIP, sequence) of one message between SIPs."""

End: TypeAlias = Literal["finished", "deadlock", "stopped", "failed"]


class Tamper(msgspec.Struct, frozen=True, array_like=True):
    """What a test does to a run on purpose: lose or swap one message, or cut the windows short.

    `windows` is (seed, parts): each bound is drawn from the first 1/parts of what the protocol allows.
    """

    drop: MessageKey | None = None
    swap: MessageKey | None = None
    windows: tuple[int, int] | None = None


class Job(msgspec.Struct, frozen=True, array_like=True):
    """A run as it travels: `factory(payload, sip)` builds the device of each SIP where that SIP will live.

    `factory` is `module:qualname` or `path/file.py:qualname`. `affinity` lists (SIP, SIP, latency): SIPs joined by
    the shortest links share an island. With a `recording` each island publishes what its devices' `observer`s see.
    """

    factory: str
    payload: bytes
    sips: int
    affinity: tuple[tuple[int, int, Fs], ...] = ()
    max_events: int | None = None
    tamper: Tamper = Tamper()
    recording: Recording | None = None


class Start(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Coordinator to island: which of `blocks` (SIPs per island) it is, and where Python finds modules."""

    job: Job
    index: int
    blocks: list[list[int]]
    path: list[str]


class Go(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Coordinator to island: every device is built; the lookahead of every SIP, in SIP order."""

    lookaheads: list[Fs]


class Command(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Coordinator to island 0, whose next frame carries it on: all islands act at the same window.

    A step is one window or, with the reason `phase`, goes on until a phase of a SIP of island 0 ends. A speed is `amount`
    ns of simulated time per real second at most, 0 for no limit.
    """

    action: Literal["stop", "pause", "resume", "step", "speed"]
    reason: str = ""
    amount: int = 0


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An exception on its way out of a process; `kind` names a class of `kernbench.common.errors`."""

    sip: int
    kind: str
    message: str
    where: str
    sim_time: Fs | None
    waiters: tuple[str, ...]
    traceback: str


class Ready(msgspec.Struct, frozen=True, array_like=True, tag=0):
    """Island to coordinator: its devices are built; their lookaheads in the order of its block."""

    lookaheads: list[Fs]


class SipOutcome(msgspec.Struct, frozen=True, array_like=True):
    """How one SIP ended. `sent` and `received` count messages per peer SIP: the books of the whole run must agree."""

    sip: int
    report: bytes
    now: Fs
    events: int
    live: bool
    waiters: tuple[str, ...]
    sent: dict[int, int]
    received: dict[int, int]


class Outcome(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Island to coordinator, once: how its part of the run ended.

    `failures` come from the last window, or from the audits of a run that ended well; SIP -1 is the island itself.
    """

    end: End
    reason: str
    failures: list[Failure]
    sips: list[SipOutcome]
    windows: int
    lookahead: Fs
    pid: int
    cpu_s: float
    wait_s: float
    wall_s: float


class Status(msgspec.Struct, frozen=True, array_like=True):
    """Island to coordinator, a few times a second and never waited for; `memory` is its process's, resident bytes."""

    windows: int
    events: int
    sim_time: Fs
    waiting: bool
    memory: int


class WindowFrame(msgspec.Struct, array_like=True, gc=False):
    """Island to island, one per window: when its SIPs can be heard next, and its messages for the receiver.

    `horizon`: no message that is not yet sent can arrive before it; `earliest`: its first event or undelivered
    message; `stop`: why to stop at this window (island 0 says it); `failed`: a SIP of it raised in the last window.
    """

    horizon: Fs
    earliest: Fs
    live: bool
    events: int
    stop: str
    failed: bool
    messages: list[FabricMessage]


ToIsland: TypeAlias = Start | Go | Command
FromIsland: TypeAlias = Ready | Outcome
