"""Python's collector of cycles while SIPs run: seldom, since packets come and go by the million and are in no cycle."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG, MIDDLE, OLD = 200_000, 20, 100
"""Objects that pile up before the young are looked at, and so many looks of one generation before one of the next.

By Python's own 700 a run of 8 SIPs spent 10 to 20 % of its time looking at packets under way.
"""


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Have the collector look seldom, and give back what was set. Memory that no cycle holds is freed at once as ever."""
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
    try:
        yield
    finally:
        gc.set_threshold(*before)
