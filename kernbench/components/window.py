"""A window: how many bytes a requester may have asked for and not yet got, first come, first served.

Why bytes and not requests: docs/adr/0006-dma-windows-in-bytes.md.
"""

from collections import deque
from collections.abc import Callable


class Window:
    """Room for answers, reserved before a request is issued: an answer can then always be taken in.

    A request larger than the window has it alone.
    """

    __slots__ = ("_free", "_waiting", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._free = size
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()

    def reserve(self, size: int, issue: Callable[[], None]) -> None:
        """Call `issue` when `size` bytes are free and everybody before has had his turn."""
        self._waiting.append((min(size, self.size), issue))
        self._serve()

    def release(self, size: int) -> None:
        """Give the room of an answered request back."""
        self._free += min(size, self.size)
        self._serve()

    @property
    def held(self) -> int:
        """Bytes reserved and not given back."""
        return self.size - self._free

    def _serve(self) -> None:
        waiting = self._waiting
        while waiting and waiting[0][0] <= self._free:
            size, issue = waiting.popleft()
            self._free -= size
            issue()
