"""What a call that uses the fabric gives back: when its device time began and ended, and how to wait for it."""

from collections.abc import Callable

from kernbench.common.completion import Completion, RequestHandle
from kernbench.common.units import Fs, ns
from kernbench.runtime_api.rank import Rank

POLL = ns(100)
"""Host time of a look at a Work that is not complete: a loop of looks takes time, as on a real host."""


class Work:
    """A launch under way or done. After `wait`: where its device time began and ended, what the launch around it took.

    `queued` is the queueing on its critical path, `overlap` the engines' busy time minus its union (all fs).
    """

    def __init__(self, rank: Rank, handle: RequestHandle, after: Callable[[], None] | None = None) -> None:
        self._rank = rank
        self._handle = handle
        self._after = after

    @property
    def handle(self) -> RequestHandle:
        """The request; who waits for the first of several waits for these."""
        return self._handle

    def wait(self) -> bool:
        """Suspend the rank until it is done; True, as in torch."""
        self._rank.wait(self._handle)
        after, self._after = self._after, None
        if after is not None:
            after()
        return True

    def then(self, action: Callable[[], None]) -> None:
        """Do this too when it has been waited for."""
        before = self._after

        def after() -> None:
            if before is not None:
                before()
            action()

        self._after = after

    def is_completed(self) -> bool:
        """Whether it is done; a look that finds it under way takes 100 ns of host time."""
        if not self._handle.done:
            self._rank.pause(POLL)
        return self._handle.done

    @property
    def _completion(self) -> Completion:
        completion = self._handle.completion
        if completion is None:
            self._rank.wait(self._handle)
            completion = self._handle.completion
        assert completion is not None
        return completion

    @property
    def start(self) -> Fs:
        """Start of the first program on this rank's device."""
        return self._completion.device_start

    @property
    def end(self) -> Fs:
        """Retirement of the last one."""
        return self._completion.device_end

    @property
    def launch(self) -> Fs:
        """What host and control add around it."""
        return self._completion.latency - (self.end - self.start)

    @property
    def queued(self) -> Fs:
        """The queueing on its critical path."""
        return self._completion.queued

    @property
    def overlap(self) -> Fs:
        """The engines' busy time minus its union."""
        return self._completion.overlap


def done(rank: Rank, after: Callable[[], None] | None = None) -> Work:
    """A Work that needed no device."""
    handle = RequestHandle(None)
    now = rank.now()
    handle.completion = Completion(now, now, device_start=now, device_end=now)
    return Work(rank, handle, after)
