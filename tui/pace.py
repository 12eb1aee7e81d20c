"""The pace of pictures: half as many when drawing takes over half its period, twice as many after a second that it does not."""

FASTEST_S, SLOWEST_S = 0.1, 1.6
PATIENCE, RECOVERY_S = 3, 1.0


class Pace:
    """`period_s` between two pictures."""

    def __init__(self, period_s: float = FASTEST_S) -> None:
        self._fastest_s = period_s
        self.period_s = period_s
        self._late = 0
        self._quick_since_s = 0.0

    @property
    def slow(self) -> bool:
        """Whether there are fewer pictures than wanted."""
        return self.period_s > self._fastest_s

    def note(self, spent_s: float, at_s: float) -> None:
        """A picture took so long and was there at this moment.

        Recovery is told by the clock: slow pictures are far between, and so many of them would take minutes.
        """
        late = spent_s > self.period_s / 2
        self._late = self._late + 1 if late else 0
        if spent_s >= self.period_s / 8:
            self._quick_since_s = at_s
        if self._late >= PATIENCE and self.period_s < SLOWEST_S:
            self._change(self.period_s * 2, at_s)
        elif self.slow and at_s - self._quick_since_s >= RECOVERY_S:
            self._change(self.period_s / 2, at_s)

    def _change(self, period_s: float, at_s: float) -> None:
        self.period_s = period_s
        self._late = 0
        self._quick_since_s = at_s
