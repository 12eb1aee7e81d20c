"""Overlap: how much of each SIP's communication happens while it computes."""

from collections.abc import Iterable
from typing import Any

from kernbench.common.units import Fs, to_ns
from kernbench.reporting.interval import Interval, intersection, length, union
from kernbench.reporting.share import ratio
from kernbench.telemetry.rows import OperationRow

COMPUTE = frozenset(("gemm", "math"))
MESSAGES = frozenset(("send", "recv"))


class SipTime:
    """The stretches of one SIP's time in which it computes, and in which messages are on their way to or from it."""

    def __init__(self) -> None:
        self.compute: list[Interval] = []
        self.messages: list[Interval] = []


def sip_times(operations: Iterable[OperationRow]) -> dict[int, SipTime]:
    """Times of all SIPs, merged; a receive counts from when its message was sent, not from when it began to wait."""
    found: dict[int, SipTime] = {}
    sent: dict[str, Fs] = {}
    receives: list[OperationRow] = []
    for row in operations:
        time = found.setdefault(sip_of(row.pe), SipTime())
        if row.kind in COMPUTE:
            time.compute.append((row.start, row.end))
        elif row.kind == "send":
            time.messages.append((row.start, row.end))
            sent[row.flow] = row.start
        elif row.kind == "recv":
            receives.append(row)
    for row in receives:
        begun = max(row.start, sent.get(row.flow, row.start))
        found[sip_of(row.pe)].messages.append((begun, row.end))
    for time in found.values():
        time.compute = union(time.compute)
        time.messages = union(time.messages)
    return found


def sip_of(name: str) -> int:
    """The number of the SIP that a name begins with."""
    return int(name.partition(".")[0].removeprefix("sip"))


def overlap_documents(times: dict[int, SipTime], kernels: dict[int, list[Interval]]) -> list[dict[str, Any]]:
    """Each SIP's time in kernels: computing, communicating, both, neither."""
    found = []
    for sip in sorted(times):
        time = times[sip]
        both = length(intersection(time.compute, time.messages))
        either = length(union([*time.compute, *time.messages]))
        inside = max(length(kernels.get(sip, [])), either)
        messages = length(time.messages)
        found.append(
            {
                "sip": sip,
                "kernel_ns": to_ns(inside),
                "compute_ns": to_ns(length(time.compute)),
                "communication_ns": to_ns(messages),
                "both_ns": to_ns(both),
                "neither_ns": to_ns(inside - either),
                "hidden_share": ratio(both, messages),
            }
        )
    return found
