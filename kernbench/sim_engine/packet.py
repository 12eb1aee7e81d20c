"""A packet: the unit that links carry whole, with its route, its two arrival times and an account of its waiting."""

from enum import IntEnum
from typing import TYPE_CHECKING, Any

from kernbench.common.units import Fs

if TYPE_CHECKING:
    from kernbench.sim_engine.link import Channel


class MessageClass(IntEnum):
    """What a packet is to the network. Classes never share buffers, so a response always gets past requests."""

    REQUEST = 0
    RESPONSE = 1
    IPCQ = 2
    CONTROL = 3


class Reason(IntEnum):
    """Where a packet's time goes besides moving; indexes `Packet.waits`.

    `OWN_STREAM` is the wait behind earlier quanta of the same transfer and counts as serialisation.
    """

    LINK_BUSY = 0
    NO_CREDIT = 1
    HEAD_OF_LINE = 2
    TARGET_BUSY = 3
    OWN_STREAM = 4
    WIRE = 5
    OVERHEAD = 6


REASONS = tuple(reason.name.lower() for reason in Reason)


class Packet:
    """A packet under way.

    `head` and `tail` are when its first and last byte are (or will be) at the FIFO that it is in or on its way to;
    `route[hop]` is the channel that it takes next. `transfer` identifies the stream of
    `total` bytes that it is a quantum of, `slowest` is the lowest bandwidth of the SIPs that it has left; the `payload` takes effect with the `last` quantum, the others show what they are part of.
    """

    __slots__ = (
        "created",
        "dst",
        "head",
        "hop",
        "kind",
        "last",
        "payload",
        "route",
        "size",
        "slowest",
        "src",
        "tail",
        "total",
        "transfer",
        "waits",
    )

    def __init__(
        self,
        route: "tuple[Channel, ...]",
        size: int,
        kind: MessageClass,
        src: int,
        dst: int,
        transfer: int,
        total: int,
        created: Fs,
        now: Fs,
        *,
        last: bool,
        payload: Any,
    ) -> None:
        self.route = route
        self.hop = 0
        self.size = size
        self.kind = kind
        self.src = src
        self.dst = dst
        self.transfer = transfer
        self.total = total
        self.slowest = 0
        self.created = created
        self.head = now
        self.tail = now
        self.last = last
        self.payload = payload
        self.waits = [0, 0, 0, 0, 0, 0, 0]
