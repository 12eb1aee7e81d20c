"""What a host program asks of its device. The tensor API, probes and collectives are built on these."""

from collections.abc import Mapping
from typing import Any

import msgspec

from kernbench.common.units import Fs


class MemoryWriteMsg(msgspec.Struct, frozen=True):
    """Write `size` bytes at virtual `address` of the device's memory; `data` is None with values off."""

    address: int
    size: int
    data: bytes | None


class MemoryReadMsg(msgspec.Struct, frozen=True):
    """Read `size` bytes at virtual `address` of the device's memory."""

    address: int
    size: int


class PeDmaMsg(msgspec.Struct, frozen=True):
    """Have the DMA of PE `pe` (such as `cube00.pe0`) read or write `size` bytes at virtual `address`."""

    pe: str
    address: int
    size: int
    write: bool


class KernelLaunchMsg(msgspec.Struct, frozen=True):
    """Run a kernel's grid on `pes`, in that order; `launch` is the kernel with its arguments, opaque to the hardware.

    `what` says in the program's words what it is for; a deadlock is reported with it.
    """

    launch: Any
    pes: tuple[str, ...]
    what: str = ""


class QueueConnectMsg(msgspec.Struct, frozen=True):
    """Open both ends that PE `pe` has of some IPCQ queues: `receive` and `send` map queue name to the peer's endpoint.

    Complete when every receiving end is reserved and every sending end has heard from its receiver. A receiving end has
    `slots` of `slot_bytes`, as the topology says where they are 0.
    """

    pe: str
    receive: Mapping[str, str]
    send: Mapping[str, str]
    slots: int = 0
    slot_bytes: int = 0
    what: str = ""


class Submit(msgspec.Struct, frozen=True):
    """A rank program hands over a request and goes on; it is resumed with the RequestHandle."""

    message: Any


class Wait(msgspec.Struct, frozen=True):
    """A rank program waits for a request; it is resumed with the Completion."""

    handle: Any


class WaitAny(msgspec.Struct, frozen=True):
    """A rank program waits for the first of some requests; it is resumed when one of them is done.

    Answers reach a host over one link, one after another: no two are done at one instant, so none depends on its order.
    """

    handles: tuple[Any, ...]


class Pause(msgspec.Struct, frozen=True):
    """A rank program does nothing for `time` (fs)."""

    time: Fs


class Breath(msgspec.Struct, frozen=True):
    """A rank program that works without the device lets the window end, so that stops and pauses are seen; it takes no time."""


class Mark(msgspec.Struct, frozen=True):
    """A rank program asks for the simulated time (fs)."""
