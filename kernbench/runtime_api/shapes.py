"""Shapes of matrix products, as options and lists name them."""

import csv
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from kernbench.common.errors import UsageError
from kernbench.runtime_api.workload.content import content_of

MOST = 10**9
"""Every number of a shape is below it."""
MOST_BYTES = 1 << 24
"""A list of products is a few KiB."""
SHOWN = 80
"""Characters of a text that an error quotes."""


class Shape(NamedTuple):
    """An m x k by k x n product."""

    m: int
    n: int
    k: int


def parse_shape(text: str) -> Shape:
    """The shape of `128,128,128`: M, N, K."""
    return Shape(*integers(text, ",", 3, "--mnk", "M,N,K such as 128,128,128"))


def read_shapes(file: Path) -> list[tuple[str, Shape]]:
    """Names and shapes of a list in SCALE-Sim's format: a header, then `Layer,M,N,K,` lines."""
    try:
        text = content_of(file, MOST_BYTES).decode("utf-8-sig")  # spreadsheets begin it with a byte order mark
    except UsageError as error:
        raise UsageError(f"--shapes {error}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"--shapes {file}: the file cannot be read: it is no text") from error
    rows = _rows(text, file)
    place, header = next(rows, (str(file), []))
    if header and [cell.strip().upper() for cell in header[1:4]] != ["M", "N", "K"]:
        raise UsageError(f"{place}: expected the header Layer,M,N,K, got {_quoted(','.join(header))}")
    found = [_layer(row, place) for place, row in rows]
    if not found:
        raise UsageError(f"--shapes {file}: there is no layer; expected the header Layer,M,N,K and a line for each")
    return found


def _rows(text: str, file: Path) -> Iterator[tuple[str, list[str]]]:
    """(the place of its last line, its cells) of every row that is not empty."""
    table = csv.reader(StringIO(text, newline=""))
    try:
        for row in table:
            if row:
                yield f"--shapes {file}:{table.line_num}", row
    except csv.Error as error:
        raise UsageError(f"--shapes {file}:{table.line_num}: {error}; expected Layer,M,N,K in each line") from error


def _layer(row: list[str], place: str) -> tuple[str, Shape]:
    numbers = [cell.strip() for cell in row[1:4]]
    if len(numbers) < 3:  # M, N and K
        raise UsageError(f"{place}: expected Layer,M,N,K, got {_quoted(','.join(row))}")
    return row[0], Shape(*integers(",".join(numbers), ",", 3, f"{place}:", "M,N,K such as 128,128,128"))


def integers(text: str, separator: str, count: int, option: str, expected: str) -> list[int]:
    """The whole numbers from 1 that a text holds; else a UsageError that begins with `option`."""
    parts = text.split(separator)
    if len(parts) != count or not all(_counts(part) for part in parts):
        raise UsageError(f"{option} {_quoted(text)}: expected {expected}, whole numbers from 1 to {MOST - 1}")
    return [int(part) for part in parts]


def _counts(part: str) -> bool:
    return part.isascii() and part.isdigit() and len(part) < len(str(MOST)) and int(part) > 0


def _quoted(text: str) -> str:
    """The text in one line, and no more of it than an error has room for."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
