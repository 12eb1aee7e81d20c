"""The bytes of a file that a user named: a regular one, since a device or a pipe has no end that one could know."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kernbench.common.errors import UsageError


def content_of(file: str | Path) -> bytes:
    """All bytes; what cannot be read is a UsageError."""
    path = Path(file)
    with _refusals(file):
        if path.exists() and not path.is_file():
            raise UsageError(f"{file}: it is no regular file; name one")
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
