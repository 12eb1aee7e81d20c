"""Overlap: how much of each SIP's communication happens while it computes."""

from collections.abc import Iterable
from typing import Any

from kernbench.common.units import Fs, to_ns
from kernbench.reporting.interval import Interval, intersection, length, union
from kernbench.reporting.share import ratio
from kernbench.telemetry.rows import OperationRow

COMPUTE = frozenset(("gemm", "math"))


class SipTime:
    """The stretches of one SIP's time in which it computes, and in which messages are on their way to or from it.

    `working` is when it had operations: it was in a kernel then, and a message may come before that began.
    """

    def __init__(self) -> None:
        self.compute: list[Interval] = []
        self.messages: list[Interval] = []
        self.working: list[Interval] = []


def sip_times(operations: Iterable[OperationRow]) -> dict[int, SipTime]:
    """Times of all SIPs, merged.

    A receive counts from when its message was sent, not from when it began to wait; a message that came before its receive
    counts until it was there, and not while it lay in its slot.
    """
    found: dict[int, SipTime] = {}
    sent: dict[str, Fs] = {}
    receives: list[OperationRow] = []
    for row in operations:
        time = found.setdefault(sip_of(row.pe), SipTime())
        time.working.append((row.start, row.end))
        if row.kind in COMPUTE:
            time.compute.append((row.start, row.end))
        elif row.kind == "send":
            time.messages.append((row.start, row.end))
            sent[row.flow] = row.start
        elif row.kind == "recv":
            receives.append(row)
    for row in receives:
        begun = sent.get(row.flow, row.start)
        found[sip_of(row.pe)].messages += [(begun, row.arrived), (max(row.start, begun), row.end)]
    for time in found.values():
        time.compute = union(time.compute)
        time.messages = union(time.messages)
        time.working = union(time.working)
    return found


def sip_of(name: str) -> int:
    """The number of the SIP that a name begins with."""
    return int(name.partition(".")[0].removeprefix("sip"))


def overlap_documents(times: dict[int, SipTime], kernels: dict[int, list[Interval]]) -> list[dict[str, Any]]:
    """Each SIP's time in kernels: computing, communicating, both, neither."""
    found = []
    for sip in sorted(times):
        time = times[sip]
        inside = union([*kernels.get(sip, []), *time.working])
        messages = intersection(time.messages, inside)
        both = length(intersection(time.compute, messages))
        either = length(union([*time.compute, *messages]))
        found.append(
            {
                "sip": sip,
                "kernel_ns": to_ns(length(inside)),
                "compute_ns": to_ns(length(time.compute)),
                "communication_ns": to_ns(length(messages)),
                "both_ns": to_ns(both),
                "neither_ns": to_ns(length(inside) - either),
                "hidden_share": ratio(both, length(messages)),
            }
        )
    return found
