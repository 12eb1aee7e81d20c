"""A control processor's table of launches under way: it spreads a launch over children and gathers their completions."""

from collections.abc import Iterable

from kernbench.common.messages.launch import LaunchDone
from kernbench.common.units import Fs

CONTROL_BYTES = 64
"""Size of a launch or completion on the network: one descriptor."""


class Fanout:
    """Counts a launch's children down and merges their intervals."""

    def __init__(self) -> None:
        self._pending: dict[int, list[str]] = {}
        self._interval: dict[int, tuple[Fs, Fs]] = {}

    def expect(self, tag: int, children: Iterable[str]) -> None:
        """Begin launch `tag`, which is done when every child has reported."""
        self._pending[tag] = list(children)

    def report(self, child: str, done: LaunchDone) -> LaunchDone | None:
        """Take a child's completion; give the whole launch's when it was the last."""
        pending = self._pending[done.tag]
        pending.remove(child)
        start, end = self._interval.get(done.tag, (done.start, done.end))
        self._interval[done.tag] = interval = min(start, done.start), max(end, done.end)
        if pending:
            return None
        del self._pending[done.tag], self._interval[done.tag]
        return LaunchDone(done.tag, *interval)

    def waiters(self, name: str) -> list[str]:
        """Name the children that have not reported."""
        return [f"{name}: launch {tag} waits for {', '.join(pending)}" for tag, pending in self._pending.items()]
