"""The bytes of one cube's memory: pages that exist from their first touch."""

from kernbench.common.messages.memory import Segment

PAGE = 2**16


class Memory:
    """Real bytes by (slice, offset), zero until written. Whoever owns it decides when a read samples, a write lands."""

    def __init__(self) -> None:
        self._pages: dict[tuple[int, int], bytearray] = {}

    def read(self, segments: tuple[Segment, ...]) -> bytes:
        """Give the bytes of the segments, one after another."""
        pieces = []
        for segment in segments:
            offset, left = segment.offset, segment.length
            while left:
                page, within = divmod(offset, PAGE)
                length = min(left, PAGE - within)
                held = self._pages.get((segment.slice, page))
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
                held[within : within + length] = view[:length]
                view = view[length:]
                offset += length
                left -= length
