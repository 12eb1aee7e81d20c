"""Requests to a memory controller and its answers; all are payloads of packets inside one SIP."""

from collections.abc import Callable
from typing import Any

import msgspec

from kernbench.common.completion import Leg


class Segment(msgspec.Struct, frozen=True, gc=False):
    """`length` bytes at `offset` of memory slice `slice`; `position` is where they stand in the whole transfer."""

    slice: int
    offset: int
    length: int
    position: int


class ReadRequest(msgspec.Struct, frozen=True):
    """Read `segments` in order and stream them to endpoint `reply_to`."""

    tag: int
    reply_to: str
    segments: tuple[Segment, ...]
    size: int


class WriteRequest(msgspec.Struct, frozen=True):
    """Write `data` (the segments' bytes in order; None with values off) and acknowledge to `reply_to`."""

    tag: int
    reply_to: str
    segments: tuple[Segment, ...]
    size: int
    data: bytes | None


class AtomicRequest(msgspec.Struct, frozen=True):
    """Change `segments` where they are: `size` bytes of operands arrive, `returned` bytes of old elements go back.

    `exchange` gives the new bytes and a record of the old ones from the bytes that are there; None with values off.
    """

    tag: int
    reply_to: str
    segments: tuple[Segment, ...]
    size: int
    returned: int
    exchange: Callable[[bytes], tuple[bytes, Any]] | None


class ReadResponse(msgspec.Struct):
    """The bytes of a read. They are sampled when the controller serves the last of them, hence not frozen."""

    tag: int
    segments: tuple[Segment, ...]
    data: bytes | None
    legs: tuple[Leg, ...]


class AtomicResponse(msgspec.Struct):
    """What was there before an atomic change, as its `exchange` recorded it: set when the change happens."""

    tag: int
    old: Any
    legs: tuple[Leg, ...]


class WriteAck(msgspec.Struct, frozen=True):
    """A write has landed: every later service sees it."""

    tag: int
    legs: tuple[Leg, ...]
