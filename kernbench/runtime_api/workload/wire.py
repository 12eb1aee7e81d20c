"""Protocol Buffers on the wire: fields of a message within known bounds, whatever the bytes are.

The encoding is https://protobuf.dev/programming-guides/encoding: a field is a varint of number and wire type, then a
varint, 8 bytes, a length with so many bytes, or 4 bytes. Nothing here recurses, copies more than a field, or believes a length.
"""

import struct
from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from kernbench.common.errors import UsageError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_FIXED = {FIXED64: 8, FIXED32: 4}
MOST_VARINT = 10
"""Bytes of a varint: seven bits each, and 64 are the most."""

Value: TypeAlias = int | bytes
"""Of a varint or a fixed field its bits as an unsigned number, else the bytes."""


class Field(msgspec.Struct, frozen=True, gc=False):
    """A field: its number, wire type and value; `offset` is the byte of the file where its value begins."""

    number: int
    wire: int
    value: Value
    offset: int


class Span(msgspec.Struct, frozen=True, gc=False):
    """A part of a file: bytes `begin` to `end`, the end excluded."""

    file: str
    data: bytes
    begin: int
    end: int

    def refusal(self, offset: int, what: str) -> UsageError:
        """The error of a file that is not what it should be."""
        return UsageError(f"{self.file}: byte {offset}: {what}; the file is cut or damaged: export or copy it again")

    def varint(self, at: int) -> tuple[int, int]:
        """The varint at byte `at`, of at most 64 bits, and where it ends."""
        value = 0
        for length in range(MOST_VARINT):
            if at + length >= self.end:
                raise self.refusal(at, "a number that has no end")
            byte = self.data[at + length]
            value |= (byte & 0x7F) << 7 * length
            if byte < 0x80:  # the bit that says that more follow
                return value & (1 << 64) - 1, at + length + 1
        raise self.refusal(at, f"a number of more than {MOST_VARINT} bytes")

    def sized(self, at: int, what: str) -> "Span":
        """The bytes behind the length at byte `at`; a length beyond this span is refused."""
        size, begin = self.varint(at)
        if size > self.end - begin:
            raise self.refusal(at, f"{what} of {size} bytes where {self.end - begin} are left")
        return Span(self.file, self.data, begin, begin + size)

    def inside(self, field: Field) -> "Span":
        """The bytes of a field as a span of their own."""
        assert isinstance(field.value, bytes)
        return Span(self.file, self.data, field.offset, field.offset + len(field.value))

    def messages(self) -> Iterator["Span"]:
        """The messages of a stream that puts the length before each."""
        at = self.begin
        while at < self.end:
            message = self.sized(at, "a message")
            yield message
            at = message.end

    def fields(self) -> Iterator[Field]:
        """The fields of a message, in order."""
        at = self.begin
        while at < self.end:
            key, value_at = self.varint(at)
            number, wire = key >> 3, key & 7
            if not number:
                raise self.refusal(at, "a field of number 0")
            if wire == VARINT:
                value, end = self.varint(value_at)
                yield Field(number, wire, value, value_at)
            elif wire == BYTES:
                part = self.sized(value_at, f"field {number}")
                end = part.end
                yield Field(number, wire, self.data[part.begin : end], part.begin)
            elif wire in _FIXED:
                end = value_at + _FIXED[wire]
                if end > self.end:
                    raise self.refusal(
                        value_at, f"field {number} of {_FIXED[wire]} bytes where {self.end - value_at} are left"
                    )
                yield Field(number, wire, int.from_bytes(self.data[value_at:end], "little"), value_at)
            else:
                raise self.refusal(at, f"field {number} of wire type {wire}, which is none of 0, 1, 2 and 5")
            at = end


def numbers(span: Span, field: Field) -> list[int]:
    """A repeated unsigned number: one that stands alone, or several that are packed."""
    if isinstance(field.value, int):
        return [field.value]
    packed = span.inside(field)
    found: list[int] = []
    at = packed.begin
    while at < packed.end:
        value, at = packed.varint(at)
        found.append(value)
    return found


def signed(value: int, bits: int = 64) -> int:
    """Two's complement of `bits` bits."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def zigzag(value: int) -> int:
    """How sint32 and sint64 are written: 0, -1, 1, -2, ..."""
    return value >> 1 ^ -(value & 1)


def real(value: int, wire: int) -> float:
    """A float or double from its bits."""
    number: float = struct.unpack("<f" if wire == FIXED32 else "<d", value.to_bytes(_FIXED[wire], "little"))[0]
    return number
