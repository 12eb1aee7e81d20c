"""A control processor's table of launches under way: it spreads a launch over children and gathers their completions."""

from collections.abc import Iterable

from kernbench.common.messages.launch import LaunchDone

CONTROL_BYTES = 64
"""Size of a launch or completion on the network: one descriptor."""


class Fanout:
    """Counts a launch's children down and merges their intervals."""

    def __init__(self) -> None:
        self._pending: dict[int, list[str]] = {}
        self._so_far: dict[int, LaunchDone] = {}

    def expect(self, tag: int, children: Iterable[str]) -> None:
        """Begin launch `tag`, which is done when every child has reported."""
        self._pending[tag] = list(children)

    def report(self, child: str, done: LaunchDone) -> LaunchDone | None:
        """Take a child's completion; give the whole launch's when it was the last."""
        pending = self._pending[done.tag]
        pending.remove(child)
        merged = done.merge(self._so_far.pop(done.tag, done))
        if pending:
            self._so_far[done.tag] = merged
            return None
        del self._pending[done.tag]
        return merged

    def waiters(self, name: str) -> list[str]:
        """Name the children that have not reported."""
        return [f"{name}: launch {tag} waits for {', '.join(pending)}" for tag, pending in self._pending.items()]
