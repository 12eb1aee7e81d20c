"""When a memory controller serves bytes: what it asks of a timing, whichever one its mode names."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from kernbench.common.messages.memory import Segment
from kernbench.common.units import Fs

Started: TypeAlias = Callable[[Sequence[Fs]], None]
"""`started(ready)`: the answer may be queued; its quantum i is there at `ready[i]`, looked up when it is next to leave."""

Served: TypeAlias = Callable[[Fs, dict[str, Fs]], None]
"""`served(end, parts)`: when the last byte is served, and what the time since the request's arrival went into."""


class WriteService(Protocol):
    """The service of one write, fed as its data arrives."""

    def take(self, size: int, now: Fs) -> None:
        """The next `size` bytes are there."""

    def close(self, now: Fs, served: Served) -> None:
        """All bytes are there; `served` is called as soon as the end is known."""


class Timing(Protocol):
    """Decides when requests are served. `key` is unique to a request and orders those of one instant."""

    def read(self, key: int, segments: tuple[Segment, ...], now: Fs, started: Started, served: Served) -> None:
        """Serve a read that arrives now; each callback is called once, when its argument is known."""

    def write(self, key: int, segments: tuple[Segment, ...]) -> WriteService:
        """Begin the service of a write whose data starts to arrive."""

    def worked(self, now: Fs) -> list[Fs]:
        """How long each slice has served until `now` (fs), never more than it did; another thread may ask at any time."""

    def rests(self, now: Fs) -> bool:
        """Whether nothing is served at `now` or later unless something else arrives."""

    def audit(self, now: Fs) -> list[str]:
        """Say what does not balance at the end of a run, one line each."""
