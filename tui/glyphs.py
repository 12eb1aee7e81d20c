"""What a load looks like: eighth blocks and digits, each with the name of its style; in ASCII too."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from kernbench.telemetry.frame import FULL

Part: TypeAlias = tuple[str, str]
"""A text and the name of its style (see palette.py)."""

Line: TypeAlias = tuple[Part, ...]

LEVELS = 9
"""0 is idle, 8 is full."""


def cells(*groups: Iterable[Part]) -> int:
    """How many cells groups of parts take, their texts being plain."""
    return sum(len(text) for group in groups for text, _ in group)


def level_of(value: int) -> int:
    """The level of a busy byte: 0 only when nothing happened at all."""
    return 0 if value <= 0 else min(8, 1 + (value - 1) * 8 // FULL)


def percent_of(value: int) -> int:
    """The busy byte as a percentage."""
    return min(100, value * 100 // FULL)


class Glyphs:
    """The characters of one character set, with tables from a busy byte to its part.

    `gap` stands for what was left out in the middle of a name.
    """

    def __init__(self, blocks: str, arrows: str, others: str, gap: str) -> None:
        assert len(blocks) == LEVELS
        self.characters = blocks + arrows + others + gap
        self.gap = gap
        self.blocks = blocks
        self.east, self.west, self.south, self.north = tuple(arrows)
        self.rule, self.bar, self.full, self.empty, self.mark, self.dot = tuple(others)
        self.block: list[Part] = [(blocks[level_of(value)], f"h{level_of(value)}") for value in range(256)]
        self.digits2: list[Part] = [(f"{min(99, percent_of(v)):2}", f"h{level_of(v)}") for v in range(256)]
        self.digits3: list[Part] = [(f"{percent_of(v):3}", f"h{level_of(v)}") for v in range(256)]
        self.digit: list[Part] = [(str(min(9, percent_of(v) // 10)), f"h{level_of(v)}") for v in range(256)]
        self.wide: list[Part] = [(blocks[level_of(v)] * 3, f"h{level_of(v)}") for v in range(256)]
        self._cells = [blocks[level_of(v)] for v in range(256)]

    def spark(self, values: Iterable[int], width: int) -> str:
        """The last `width` busy bytes as blocks, right-aligned."""
        kept = list(values)[-width:] if width else []
        return "".join(map(self._cells.__getitem__, kept)).rjust(width)

    def gauge(self, value: int, width: int) -> tuple[str, str]:
        """A bar of `width` cells: its full part and its empty one."""
        filled = min(width, (value * width * 2 + FULL) // (FULL * 2))
        return self.full * filled, self.empty * (width - filled)

    def scale(self, values: Sequence[float], width: int) -> str:
        """Any numbers as blocks, the largest full; resampled to `width` cells by mean."""
        if not values or not width:
            return " " * width
        top = max(values) or 1.0
        cells = []
        for cell in range(width):
            begin = cell * len(values) // width
            part = values[begin : max(begin + 1, (cell + 1) * len(values) // width)]
            cells.append(self.blocks[level_of(round(sum(part) / len(part) / top * FULL))])
        return "".join(cells)


UNICODE = Glyphs("·▁▂▃▄▅▆▇█", "→←↓↑", "─│█░●·", "…")
ASCII = Glyphs(".12345678", "><v^", "-|#.*.", "..")
