"""A plain table: aligned columns, none cut, no wider than the terminal."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import NamedTuple

from kernbench.cli.terminal import printable

UNLIMITED = 10**6


class Column(NamedTuple):
    """A column: its heading (lines), its cells, and whether it is text, which is aligned left."""

    heading: tuple[str, ...]
    cells: tuple[str, ...]
    text: bool = False

    @property
    def width(self) -> int:
        """The widest of its lines."""
        return max(map(len, (*self.heading, *self.cells)))

    def lines(self, height: int) -> list[str]:
        """Heading (aligned at its foot, to `height` lines) and cells, all equally wide."""
        lines = [""] * (height - len(self.heading)) + [*self.heading, *self.cells]
        return [f"{line:<{self.width}}" if self.text else f"{line:>{self.width}}" for line in lines]


def column(heading: str, cells: Sequence[object], *, text: bool = False) -> Column:
    """A column of printable text; the heading breaks at line ends."""
    return Column(
        tuple(printable(heading).split("\n")), tuple(printable(str(cell)).replace("\n", " ") for cell in cells), text
    )


def terminal_width() -> int:
    """COLUMNS, else the width of the terminal; what goes into a file or a pipe is not broken."""
    if os.environ.get("COLUMNS", "").isdecimal() or (sys.stdout is not None and sys.stdout.isatty()):
        return shutil.get_terminal_size().columns
    return UNLIMITED


def render(columns: Sequence[Column], width: int) -> str:
    """The table; columns that do not fit stand below the others, after the first column once more."""
    gap = next((gap for gap in (2, 1) if _width(columns, gap) <= width), 1)
    first, *rest = columns
    blocks = [[first]]
    for each in rest:
        if len(blocks[-1]) > 1 and _width([*blocks[-1], each], gap) > width:
            blocks.append([first])
        blocks[-1].append(each)
    return "\n\n".join(_render_block(block, " " * gap) for block in blocks)


def _width(columns: Sequence[Column], gap: int) -> int:
    return sum(each.width + gap for each in columns) - gap


def _render_block(block: Sequence[Column], gap: str) -> str:
    height = max(len(each.heading) for each in block)
    rows = zip(*(each.lines(height) for each in block), strict=True)
    return "\n".join(gap.join(row).rstrip() for row in rows)
