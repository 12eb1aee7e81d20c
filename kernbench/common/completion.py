"""What a request to a device gives back: a handle at once, and in the end a completion with its latency explained."""

from typing import Any

import msgspec

from kernbench.common.units import Fs


class Leg(msgspec.Struct, frozen=True):
    """One message of a request: from where to where, when, and where its time went.

    `parts` maps wire, overhead, serialisation and each blocking reason to fs; they sum to `end - start`.
    """

    src: str
    dst: str
    size: int
    start: Fs
    end: Fs
    parts: dict[str, Fs]

    @property
    def queueing(self) -> Fs:
        """The parts that are neither movement nor serialisation."""
        return sum(time for part, time in self.parts.items() if part not in ("wire", "overhead", "serialisation"))


class Trace(msgspec.Struct, frozen=True):
    """The legs of a request that determined when it completed, in order of time."""

    legs: tuple[Leg, ...] = ()


class Completion(msgspec.Struct, frozen=True):
    """A finished request: when it was submitted and done, and the trace of its critical path.

    For a kernel launch, `device_start` and `device_end` are the first program's start and the last retirement,
    `queued` the queueing on the critical path between them, `overlap` the engines' busy time minus its union.
    `data` is what a read returned (None with values off).
    """

    submitted: Fs
    completed: Fs
    trace: Trace = Trace()
    data: bytes | None = None
    device_start: Fs = 0
    device_end: Fs = 0
    queued: Fs = 0
    overlap: Fs = 0

    @property
    def latency(self) -> Fs:
        """Time from submission to completion, in fs."""
        return self.completed - self.submitted


class RequestHandle:
    """A request under way; `completion` is set when it is done."""

    __slots__ = ("completion", "message")

    def __init__(self, message: Any) -> None:
        self.message = message
        self.completion: Completion | None = None

    @property
    def done(self) -> bool:
        """Whether the completion is there."""
        return self.completion is not None
