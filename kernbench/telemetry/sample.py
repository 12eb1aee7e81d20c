"""A sample: one thing that happened in a SIP, as a sink is told."""

from typing import NamedTuple

from kernbench.common.units import Fs


class Sample(NamedTuple):
    """From `start` to `end` (fs) at the place `name`: `what` happened, to `amount` (bytes, or a sequence number).

    Kinds: `link` (a packet of `amount` bytes holds the link), `unit` (an engine works on operation `amount`), `kernel`
    (a launch's share runs on a PE).
    """

    what: str
    name: str
    start: Fs
    end: Fs
    amount: int
