"""What one SIP reports at the end of a run; the parts that tests and users read are put together by `actors.simulation`."""

from typing import Any

import msgspec

from kernbench.common.units import Fs


class LinkReport(msgspec.Struct, frozen=True, array_like=True):
    """A link's books: bytes taken in and delivered, fs busy, the sum of head-arrival times, fs waited by reason.

    A link between SIPs has two: the transmitter's knows what went in, the receiver's what came out.
    """

    name: str
    packets: int
    bytes_in: int
    bytes_out: int
    busy: Fs
    head_sum: Fs
    blocked: list[Fs]
    bw: int


class SipReport(msgspec.Struct, frozen=True):
    """Digest halves, times (fs), books and the rank's rows of one SIP; `audit` lists what does not balance."""

    sip: int
    digest_time: str
    digest_values: str
    last_event: Fs
    finished_at: Fs | None
    kernels: int
    links: list[LinkReport]
    rows: list[dict[str, Any]]
    audit: list[str]
