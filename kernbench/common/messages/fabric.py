"""What crosses between SIPs: packets, link credits, and what a packet may carry there."""

from typing import TypeAlias

import msgspec

from kernbench.common.units import Fs


class IpcqData(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=0):
    """One slot's worth of a send. The tail pointer rides with it: on arrival slot `slot` of queue `queue` is full.

    `queued` is the queueing (fs) on the critical path to its departure.
    `tag` is what the sender believes it does (group, sequence, operation, ...); a receiver that disagrees stops the run.
    """

    queue: str
    slot: int
    data: bytes | None
    size: int
    tag: str
    queued: Fs


class SlotCredit(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """The receiver of `queue` emptied `count` slots at `released` (fs); the sender may fill them again."""

    queue: str
    count: int
    released: Fs


class QueueOpen(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=2):
    """The receiver of `queue` reserved `slots` slots of `slot_bytes`; the sender starts with that many slot credits."""

    queue: str
    slots: int
    slot_bytes: int


FabricPayload: TypeAlias = IpcqData | SlotCredit | QueueOpen


class FabricPacket(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=0):
    """A whole packet on a link between SIPs, sent when its head starts; both times are final.

    `arrival` and `tail` are when head and tail are at the far end (fs); `sequence` counts 0, 1, 2, ... per (source,
    destination), packets and credits alike; `link` is the compiled index of the fabric link; `waits` is the packet's
    queueing so far in the order of `packet.REASONS`.
    """

    arrival: Fs
    source: int
    sequence: int
    destination: int
    link: int
    lane: int
    tail: Fs
    size: int
    created: Fs
    waits: tuple[int, ...]
    transfer: int
    total: int
    slowest: int
    kind: int
    last: bool
    src: str
    dst: str
    payload: FabricPayload | None


class LinkCredit(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """Buffer space of a fabric link's lane that became free at its far end, back at the sender at `arrival`."""

    arrival: Fs
    source: int
    sequence: int
    destination: int
    link: int
    lane: int
    amount: int


FabricMessage: TypeAlias = FabricPacket | LinkCredit
