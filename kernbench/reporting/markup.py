"""Text and numbers on their way into a page: escaped, without control characters, each with its unit."""

import json
from html import escape
from typing import Any

from kernbench.common.units import FS_PER_NS, format_time


def text(value: object) -> str:
    """Any value as text of a page: never markup, never a mark that turns or hides what follows."""
    return escape("".join(char if char.isprintable() else "?" for char in str(value)))


def data(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    return (
        json.dumps(value, separators=(",", ":")).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    )


def time(value_ns: float | None) -> str:
    """A time in ns with the unit that reads best."""
    return "-" if value_ns is None else format_time(round(value_ns * FS_PER_NS))


def percent(share: float | None) -> str:
    """A share as a percentage."""
    return "-" if share is None else f"{share:.1%}"


def step(permille: int) -> int:
    """Which of ten colours stands for a share of 0 to 1000."""
    return min(9, permille // 100)
