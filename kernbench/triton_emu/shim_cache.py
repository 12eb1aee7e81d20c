"""`triton.runtime.cache`: a cache that is always empty, since a run is to follow from its program, not from runs before it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def default_cache_dir() -> str:
    """Where Triton would keep what it has compiled."""
    return str(Path.home() / ".triton" / "cache")


class FileCache:
    """The files of one `key`. Libraries derive classes of their own from it; nothing is written, nothing found."""

    def __init__(self, key: str, override: bool = False, dump: bool = False) -> None:
        del override, dump
        self.key = key
        self.cache_dir = str(Path(default_cache_dir()) / key)

    def has_file(self, _filename: str) -> bool:
        """Whether a file is kept: none is."""
        return False

    def get_file(self, _filename: str) -> str | None:
        """The path of a file that is kept."""
        return None

    def get_group(self, _filename: str) -> dict[str, str] | None:
        """The paths of files that were kept together."""
        return None

    def put(self, _data: Any, filename: str, binary: bool = True) -> str:
        """The path that a file would have."""
        del binary
        return str(Path(self.cache_dir) / filename)

    def put_group(self, filename: str, _group: Mapping[str, str]) -> str:
        """The path that a list of files would have."""
        return self.put("", filename)


def get_cache_manager(key: str) -> FileCache:
    """The files of one key."""
    return FileCache(key)


NAMES = {
    "default_cache_dir": default_cache_dir,
    "get_cache_manager": get_cache_manager,
    "CacheManager": FileCache,
    "FileCacheManager": FileCache,
}
"""The module's names."""
