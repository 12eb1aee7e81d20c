"""The pace of pictures: half as many when drawing takes over half its period, as many as before when it does not."""

FASTEST_S, SLOWEST_S = 0.1, 1.6
PATIENCE, RECOVERY = 3, 50


class Pace:
    """`period_s` between two pictures."""

    def __init__(self, period_s: float = FASTEST_S) -> None:
        self._fastest_s = period_s
        self.period_s = period_s
        self._late = 0
        self._early = 0

    @property
    def slow(self) -> bool:
        """Whether there are fewer pictures than wanted."""
        return self.period_s > self._fastest_s

    def note(self, spent_s: float) -> None:
        """A picture took so long."""
        late = spent_s > self.period_s / 2
        self._late = self._late + 1 if late else 0
        self._early = self._early + 1 if spent_s < self.period_s / 8 else 0
        if self._late >= PATIENCE and self.period_s < SLOWEST_S:
            self.period_s *= 2
            self._late = self._early = 0
        elif self._early >= RECOVERY and self.slow:
            self.period_s /= 2
            self._late = self._early = 0
