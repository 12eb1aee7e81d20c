"""How many engines of a SIP work at once: the integral from which overlap is read."""

from kernbench.common.units import Fs


class Activity:
    """`overlap(now)` is the sum of all engines' busy time minus the time in which any was busy, so far, in fs."""

    __slots__ = ("_busy", "_overlap", "_since")

    def __init__(self) -> None:
        self._busy = 0
        self._overlap: Fs = 0
        self._since: Fs = 0

    def begin(self, now: Fs) -> None:
        """One more engine works from now on."""
        self._settle(now)
        self._busy += 1

    def end(self, now: Fs) -> None:
        """One engine less works from now on."""
        self._settle(now)
        self._busy -= 1
        assert self._busy >= 0, "an engine ended that had not begun"

    def overlap(self, now: Fs) -> Fs:
        """Sum of busy times minus their union up to now."""
        self._settle(now)
        return self._overlap

    def _settle(self, now: Fs) -> None:
        if self._busy > 1:
            self._overlap += (self._busy - 1) * (now - self._since)
        self._since = now
