"""A framed connection over a stream socket that sends and receives without blocking.

Why not multiprocessing's Connection: docs/adr/0001-raw-sockets-between-workers.md.
"""

from contextlib import suppress
from socket import socket
from typing import Any, Generic, TypeVar

import msgspec

from actors.frame import FrameReader, FrameWriter

T = TypeVar("T")

CHUNK = 1 << 14
"""Bytes read at once when nothing larger is known to come."""


class ChannelClosed(Exception):
    """The other end is gone."""


class Channel(Generic[T]):
    """One end of a connection to `peer`: bodies out with `send` and `flush`, bodies in with `receive`.

    Both sides may send megabytes at once: what the socket does not take waits here, so whoever blocks must wait until
    `wants_to_send` is false or the socket is readable, and call again.
    """

    def __init__(self, end: socket, peer: str, decoder: msgspec.msgpack.Decoder[T], *, own: int, other: int) -> None:
        end.setblocking(False)
        self._socket = end
        self._writer = FrameWriter(own)
        self._reader = FrameReader(peer, other, decoder)
        self._rest = bytearray()
        self.peer = peer
        self.fd = end.fileno()

    @property
    def wants_to_send(self) -> bool:
        """True while a part of a frame waits for the socket."""
        return bool(self._rest)

    def send(self, body: Any) -> None:
        """Send as much as the socket takes; the rest waits for `flush`."""
        frame = self._writer.encode(body)
        if self._rest:
            self._rest += frame
            self.flush()
            return
        sent = self._try_send(frame)
        if sent < len(frame):
            self._rest += memoryview(frame)[sent:]

    def flush(self) -> None:
        """Send what waits, as far as the socket takes it."""
        while self._rest:
            sent = self._try_send(self._rest)
            if not sent:
                return
            del self._rest[:sent]

    def receive(self) -> T | None:
        """The next body, or None if it is not here yet; raises ChannelClosed at the end of the connection."""
        while True:
            body = self._reader.next()
            if body is not None:
                return body
            try:
                data = self._socket.recv(max(CHUNK, self._reader.missing))
            except BlockingIOError:
                return None
            except OSError as error:
                raise ChannelClosed(self.peer) from error
            if not data:
                raise ChannelClosed(self.peer)
            self._reader.feed(data)

    def close(self) -> None:
        """Close this end."""
        with suppress(OSError):
            self._socket.close()

    def _try_send(self, data: bytearray) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise ChannelClosed(self.peer) from error
