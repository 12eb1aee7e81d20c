"""Requests to a memory controller and its answers; all are payloads of packets inside one SIP."""

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


class ReadResponse(msgspec.Struct):
    """The bytes of a read. They are sampled when the controller serves the last of them, hence not frozen."""

    tag: int
    segments: tuple[Segment, ...]
    data: bytes | None
    legs: tuple[Leg, ...]


class WriteAck(msgspec.Struct, frozen=True):
    """A write has landed: every later service sees it."""

    tag: int
    legs: tuple[Leg, ...]
