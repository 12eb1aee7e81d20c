"""Tables for a reader: what the columns are is said here, rich draws them; plain text, none cut."""

import os
import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from kernbench.cli.terminal import printable

if TYPE_CHECKING:
    from rich.table import Table

UNLIMITED = 10**6
LEAST_PROSE = 30
"""Prose is not folded into a column narrower than this; the terminal breaks its lines then."""


class Column(NamedTuple):
    """A column: its heading (the unit in it), its cells, and whether it is text, which is aligned left."""

    heading: str
    cells: tuple[str, ...]
    text: bool = False


def column(heading: str, cells: Sequence[object], *, text: bool = False) -> Column:
    """A column of printable text; the heading breaks at line ends."""
    return Column(printable(heading), tuple(printable(str(cell)).replace("\n", " ") for cell in cells), text)


def terminal_width() -> int:
    """COLUMNS, else the width of the terminal; what goes into a file or a pipe is not broken."""
    if os.environ.get("COLUMNS", "").isdecimal() or (sys.stdout is not None and sys.stdout.isatty()):
        return shutil.get_terminal_size().columns
    return UNLIMITED


def render(columns: Sequence[Column], width: int) -> str:
    """The table; columns that do not fit stand below the others, after the first column once more."""
    gap = next((gap for gap in (2, 1) if _width(_table(columns, gap)) <= width), 1)
    first, *rest = columns
    blocks = [[first]]
    for each in rest:
        if len(blocks[-1]) > 1 and _width(_table([*blocks[-1], each], gap)) > width:
            blocks.append([first])
        blocks[-1].append(each)
    return "\n\n".join(_draw(_table(block, gap), UNLIMITED) for block in blocks)


def render_prose(columns: Sequence[Column], width: int) -> str:
    """The table of names and a last column of prose, which is folded to the width."""
    table = _table(columns, 2)
    for each in table.columns:
        each.vertical = "top"
    table.columns[-1].no_wrap = False
    least = _width(_table(columns[:-1], 2)) + 2 + LEAST_PROSE
    return _draw(table, width if width >= least else UNLIMITED)


def _table(columns: Sequence[Column], gap: int) -> "Table":
    from rich.table import Table  # noqa: PLC0415  # `kernbench --help` stays quick
    from rich.text import Text  # noqa: PLC0415  # the same

    headed = any(each.heading for each in columns)
    table = Table(box=None, show_header=headed, pad_edge=False, padding=(0, gap, 0, 0), header_style="")
    for each in columns:
        table.add_column(
            Text(each.heading),
            justify="left" if each.text else "right",
            vertical="bottom",
            no_wrap=True,
            overflow="fold",  # where a word does not fit it goes on below; nothing is cut
        )
    for row in zip(*(each.cells for each in columns), strict=True):
        table.add_row(*(Text(cell) for cell in row))  # never markup: it comes from files and kernels
    return table


def _width(table: "Table") -> int:
    from rich.console import Console  # noqa: PLC0415  # `kernbench --help` stays quick

    return Console(width=UNLIMITED).measure(table).maximum


def _draw(table: "Table", width: int) -> str:
    from io import StringIO  # noqa: PLC0415  # only here

    from rich.console import Console  # noqa: PLC0415  # `kernbench --help` stays quick

    # Wider than the table a console only adds blanks, so the width asked for is the table's at most.
    page = StringIO()
    Console(file=page, width=min(width, _width(table)), color_system=None, force_terminal=False).print(table)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines())
