"""What was read and what was ignored, counted by kind, with the reason."""

from collections import Counter


class Inventory:
    """Counts of what a reader met."""

    def __init__(self) -> None:
        self._read: Counter[str] = Counter()
        self._ignored: Counter[tuple[str, str]] = Counter()

    def take(self, kind: str) -> None:
        """One that will be replayed."""
        self._read[kind] += 1

    def ignore(self, kind: str, reason: str) -> None:
        """One that will not be."""
        self._ignored[kind, reason] += 1

    def notes(self) -> list[str]:
        """A line for all that is replayed, and one for each kind that is not."""
        read = ", ".join(f"{count} {kind}" for kind, count in sorted(self._read.items())) or "nothing"
        return [
            f"replays {read}",
            *(f"ignores {count} {kind}: {reason}" for (kind, reason), count in sorted(self._ignored.items())),
        ]
