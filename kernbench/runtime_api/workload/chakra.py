"""Chakra execution traces: a file per rank, a stream of length-prefixed messages, GlobalMetadata first, then nodes.

The schema is et_def.proto of mlcommons/chakra. A number may have any integer type of it: writers differ.
"""

from collections.abc import Callable
from enum import IntEnum
from pathlib import Path

import msgspec

from kernbench.common.errors import UsageError
from kernbench.runtime_api.workload.content import content_of
from kernbench.runtime_api.workload.wire import (
    BYTES,
    FIXED32,
    FIXED64,
    VARINT,
    Field,
    Span,
    numbers,
    real,
    signed,
    zigzag,
)


class NodeType(IntEnum):
    """What a node is."""

    INVALID = 0
    METADATA = 1
    MEM_LOAD = 2
    MEM_STORE = 3
    COMP = 4
    COMM_SEND = 5
    COMM_RECV = 6
    COMM_COLL = 7
    STORAGE = 8
    BATCH = 9
    CHECKPOINT = 10


Attribute = int | float | str | tuple[bool, ...]


class Node(msgspec.Struct, frozen=True, gc=False):
    """A node: `after` are the ids of what it depends on, `duration` in the trace's unit, `offset` its byte in the file."""

    id: int
    name: str
    type: int
    after: tuple[int, ...]
    duration: int
    attributes: dict[str, Attribute]
    offset: int


class Trace(msgspec.Struct, frozen=True):
    """What one file holds."""

    file: str
    version: str
    nodes: tuple[Node, ...]

    def refusal(self, node: Node, what: str) -> UsageError:
        """The error of a node that cannot be replayed."""
        return UsageError(f"{self.file}: byte {node.offset}: node {node.id} ({node.name}): {what}")

    def number(self, node: Node, name: str, default: int | None = None) -> int:
        """An attribute that is a whole number from 0; without a default it must be there."""
        value = node.attributes.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, str) and value.isdecimal() and value.isascii() and len(value) < MOST_DIGITS:
            value = int(value)
        if value is None:
            raise self.refusal(node, f"it has no attribute {name}; export the trace with it")
        if not isinstance(value, int) or not 0 <= value < MOST:
            raise self.refusal(node, f"{name} is {value!r}, expected a whole number from 0 below 2^63")
        return value


MOST, MOST_DIGITS = 2**63, 20


def read_trace(path: Path) -> Trace:
    """Read one rank's file; whatever is wrong with it is a UsageError with the byte."""
    data = content_of(path)
    stream = Span(str(path), data, 0, len(data)).messages()
    first = next(stream, None)
    if first is None:
        raise UsageError(f"{path}: byte 0: the file is empty; export the trace again")
    version = _version(first)
    nodes: dict[int, Node] = {}
    for message in stream:
        node = _node(message)
        other = nodes.setdefault(node.id, node)
        if other is not node:
            raise UsageError(
                f"{path}: byte {node.offset}: node id {node.id} is there twice, first at byte {other.offset}; "
                "ids are unique in a file: export the trace again"
            )
    return Trace(str(path), version, tuple(nodes.values()))


def _version(message: Span) -> str:
    version = ""
    for field in message.fields():
        if field.number == 1:
            if field.wire != BYTES:
                raise UsageError(
                    f"{message.file}: byte {field.offset}: the first message is no GlobalMetadata, whose field 1 is a text; "
                    "convert the trace to the present Chakra schema (et_def.proto)"
                )
            version = _text(field)
    return version


def _node(message: Span) -> Node:
    found: dict[int, int] = dict.fromkeys((_ID, _TYPE, _DURATION), 0)
    name, after = "", list[int]()
    attributes: dict[str, Attribute] = {}
    for field in message.fields():
        if field.number in found:
            found[field.number] = _integer(message, field)
        elif field.number == _NAME:
            name = _text(field)
        elif field.number in _DEPENDENCIES:
            after += numbers(message, field)
        elif field.number == _ATTRIBUTE:
            key, value = _attribute(message, field)
            if value is not None:
                attributes[key] = value
    return Node(
        found[_ID], name, found[_TYPE], tuple(dict.fromkeys(after)), found[_DURATION], attributes, message.begin
    )


_ID, _NAME, _TYPE, _DEPENDENCIES, _DURATION, _ATTRIBUTE = 1, 2, 3, (4, 5), 7, 10
"""Fields of a Node; 6 is when it began where it was recorded, 8 and 9 describe its tensors, 11 storage."""


def _integer(message: Span, field: Field) -> int:
    if not isinstance(field.value, int):
        raise message.refusal(field.offset, f"field {field.number} is a text, expected a number")
    return field.value


def _text(field: Field) -> str:
    return field.value.decode(errors="replace") if isinstance(field.value, bytes) else str(field.value)


def _attribute(message: Span, field: Field) -> tuple[str, Attribute | None]:
    if not isinstance(field.value, bytes):
        raise message.refusal(field.offset, "an attribute that is a number, expected a message")
    inside = message.inside(field)
    name = ""
    value: Attribute | None = None
    for part in inside.fields():
        if part.number == 1:
            name = _text(part)
        elif part.number == _BOOL_LIST and part.wire == BYTES:
            value = _flags(inside, part)
        elif (known := _VALUES.get(part.number)) is not None and part.wire == known[0]:
            value = known[1](part)
    return name, value


def _flags(span: Span, field: Field) -> tuple[bool, ...]:
    listed = span.inside(field)
    return tuple(bool(each) for part in listed.fields() if part.number == 1 for each in numbers(listed, part))


def _bits(field: Field) -> int:
    assert isinstance(field.value, int)
    return field.value


_BOOL_LIST = 28
_VALUES: dict[int, tuple[int, Callable[[Field], Attribute]]] = {
    3: (FIXED64, lambda field: real(_bits(field), FIXED64)),
    5: (FIXED32, lambda field: real(_bits(field), FIXED32)),
    7: (VARINT, lambda field: signed(_bits(field), 32)),
    9: (VARINT, lambda field: signed(_bits(field))),
    11: (VARINT, _bits),
    13: (VARINT, _bits),
    15: (VARINT, lambda field: zigzag(_bits(field))),
    17: (VARINT, lambda field: zigzag(_bits(field))),
    19: (FIXED32, _bits),
    21: (FIXED64, _bits),
    23: (FIXED32, lambda field: signed(_bits(field), 32)),
    25: (FIXED64, lambda field: signed(_bits(field))),
    27: (VARINT, _bits),
    29: (BYTES, _text),
}
"""AttributeProto's `value`: field number to wire type and meaning; lists other than of bools say nothing to a replay."""
