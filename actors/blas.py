"""BLAS on one thread while SIPs run: the bytes of a matrix product depend on how many threads share it."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold the BLAS that numpy has loaded to one thread, and give back what it had.

    Workers also get environment variables for it; a run inside the caller's process, whose numpy may be loaded and
    used for other things, has only this.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415  # a run needs it, the command line does not

    with threadpool_limits(1, user_api="blas"):
        yield
