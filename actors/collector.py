"""Python's collector of cycles while SIPs run: seldom, since packets come and go by the million and are in no cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

YOUNG, MIDDLE, OLD = 200_000, 20, 100
"""Objects that pile up before the young are looked at, and so many looks of one generation before one of the next.

By Python's own 700 a run of 8 SIPs spent 10 to 20 % of its time looking at packets under way.
"""


class _Setting:
    """What the process had set before the first of the runs that are under way."""

    runs = 0
    before = gc.get_threshold()
    lock = Lock()


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Have the collector look seldom, and give back what was set when the last run is over, in whatever order they end.

    Memory that no cycle holds is freed at once as ever.
    """
    with _Setting.lock:
        if not _Setting.runs:
            _Setting.before = gc.get_threshold()
            gc.set_threshold(YOUNG, MIDDLE, OLD)
        _Setting.runs += 1
    try:
        yield
    finally:
        with _Setting.lock:
            _Setting.runs -= 1
            if not _Setting.runs:
                gc.set_threshold(*_Setting.before)
