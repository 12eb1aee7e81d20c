"""Programs that suspend into the loop that steps their SIP: the only user of greenlet."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from greenlet import GreenletExit, getcurrent, greenlet

PATIENCE = 8
"""Waits of a program that is to end, after which it is left as it is."""


class Coroutine:
    """A host program or kernel that runs on its own stack and hands requests to the loop that resumes it.

    `resume(value)` runs it until its next `suspend(request)` and returns that request, or sets `finished` and returns
    the program's result. Its parent is whoever resumes it, never its creator: a program cannot outlive or bypass the
    loop that steps its SIP. Exceptions of the program come out of `resume`.
    """

    __slots__ = ("_greenlet", "finished")

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._greenlet = greenlet(lambda _value: function(*args))
        self.finished = False

    def resume(self, value: Any = None) -> Any:
        """Run to the next suspension. The caller becomes the parent for this leg."""
        self._greenlet.parent = getcurrent()
        return self._collect(self._greenlet.switch(value))

    def throw(self, error: BaseException) -> Any:
        """Raise `error` inside the program, at its suspension point."""
        self._greenlet.parent = getcurrent()
        return self._collect(self._greenlet.throw(error))

    def abandon(self) -> None:
        """End the program where it waits, its `finally` clauses included; one that goes on waiting there is left.

        A stack that waits for ever is seen by no collector, and would keep all that its program knows.
        """
        for _ in range(PATIENCE):
            if self._greenlet.dead or not self._greenlet:
                break
            with suppress(BaseException):  # whatever the program says now, nobody hears it
                self.throw(GreenletExit())
        self.finished = True

    def _collect(self, value: Any) -> Any:
        self.finished = self._greenlet.dead
        return value


def suspend(request: Any) -> Any:
    """From inside a program: hand `request` to the loop and return what it resumes the program with."""
    parent = getcurrent().parent
    if parent is None:
        raise RuntimeError("suspend() outside a program: only host programs and kernels run by a SIP may wait")
    return parent.switch(request)
