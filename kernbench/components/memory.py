"""The bytes of one cube's memory: pages that exist from their first touch."""

from kernbench.common.messages.memory import Segment

PAGE = 2**16


class Memory:
    """Real bytes by (slice, offset), zero until written. Whoever owns it decides when a read samples, a write lands."""

    def __init__(self) -> None:
        self._pages: dict[tuple[int, int], bytearray] = {}
        self._borrowed: set[tuple[int, int]] = set()
        self._written: dict[tuple[int, int], bytearray] | None = None

    def borrow(self, other: "Memory") -> None:
        """Begin with the bytes of another memory, which rests meanwhile: a page is copied when it is first written."""
        self._pages = dict(other._pages)  # noqa: SLF001  # of its own class
        self._borrowed = set(self._pages)

    def alike(self, other: "Memory", segments: tuple[Segment, ...]) -> None:
        """Hold the pages of these segments in common with another memory where it has the same there."""
        for segment in segments:
            for page in range(segment.offset // PAGE, (segment.offset + segment.length - 1) // PAGE + 1):
                key = segment.slice, page
                mine, theirs = self._pages.get(key), other._pages.get(key)  # noqa: SLF001  # of its own class
                if mine is not None and mine is not theirs and mine == theirs:
                    self._pages[key] = theirs
                    self._borrowed.add(key)
                    other._borrowed.add(key)  # noqa: SLF001  # of its own class

    def note_writes(self) -> None:
        """Remember from now on which bytes were written."""
        self._written = {}

    def unwritten(self, segments: tuple[Segment, ...]) -> int | None:
        """The position in its transfer of the first byte that was not written since `note_writes`."""
        assert self._written is not None
        for segment in segments:
            offset, left = segment.offset, segment.length
            while left:
                page, within = divmod(offset, PAGE)
                length = min(left, PAGE - within)
                noted = self._written.get((segment.slice, page))
                first = 0 if noted is None else noted.find(0, within, within + length) - within
                if first >= 0:
                    return segment.position + offset - segment.offset + first
                offset += length
                left -= length
        return None

    def read(self, segments: tuple[Segment, ...]) -> bytes:
        """Give the bytes of the segments, one after another."""
        pieces = []
        pages = self._pages
        for segment in segments:
            offset, left = segment.offset, segment.length
            while left:
                within = offset % PAGE
                length = min(left, PAGE - within)
                held = pages.get((segment.slice, offset // PAGE))
                pieces.append(bytes(length) if held is None else held[within : within + length])
                offset += length
                left -= length
        return b"".join(pieces)

    def write(self, segments: tuple[Segment, ...], data: bytes) -> None:
        """Put bytes into the segments, one after another."""
        view = memoryview(data)
        for segment in segments:
            offset, left = segment.offset, segment.length
            while left:
                page, within = divmod(offset, PAGE)
                length = min(left, PAGE - within)
                held = self._pages.get((segment.slice, page))
                if held is None:
                    held = self._pages[segment.slice, page] = bytearray(PAGE)
                elif self._borrowed and (segment.slice, page) in self._borrowed:
                    held = self._pages[segment.slice, page] = held[:]
                    self._borrowed.discard((segment.slice, page))
                held[within : within + length] = view[:length]
                if self._written is not None:
                    noted = self._written.setdefault((segment.slice, page), bytearray(PAGE))
                    noted[within : within + length] = b"\1" * length
                view = view[length:]
                offset += length
                left -= length
