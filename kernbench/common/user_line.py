"""Where in the user's own files an error was raised."""

import os
import sysconfig
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

_ROOT = Path(__file__).parents[2]
_OURS = tuple(f"{_ROOT / package}{os.sep}" for package in ("kernbench", "actors", "tui"))
_BENCHES = f"{_ROOT / 'benches'}{os.sep}"
_STDLIB = f"{sysconfig.get_path('stdlib')}{os.sep}"
_INSTALLED = tuple(f"{os.sep}{name}{os.sep}" for name in ("site-packages", "dist-packages"))


def innermost(traceback: TracebackType | None, is_wanted: Callable[[str], bool]) -> str:
    """file:line of the innermost frame whose file is wanted; nothing if there is none."""
    line = ""
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if is_wanted(file):
            line = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return line


def user_line(traceback: TracebackType | None) -> str:
    """file:line of the innermost frame that is the user's own, else of a library's, never of kernbench's; else nothing.

    A packaged bench is a user's program: its line says what it asked for.
    """
    return innermost(traceback, _is_user_s) or innermost(traceback, _is_library_s)


def is_packaged(line: str) -> bool:
    """Whether a line is one of a bench that comes with kernbench."""
    return line.startswith(_BENCHES)


def _is_user_s(file: str) -> bool:
    """Neither kernbench's nor a library's: numpy fails where somebody calls it wrongly, and that line is the answer."""
    installed = file.startswith((*_OURS, _STDLIB)) or any(name in file for name in _INSTALLED)
    return is_packaged(file) or (Path(file).is_absolute() and not installed)


def _is_library_s(file: str) -> bool:
    return Path(file).is_absolute() and not file.startswith(_OURS)  # compiled code and <string> name no file
