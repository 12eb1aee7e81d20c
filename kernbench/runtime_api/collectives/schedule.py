"""What a collective does, rank by rank: steps of actions on chunks. One kernel carries out the schedule of any algorithm.

A buffer is cut into chunks; the actions of a step are interleaved slice by slice, the steps follow each other. What one
rank sends in a step its peer receives in the same step, or in the next one (then a message is cut into rounds of half a
queue: docs/adr/0002-ring-in-rounds.md).
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from kernbench.common.errors import UsageError

X, Y, Z = "x", "y", "z"
"""Buffers: what goes in, what comes out, scratch of the size of the larger. In place, x is y."""


class Team(msgspec.Struct, frozen=True):
    """Who takes part: `size` members, of which `local` neighbours in number share a SIP."""

    size: int
    local: int = 1


class Action(msgspec.Struct, frozen=True):
    """What happens to `chunks` chunks from number `first` on, slice by slice.

    A slice is received from `sources[0]`, or loaded; with sources *and* `load` it becomes `received op loaded`, then
    `received op that` for each further source. `finish` ends the reduction (avg divides here). Then it is stored in
    the buffer `store` and sent to each of `to`. Messages of one `plane` between two members keep their order; those
    of different planes do not wait for each other.
    """

    first: int
    chunks: int = 1
    sources: tuple[int, ...] = ()
    load: str | None = None
    finish: bool = False
    store: str | None = None
    to: tuple[int, ...] = ()
    plane: int = 0
    receive_plane: int | None = None

    @property
    def arrives_on(self) -> int:
        """The plane of what it receives: that of what it sends unless said."""
        return self.plane if self.receive_plane is None else self.receive_plane


Step: TypeAlias = Sequence[Action]


class Schedule(msgspec.Struct, frozen=True):
    """One member's part: how many chunks the buffer has, and what the member does with them, step by step."""

    chunks: int
    steps: Sequence[Step]


class Queue(msgspec.Struct, frozen=True, order=True):
    """A queue that a schedule needs: from member `src` to member `dst`."""

    src: int
    dst: int
    plane: int = 0


class Plan:
    """The schedules of all members, with what follows from them.

    With `moved` a block may have another number at its receiver (all-to-all). `span` is the most chunks that a queue must hold because they are received a step later, 0 if none is.
    """

    def __init__(
        self, name: str, team: Team, schedule: Callable[[int, Team], Schedule], *, moved: bool = False
    ) -> None:
        each = [schedule(rank, team) for rank in range(team.size)]
        self.name = name
        self.team = team
        self.chunks = each[0].chunks
        length = max(len(one.steps) for one in each)
        self.steps = tuple(tuple(tuple(step) for step in one.steps) + ((),) * (length - len(one.steps)) for one in each)
        self.queues, self.span = self._match(moved=moved)
        self.scratch = any(Z in (a.load, a.store) for steps in self.steps for step in steps for a in step)

    def receives(self, rank: int) -> list[Queue]:
        """The queues that end at a member."""
        return [queue for queue in self.queues if queue.dst == rank]

    def sends(self, rank: int) -> list[Queue]:
        """The queues that begin at a member."""
        return [queue for queue in self.queues if queue.src == rank]

    def peers(self) -> int:
        """The most queues that end at one member."""
        counts = [0] * self.team.size
        for queue in self.queues:
            counts[queue.dst] += 1
        return max(counts, default=0)

    def _match(self, *, moved: bool) -> tuple[tuple[Queue, ...], int]:
        """Check that each receive expects what is sent, in order."""
        sent: dict[Queue, list[tuple[int, int, int]]] = defaultdict(list)
        received: dict[Queue, list[tuple[int, int, int]]] = defaultdict(list)
        for rank, steps in enumerate(self.steps):
            for number, step in enumerate(steps):
                for action in step:
                    for peer in action.to:
                        sent[Queue(rank, peer, action.plane)].append((number, action.first, action.chunks))
                    for peer in action.sources:
                        received[Queue(peer, rank, action.arrives_on)].append((number, action.first, action.chunks))
        span = 0
        for queue in sorted(sent.keys() | received.keys()):
            out, back = sent[queue], received[queue]
            late: dict[int, int] = defaultdict(int)
            for (number, *what), (then, *expected) in zip(out, back, strict=False):
                if what[moved:] != expected[moved:] or not 0 <= then - number <= 1:
                    raise UsageError(
                        f"{self.name}: member {queue.src} sends chunks {what} to {queue.dst} in step {number}, which "
                        f"expects {expected} in step {then}; both in the same step, or the receive one later"
                    )
                late[number] += what[1] * (then > number)
            if len(out) != len(back):
                raise UsageError(
                    f"{self.name}: member {queue.src} sends {len(out)} times to {queue.dst}, which receives {len(back)} times"
                )
            span = max(span, *late.values())
        return tuple(sorted(sent)), span
