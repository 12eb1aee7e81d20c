"""A place in a kernel, kept small: it is noted for each operation and read for few."""

from types import CodeType
from typing import TypeAlias

Site: TypeAlias = tuple[CodeType, int]
"""A place in a kernel: code object and instruction offset; `locate` makes file:line of it when somebody reads it."""


def locate(site: Site) -> str:
    """`file:line` of a site."""
    code, offset = site
    for index, position in enumerate(code.co_positions()):
        if 2 * index == offset:
            return f"{code.co_filename}:{position[0]}"
    return f"{code.co_filename}:{code.co_firstlineno}"
