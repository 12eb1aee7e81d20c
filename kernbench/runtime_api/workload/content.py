"""The bytes of a file that a user named: a regular one, since a device or a pipe has no end that one could know."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernbench.common.errors import UsageError

MOST_BYTES = 1 << 31
"""No file of a workload is larger; a sparse one of 1 TiB costs its writer nothing."""


def content_of(file: str | Path, most: int = MOST_BYTES) -> bytes:
    """All bytes, at most so many; what cannot be read or is larger is a UsageError."""
    path = Path(file)
    with _refusals(file):
        if path.exists() and not path.is_file():
            raise UsageError(f"{file}: it is no regular file; name one")
        size = path.stat().st_size
        if size > most:
            raise UsageError(f"{file}: {size} bytes are over the limit of {most}; name a smaller file")
        return path.read_bytes()


def stamp_of(file: Path) -> tuple[int, int]:
    """When it was changed last (ns) and its size: other bytes have another stamp."""
    with _refusals(file):
        found = file.stat()
        return found.st_mtime_ns, found.st_size


@contextmanager
def _refusals(file: str | Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise UsageError(f"{file}: {getattr(error, 'strerror', None) or error}; name a readable file") from error
