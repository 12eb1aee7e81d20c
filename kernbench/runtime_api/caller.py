"""Where a program called this package: what a message about a collective names."""

import sys
from pathlib import Path

_HERE = str(Path(__file__).parent)


def caller() -> str:
    """file:line of the program that called, outside this package."""
    frame = sys._getframe(1)  # noqa: SLF001  # the documented way to look at a caller
    while frame.f_code.co_filename.startswith(_HERE) and frame.f_back is not None:
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
