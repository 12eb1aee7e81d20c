"""What is recorded of a run, as it travels to the processes that record it."""

import msgspec

from kernbench.common.units import Fs


class Recording(msgspec.Struct, frozen=True, array_like=True):
    """Where a run leaves its records and how much of them: nothing of it reaches a result.

    Every `period_s` of real time each worker publishes a frame and keeps it, all of them within `frame_bytes`. A SIP
    keeps at most `rows` rows of operations and as many of kernels, counts the others, and writes them every `flush_s`.
    Utilisation begins with buckets of `width` fs. `packets` keeps every packet from the first on, for a trace.
    """

    directory: str
    period_s: float = 0.1
    frame_bytes: int = 1 << 26
    rows: int = 200_000
    width: Fs = 10**8
    flush_s: float = 2.0
    packets: bool = False

    def with_room(self) -> "Recording":
        """The same with room for every operation of all but the longest runs: for who wants to count them."""
        return msgspec.structs.replace(self, rows=10**7)
