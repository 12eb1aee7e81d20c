"""The way of a message's last packet, read back from the grants of the links that it took."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

import msgspec

from kernbench.common.units import Fs
from kernbench.probing.facts import Way
from kernbench.probing.recorder import Grant, Grants


class Passage(msgspec.Struct, frozen=True):
    """A packet's passage over a link: its head came at `arrived`, started at `start` and is at the far end at `head`.

    `behind` of its wait the link was taken by other packets, the rest it had no room ahead; `tail` is at the far end
    after the head.
    """

    link: str
    arrived: Fs
    start: Fs
    head: Fs
    tail: Fs
    behind: Fs

    @property
    def waited(self) -> Fs:
        """From the head's arrival to its start."""
        return self.start - self.arrived


def trace(way: Way, grants: Grants, size: int, since: Fs, until: Fs) -> tuple[Passage, ...]:
    """The passages of the packet of `size` bytes whose tail is at the end of `way` at the latest by `until`.

    The last of a stream starts on each link after all before it, so going back from the end finds it; its head came to
    the first link at `since`.
    """
    found: list[Grant] = []
    bound = until
    for link in reversed(way.links):
        listed = grants[link.name]
        after = bisect_right(listed, bound - link.hop, key=lambda grant: grant.start)
        grant = next(
            each for each in reversed(listed[:after]) if each.size == size and (found or each.end + link.hop <= until)
        )
        found.append(grant)
        bound = grant.start
    passages = []
    arrived = since
    for link, grant in zip(way.links, reversed(found), strict=True):
        behind = _taken(grants[link.name], arrived, grant.start)
        head = grant.start + link.hop
        passages.append(Passage(link.name, arrived, grant.start, head, grant.end + link.hop, behind))
        arrived = head
    return tuple(passages)


def carried(link: str, grants: Grants, start: Fs, end: Fs) -> int:
    """Bytes of the packets that started on a link within a time."""
    return sum(grant.size for grant in grants.get(link, ()) if start <= grant.start < end)


def _taken(listed: Sequence[Grant], start: Fs, end: Fs) -> Fs:
    """How long a link was taken between two times; its grants do not overlap, so they end in order as they start."""
    first = bisect_right(listed, start, key=lambda grant: grant.end)
    last = bisect_left(listed, end, key=lambda grant: grant.start)
    return sum(min(grant.end, end) - max(grant.start, start) for grant in listed[first:last])
