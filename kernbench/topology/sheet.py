"""A sheet: boxes and lines at whole coordinates, with a legend, written as one self-contained SVG."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias
from xml.etree import ElementTree as ET

import msgspec

Point: TypeAlias = tuple[int, int]

MARGIN: Final = 24
TITLE: Final = 64
LEGEND_LINE: Final = 20
GLYPH: Final = 7
"""Widest average glyph of the 12 px text, used where room must be left for words."""

STYLE: Final = """
svg { background: #ffffff }
text { font: 12px sans-serif; fill: #1f2933 }
.title { font-size: 18px; font-weight: bold }
.note { font-size: 11px; fill: #52606d }
rect { stroke: #52606d; stroke-width: 1; fill: #f5f7fa }
.paper { stroke: none; fill: #ffffff }
.frame { fill: #fbfcfd; stroke: #9aa5b1 }
.router { fill: #dbeafe; stroke: #2563eb }
.port { fill: #ede9fe; stroke: #7c3aed }
.memory { fill: #dcfce7; stroke: #15803d }
.engine { fill: #fef3c7; stroke: #b45309 }
.control { fill: #f1f5f9; stroke: #475569 }
path { fill: none; stroke-width: 1.5 }
.noc { stroke: #2563eb }
.ucie { stroke: #7c3aed; stroke-width: 2.5 }
.hbm { stroke: #15803d; stroke-width: 2.5 }
.pcie { stroke: #b45309; stroke-width: 2.5 }
.fabric { stroke: #be123c; stroke-width: 2 }
.other { stroke: #be123c; stroke-width: 2; stroke-dasharray: 7 4 }
"""


class Box(msgspec.Struct, frozen=True):
    """A rectangle for a node, or (`is_frame`) around other boxes; `title` shows under the pointer."""

    name: str
    x: int
    y: int
    width: int
    height: int
    style: str
    lines: tuple[str, ...]
    title: str
    is_frame: bool

    @property
    def middle(self) -> Point:
        """The centre."""
        return self.x + self.width // 2, self.y + self.height // 2

    @property
    def right(self) -> int:
        """The x of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The y of the lower side."""
        return self.y + self.height


class Line(msgspec.Struct, frozen=True):
    """A line for the links `links`, along `points`; `title` shows under the pointer."""

    links: tuple[str, ...]
    points: tuple[Point, ...]
    style: str
    title: str


class Note(msgspec.Struct, frozen=True):
    """Words whose baseline begins, ends or has its middle (`anchor`) at a point; on a line they have a white ground."""

    text: str
    at: Point
    anchor: str
    on_line: bool


class Sheet:
    """What is drawn is kept; `svg` gives it as bytes, the same for the same calls. Lines go below all boxes."""

    def __init__(self, title: str) -> None:
        self.title = title
        self.boxes: list[Box] = []
        self.lines: list[Line] = []
        self._notes: list[Note] = []
        self._legend: list[tuple[str, str]] = []

    def box(self, name: str, at: Point, size: Point, style: str, lines: Sequence[str], title: str = "") -> Box:
        """A node with its words in the middle."""
        return self._add(Box(name, *at, *size, style, tuple(lines), title, is_frame=False))

    def frame(self, name: str, at: Point, size: Point) -> Box:
        """A rectangle around what belongs together, its name at the top; to be drawn before what is in it."""
        return self._add(Box(name, *at, *size, "frame", (), "", is_frame=True))

    def line(self, links: Iterable[str], points: Iterable[Point], style: str, title: str = "") -> None:
        """The links between two boxes."""
        self.lines.append(Line(tuple(links), tuple(points), style, title))

    def note(self, text: str, at: Point, anchor: str = "start", *, on_line: bool = False) -> None:
        """Words of their own."""
        self._notes.append(Note(text, at, anchor, on_line))

    def legend(self, style: str, text: str) -> None:
        """What a style of line means; without a style a remark."""
        self._legend.append((style, text))

    def svg(self) -> bytes:
        """The document."""
        left = min(box.x for box in self.boxes)
        top = min(box.y for box in self.boxes)
        for note in self._notes:
            left = min(left, _span(note)[0])
        dx, dy = MARGIN - left, MARGIN + TITLE // 2 - top
        below = max([box.bottom for box in self.boxes] + [note.at[1] for note in self._notes]) + dy + LEGEND_LINE
        words = max([len(self.title) * 10, *(44 + len(text) * GLYPH for _, text in self._legend)])
        right = max([box.right for box in self.boxes] + [_span(note)[1] for note in self._notes]) + dx
        width, height = max(right, MARGIN + words) + MARGIN, below + LEGEND_LINE * len(self._legend) + MARGIN // 2
        root = ET.Element(
            "svg",
            {"xmlns": "http://www.w3.org/2000/svg", "width": str(width), "height": str(height),
             "viewBox": f"0 0 {width} {height}"},
        )  # fmt: skip
        ET.SubElement(root, "title").text = self.title
        ET.SubElement(root, "style").text = STYLE
        ET.SubElement(root, "rect", {"class": "paper", "width": str(width), "height": str(height)})
        _text(root, self.title, (MARGIN, MARGIN + 8), "start", "title")
        moved = ET.SubElement(root, "g", {"transform": f"translate({dx} {dy})"})
        for box in self.boxes:
            if box.is_frame:
                _draw_box(moved, box)
        for line in self.lines:
            _draw_line(moved, line)
        for box in self.boxes:
            if not box.is_frame:
                _draw_box(moved, box)
        for note in self._notes:
            _draw_note(moved, note)
        for number, (style, text) in enumerate(self._legend):
            y = below + LEGEND_LINE * number
            if style:
                ET.SubElement(root, "path", {"class": style, "d": f"M {MARGIN} {y} H {MARGIN + 32}"})
            _text(root, text, (MARGIN + (44 if style else 0), y + 4), "start", "")
        ET.indent(root, " ")
        document: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
        return document + b"\n"

    def _add(self, box: Box) -> Box:
        self.boxes.append(box)
        return box


def _span(note: Note) -> tuple[int, int]:
    width = GLYPH * len(note.text)
    start = note.at[0] - {"start": 0, "middle": width // 2, "end": width}[note.anchor]
    return start, start + width


def _draw_box(parent: ET.Element, box: Box) -> None:
    group = ET.SubElement(parent, "g", {"data-frame" if box.is_frame else "data-node": box.name})
    if box.title:
        ET.SubElement(group, "title").text = box.title
    place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height, "rx": 4}
    ET.SubElement(group, "rect", {"class": box.style, **{key: str(value) for key, value in place.items()}})
    x, y = box.middle
    first = y + 4 - 6 * (len(box.lines) - 1)
    for number, text in enumerate(box.lines):
        _text(group, text, (x, first + 14 * number), "middle", "note" if number else "")


def _draw_line(parent: ET.Element, line: Line) -> None:
    (x, y), *rest = line.points
    way = f"M {x} {y}" + "".join(f" L {to_x} {to_y}" for to_x, to_y in rest)
    path = ET.SubElement(parent, "path", {"class": line.style, "d": way, "data-links": " ".join(line.links)})
    if line.title:
        ET.SubElement(path, "title").text = line.title


def _draw_note(parent: ET.Element, note: Note) -> None:
    if note.on_line:
        start, end = _span(note)
        ground = {"x": start, "y": note.at[1] - 12, "width": end - start, "height": 16}
        ET.SubElement(parent, "rect", {"class": "paper", **{key: str(value) for key, value in ground.items()}})
    _text(parent, note.text, note.at, note.anchor, "note")


def _text(parent: ET.Element, text: str, at: Point, anchor: str, style: str) -> None:
    given = {"x": str(at[0]), "y": str(at[1])}
    if anchor != "start":
        given["text-anchor"] = anchor
    if style:
        given["class"] = style
    ET.SubElement(parent, "text", given).text = text
