"""What a host asks of a PE's DMA and IPCQ directly, and their answers; all are control packets inside one SIP."""

from collections.abc import Mapping

import msgspec

from kernbench.common.completion import Leg


class DmaCommand(msgspec.Struct, frozen=True):
    """Read or write `size` bytes at virtual `address` (the bytes themselves are of no interest: zeros are written)."""

    tag: int
    reply_to: str
    address: int
    size: int
    write: bool


class DmaDone(msgspec.Struct, frozen=True):
    """A DMA command has ended; the legs of its critical path."""

    tag: int
    legs: tuple[Leg, ...]


class ConnectCommand(msgspec.Struct, frozen=True):
    """Open this PE's ends of IPCQ queues: `receive` and `send` map queue name to the peer's endpoint.

    A receiving end has `slots` of `slot_bytes`; 0 stands for what the topology says.
    """

    tag: int
    reply_to: str
    receive: Mapping[str, str]
    send: Mapping[str, str]
    slots: int = 0
    slot_bytes: int = 0


class ConnectDone(msgspec.Struct, frozen=True):
    """Every receiving end is reserved and every sending end has its slot credits."""

    tag: int
