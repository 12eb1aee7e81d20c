"""A connection between two workers with somebody in between who spoils one frame."""
# ruff: noqa: INP001  # scripts, not a package

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from socket import AF_UNIX, SHUT_WR, SOCK_STREAM, socket, socketpair

from actors.frame import HEADER

DELAY_S = 0.5


def drop(_frame: bytes, _at: int) -> bytes:
    """Nothing arrives."""
    return b""


def duplicate(frame: bytes, _at: int) -> bytes:
    """It arrives twice."""
    return frame + frame


def cut(frame: bytes, at: int) -> bytes:
    """Its end is missing."""
    return frame[: at % len(frame)]


def garble(frame: bytes, at: int) -> bytes:
    """One bit is another one."""
    spoilt = bytearray(frame)
    spoilt[at // 8 % len(spoilt)] ^= 1 << at % 8
    return bytes(spoilt)


def delay(frame: bytes, _at: int) -> bytes:
    """It comes late."""
    time.sleep(DELAY_S)
    return frame


DEEDS: dict[str, Callable[[bytes, int], bytes]] = {
    "dropped": drop,
    "duplicated": duplicate,
    "cut short": cut,
    "garbled": garble,
    "delayed": delay,
}


class Wire:
    """Makes connections; spoils frame `number` of one direction of the first, and notes when in the file `mark`."""

    def __init__(self, deed: str, number: int, at: int, *, backward: bool, mark: Path) -> None:
        self._deed = DEEDS[deed]
        self._number = number
        self._at = at
        self._backward = backward
        self._mark = mark
        self._made = 0

    def __call__(self) -> tuple[socket, socket]:
        """The two ends of one connection."""
        near, near_far = socketpair(AF_UNIX, SOCK_STREAM)
        self._made += 1
        if self._made > 1:
            return near, near_far
        far_near, far = socketpair(AF_UNIX, SOCK_STREAM)
        for source, target, spoilt in (
            (near_far, far_near, not self._backward),
            (far_near, near_far, self._backward),
        ):
            threading.Thread(target=self._pass_on, args=(source, target, spoilt), daemon=True).start()
        return near, far

    def _pass_on(self, source: socket, target: socket, spoilt: bool) -> None:
        data = bytearray()
        count = 0
        with suppress(OSError):
            while more := source.recv(1 << 16):
                data += more
                while (size := _length(data)) <= len(data):
                    frame = bytes(data[:size])
                    del data[:size]
                    if spoilt and count == self._number:
                        self._mark.write_text(str(time.monotonic()))
                        frame = self._deed(frame, self._at)
                    count += 1
                    target.sendall(frame)
        with suppress(OSError):
            target.shutdown(SHUT_WR)


def _length(data: bytearray) -> int:
    """Bytes of the frame that begins here, once its header is."""
    if len(data) < HEADER.size:
        return HEADER.size
    length: int = HEADER.unpack_from(data)[0]
    return HEADER.size + length
