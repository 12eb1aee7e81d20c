"""A YAML text as a tree that remembers where everything stands; scalars stay the text that was written."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeAlias

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from kernbench.common.errors import TopologyError

MOST_BYTES: Final = 2**20
MOST_DEPTH: Final = 32
_WIDEST_ECHO: Final = 160

_MISREAD: Final = (
    (re.compile(r"(?i)yes|no|on|off|y|n"), "a boolean to some YAML readers; write true or false, or quote it"),
    (re.compile(r"[+-]?\d+(:[0-5]?\d)+(\.\d*)?"), "a base-60 number to some YAML readers; write the number in base 10"),
    (
        re.compile(r"[+-]?(\d+\.?\d*|\.\d+)[eE][+-]?\d+"),
        "a number to some YAML readers and a text to others; write all its digits or a unit such as 8ns",
    ),
    (re.compile(r"[+-]?0\d+"), "an octal number to some YAML readers; drop the leading 0"),
    (re.compile(r"[+-]?0[xob][\da-fA-F_]+|[+-]?\d[\d_]*_[\d_]*"), "not a plain decimal; write its decimal digits"),
    (re.compile(r"(?i)[+-]?\.?(nan|inf|infinity)"), "not a finite number; give one"),
    (re.compile(r"(?i)true|false"), "not spelled true or false; use lower case"),
    (re.compile(r"|~|(?i:null)"), "no value; give one or remove the key"),
)


@dataclass(frozen=True)
class Place:
    """A position in a named text: line and column count from 1, line 0 is the text as a whole."""

    name: str
    lines: tuple[str, ...] = ()
    line: int = 0
    column: int = 0

    def error(self, key: str, message: str) -> TopologyError:
        """A TopologyError that says where, which key, what; below it the line with a caret."""
        where = f"{self.name}:{self.line}:{self.column}" if self.line else self.name
        said = printable(f"{where} {key}: {message}" if key else f"{where}: {message}")
        return TopologyError(said + self._echo())

    def _echo(self) -> str:
        number = max(self.line, 1)
        if not self.column or number > len(self.lines):
            return ""
        cut = max(0, self.column - _WIDEST_ECHO // 2)
        line = printable(self.lines[number - 1][cut : cut + _WIDEST_ECHO].rstrip("\r\n"))
        return f"\n  {line}\n  {' ' * (self.column - 1 - cut)}^"


@dataclass(frozen=True)
class Scalar:
    """A value as it was written."""

    text: str
    place: Place


@dataclass
class Section:
    """A mapping: entries in the order of the text and the place of each key."""

    place: Place
    entries: dict[str, "Tree"] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)


Tree: TypeAlias = Scalar | Section


def printable(text: str) -> str:
    """The text without control characters, which a terminal would obey."""
    return "".join(char if char.isprintable() else "?" for char in text)


def plain_scalar(key: str, text: str, place: Place) -> Scalar:
    """An unquoted scalar, refused when another YAML reader would see something else in it."""
    for pattern, reason in _MISREAD:
        if pattern.fullmatch(text) and text not in {"true", "false"}:
            raise place.error(key, f"{text or 'an empty value'} is {reason}")
    return Scalar(text, place)


def read_document(text: str, name: str) -> Section:
    """The tree of the one YAML document in `text`; `name` is how messages call it."""
    return _Reader(text, name).read()


class _Reader:
    """Builds the tree from YAML events, so that nothing is resolved, constructed or expanded."""

    def __init__(self, text: str, name: str) -> None:
        self._name = name
        self._lines = tuple(text.splitlines())
        self._text = text
        self._events: Iterator[Event] = iter(())

    def read(self) -> Section:
        try:
            self._events = yaml.parse(self._text, Loader=yaml.SafeLoader)
            return self._document()
        except yaml.MarkedYAMLError as error:
            self._refuse(error)
        except yaml.reader.ReaderError as error:
            code = error.character if isinstance(error.character, int) else error.character[0]
            raise Place(self._name).error("", f"not a text file: character 0x{code:02x} is not allowed") from error

    def _document(self) -> Section:
        next(self._events)
        first = next(self._events)
        if not isinstance(first, DocumentStartEvent):
            raise Place(self._name).error("", "is empty; write at least one key, such as `sips: 4`")
        root = self._tree(next(self._events), "", 0)
        next(self._events)
        after = next(self._events)
        if isinstance(after, DocumentStartEvent):
            raise self._place(after).error("", "a second document begins; a topology is one document")
        if isinstance(root, Scalar):
            raise root.place.error("", f"expected keys with values, got {root.text[:60] or 'nothing'}")
        return root

    def _tree(self, event: Event, key: str, depth: int) -> Tree:
        place = self._place(event)
        if depth > MOST_DEPTH:
            raise place.error(key[:80], f"nested deeper than {MOST_DEPTH} levels")
        if isinstance(event, AliasEvent):
            raise place.error(key, f"alias *{event.anchor} is not allowed; repeat the value")
        if isinstance(event, NodeEvent) and event.anchor is not None:
            raise place.error(key, f"anchor &{event.anchor} is not allowed; write the value where it is used")
        if isinstance(event, SequenceStartEvent):
            raise place.error(key, "expected a value or keys, got a list")
        if isinstance(event, ScalarEvent | MappingStartEvent) and event.tag is not None:
            raise place.error(key, f"tag {event.tag} is not allowed; a value is a plain number or text")
        if isinstance(event, ScalarEvent):
            return plain_scalar(key, event.value, place) if event.style is None else Scalar(event.value, place)
        assert isinstance(event, MappingStartEvent)
        return self._section(place, key, depth)

    def _section(self, place: Place, key: str, depth: int) -> Section:
        section = Section(place)
        while not isinstance(event := next(self._events), MappingEndEvent):
            at = self._place(event)
            if not isinstance(event, ScalarEvent):
                raise at.error(key, "a key must be a plain word")
            name = event.value
            full = f"{key}.{name}" if key else name
            if event.anchor is not None:
                raise at.error(full, f"anchor &{event.anchor} is not allowed; write the value where it is used")
            if not re.fullmatch(r"[\w>-]{1,64}", name):
                raise at.error(key, f"{name[:64]!r} is not a key; a key has letters, digits and _ only")
            if name in section.entries:
                raise at.error(full, f"appears twice, first on line {section.keys[name].line}; keep one of them")
            section.keys[name] = at
            section.entries[name] = self._tree(next(self._events), full, depth + 1)
        return section

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        assert mark is not None, "every event of a text has a mark"
        return Place(self._name, self._lines, mark.line + 1, mark.column + 1)

    def _refuse(self, error: yaml.MarkedYAMLError) -> NoReturn:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "not YAML"
        if "\\t" in problem:
            problem = "a tab; YAML is indented with spaces only"
        if mark is None:
            raise Place(self._name).error("", problem) from error
        raise Place(self._name, self._lines, mark.line + 1, mark.column + 1).error("", problem) from error
