"""The rows that a run leaves behind: operations, kernels, phases, messages and links, all times in fs."""

from typing import Annotated

import msgspec

from kernbench.common.units import BytesPerSecond, Fs, carry_time

PARTS = ("busy", "no_work", "wait_data", "wait_tcm", "wait_credit", "wait_queue")
"""What an engine's time in a kernel divides into, exactly."""


class OperationRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One operation of a kernel on an engine of a PE (`sip0.cube00.pe0`).

    `unit` is the engine's full name, `kind` what it did (`load`, `store`, `gemm`, `math`, `send`, `recv`, ...). It was
    issued, became ready (all inputs there), held the engine from `start` on and ended at `end`. `sequence` numbers the
    operations of a PE; `cause` is the sequence of the one whose end made this one ready, -1 when only the program did.
    `queued` is the queueing on the critical path that led to its end. `amount` is bytes moved or floating-point
    operations. A send and the recv that takes its message have the same `flow`; other operations have "". At `freed` the
    engine could take another operation: a DMA channel before its operation ends, so `start` to `freed` never overlap.
    The message of a receive was there at `arrived`, before its receive or later; the slot that a send waited for was free
    at `released`, at its receiver. Others have -1, as has what recorded none.
    """

    pe: str
    unit: str
    kind: str
    sequence: int
    kernel: str
    issued: Fs
    ready: Fs
    start: Fs
    end: Fs
    cause: int
    queued: Fs
    amount: int
    flow: str
    freed: Fs = 0
    arrived: Fs = -1
    released: Fs = -1


class KernelRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The share of one launch that ran on one PE; `engines` maps each engine to its PARTS, which sum to end - start."""

    pe: str
    kernel: str
    launch: int
    start: Fs
    end: Fs
    operations: int
    engines: dict[str, tuple[int, ...]]


class PhaseRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A named stretch of one rank's run: a row of its bench, a collective, a layer. Phases of one SIP nest."""

    sip: int
    name: str
    start: Fs
    end: Fs


class PacketRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A packet of `size` bytes held a link from `start` to `end`."""

    link: str
    start: Fs
    end: Fs
    size: int


class LinkRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The books of one link: what it moved, how long it was busy, what its packets waited for, by reason."""

    name: str
    kind: str
    bw: Annotated[BytesPerSecond, msgspec.Meta(ge=1)]
    packets: int
    moved: int
    busy: Fs
    blocked: dict[str, Fs]


class Utilisation(msgspec.Struct, frozen=True):
    """Busy time (fs) and bytes of every used link in consecutive buckets of `width` fs of simulated time from 0 on.

    Bucket n of `busy[name]` covers [n * width, (n + 1) * width); the sums over buckets are the link's totals.
    """

    width: Fs
    busy: dict[str, list[int]]
    moved: dict[str, list[int]]

    def use(self, name: str, bw: BytesPerSecond) -> list[Fs]:
        """What the bytes of a link take at its bandwidth, by buckets; in none longer than it was busy there.

        A packet whose tail comes over a slower link holds every link behind that one as long: all are busy, one is the reason.
        """
        both = zip(self.busy.get(name, ()), self.moved.get(name, ()), strict=True)
        return [min(busy, carry_time(moved, bw)) for busy, moved in both]
