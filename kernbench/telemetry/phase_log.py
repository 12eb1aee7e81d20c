"""The named phases of one rank's run, told as they end; a reader may look at the latest ones at any time."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from kernbench.common.units import Fs
from kernbench.telemetry.frame import PhaseMark
from kernbench.telemetry.probe import Probe
from kernbench.telemetry.rows import PhaseRow

SHOWN = 16
SHOWN_OF_SIP = 4
"""Phases that a frame tells: so many, or as many for each SIP where those are more."""


def shown(sips: int) -> int:
    """The most phases in the frame of a worker of so many SIPs: of no SIP are they left out for those of others."""
    return max(SHOWN, SHOWN_OF_SIP * sips)


def latest(marks: Iterable[PhaseMark], sips: int) -> list[PhaseMark]:
    """What a frame tells of the phases of its SIPs, in the order of their starts: those that last, then the last to end.

    Else others, long ones among them, would never be seen to end.
    """
    found = sorted(marks, key=lambda mark: (mark.end is None, mark.end or mark.start))
    return sorted(found[-shown(sips) :], key=lambda mark: mark.start)


class PhaseLog:
    """Phases of one SIP nest: `with log.phase("all_reduce"): ...`. It schedules nothing and takes no simulated time.

    `marks` are the latest, those that last included; `ended` counts.
    """

    def __init__(self, sip: int, clock: Callable[[], Fs], probe: Probe) -> None:
        self._sip = sip
        self._clock = clock
        self._probe = probe
        self._open: list[PhaseMark] = []
        self._last: deque[PhaseMark] = deque(maxlen=SHOWN)
        self.ended = 0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """What happens inside is the phase."""
        self.begin(name)
        yield
        self.end()

    def begin(self, name: str) -> None:
        """A phase begins now, inside those that last."""
        self._open.append(PhaseMark(self._sip, name, self._clock(), None))

    def end(self, name: str | None = None) -> None:
        """The innermost phase ends now; `name` is a better one for it, if more is known by now."""
        mark = self._open.pop()
        row = PhaseRow(self._sip, name or mark.name, mark.start, self._clock())
        self._last.append(PhaseMark(row.sip, row.name, row.start, row.end))
        self.ended += 1
        if self._probe.phases:
            self._probe.emit(self._probe.phases, row)

    def drop(self) -> None:
        """The innermost phase turned out to be none."""
        self._open.pop()

    @property
    def marks(self) -> list[PhaseMark]:
        """Those that last and those that ended last, in the order of their starts."""
        marks = [*self._last, *self._open][-SHOWN:]
        return sorted(marks, key=lambda mark: mark.start)
