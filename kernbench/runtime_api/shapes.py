"""Shapes of matrix products, as options and lists name them."""

import csv
from pathlib import Path
from typing import NamedTuple

from kernbench.common.errors import UsageError


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
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UsageError(f"--shapes {file}: the file cannot be read: {reason}") from error
    rows = [(at, row) for at, row in enumerate(csv.reader(lines), 1) if row]
    if rows and [cell.strip().upper() for cell in rows[0][1][1:4]] != ["M", "N", "K"]:
        raise UsageError(f"--shapes {file}:{rows[0][0]}: expected the header Layer,M,N,K, got {','.join(rows[0][1])}")
    found = [_layer(row, f"--shapes {file}:{at}") for at, row in rows[1:]]
    if not found:
        raise UsageError(f"--shapes {file}: there is no layer; expected the header Layer,M,N,K and a line for each")
    return found


def _layer(row: list[str], place: str) -> tuple[str, Shape]:
    numbers = [cell.strip() for cell in row[1:4]]
    if len(numbers) < 3:  # M, N and K
        raise UsageError(f"{place}: expected Layer,M,N,K, got {','.join(row)}")
    return row[0], Shape(*integers(",".join(numbers), ",", 3, f"{place}:", "M,N,K such as 128,128,128"))


def integers(text: str, separator: str, count: int, option: str, expected: str) -> list[int]:
    """The whole numbers from 1 that a text holds; else a UsageError that begins with `option`."""
    parts = text.split(separator)
    if len(parts) != count or not all(part.isascii() and part.isdigit() and 0 < int(part) < 10**9 for part in parts):
        raise UsageError(f"{option} {text}: expected {expected}, whole numbers from 1")
    return [int(part) for part in parts]
