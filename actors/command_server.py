"""The socket in the directory of a run through which viewers ask it to pause, to go on, to stop."""

import select
import socket
import sys
import threading
from collections import deque
from contextlib import suppress
from pathlib import Path

import msgspec

from kernbench.common.messages.island import Command
from kernbench.telemetry.commands import CAPTURE, LONGEST, SOCKET, Reply, Request, parse, socket_address

CLIENTS = 16
"""Viewers that may be connected at once; one more is turned away."""
QUEUE = 64
"""Commands that may wait for the run; one more is refused."""


class CommandServer(threading.Thread):
    """Serves the socket, for its owner alone, until it is closed; `commands` are what the run is to do next.

    Nobody can make it wait: a client that never reads, sends a line that is too long or is one too many is dropped.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(name="commands", daemon=True)
        self._path = directory / SOCKET
        self._capture = directory / CAPTURE
        self._clients: dict[int, tuple[socket.socket, bytearray]] = {}
        self._wake, self._woken = socket.socketpair()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.commands: deque[Command] = deque()
        self._path.unlink(missing_ok=True)
        try:
            with socket_address(directory) as address:
                self._listener.bind(address)
            self._path.chmod(0o600)  # nobody can connect before listen()
            self._listener.listen(CLIENTS)
            self._listener.setblocking(False)
        except OSError:
            self._listener.close()
            self._wake.close()
            self._woken.close()
            raise

    def run(self) -> None:
        """Answer whoever asks."""
        poller = select.poll()
        for end in (self._listener, self._woken):
            poller.register(end, select.POLLIN)
        while True:
            for fd, _ in poller.poll():
                if fd == self._woken.fileno():
                    return
                if fd == self._listener.fileno():
                    self._accept(poller)
                elif not self._serve(fd):
                    poller.unregister(fd)
                    self._clients.pop(fd)[0].close()

    def close(self) -> None:
        """Let go of all clients and remove the socket."""
        self._wake.send(b"x")
        self.join()
        for end, _ in self._clients.values():
            end.close()
        for end in (self._listener, self._wake, self._woken):
            end.close()
        for path in (self._path, self._capture):
            with suppress(OSError):
                path.unlink(missing_ok=True)

    def _accept(self, poller: select.poll) -> None:
        try:
            end, _ = self._listener.accept()
        except OSError:
            return
        if len(self._clients) >= CLIENTS:
            end.close()
            return
        end.setblocking(False)
        self._clients[end.fileno()] = end, bytearray()
        poller.register(end, select.POLLIN)

    def _serve(self, fd: int) -> bool:
        """Take in what a client sent; whether it stays."""
        end, data = self._clients[fd]
        try:
            more = end.recv(LONGEST)
        except BlockingIOError:
            return True
        except OSError:
            return False
        data += more
        while (at := data.find(b"\n")) >= 0:
            line = bytes(data[:at])
            del data[: at + 1]
            if len(line) >= LONGEST or not _answer(end, self._obey(line)):
                return False
        if len(data) >= LONGEST:
            _answer(end, Reply(ok=False, error=f"a line has at most {LONGEST} bytes"))
            return False
        return bool(more)

    def _obey(self, line: bytes) -> Reply:
        try:
            request = parse(line)
            self._do(request)
        except (ValueError, RecursionError, OSError) as error:
            return Reply(ok=False, error=str(error)[:200])
        return Reply(ok=True)

    def _do(self, request: Request) -> None:
        if len(self.commands) >= QUEUE:
            raise ValueError(f"{QUEUE} commands wait already")
        match request:
            case Request("capture", "start"):
                self._capture.touch(0o600)
            case Request("capture"):
                self._capture.unlink(missing_ok=True)
            case Request("stop"):
                self.commands.append(Command("stop", "stopped by a viewer"))
            case Request("pause" | "resume" | "step" | "speed" as action, argument, amount):
                self.commands.append(Command(action, argument if argument != "window" else "", amount))


def serve(directory: Path) -> CommandServer | None:
    """A server that runs; None, with a warning, where its socket cannot be had: the run goes on without."""
    try:
        server = CommandServer(directory)
    except OSError as error:
        sys.stderr.write(f"kernbench: warning: no commands can be sent to this run: {error.strerror or error}\n")
        return None
    server.start()
    return server


def _answer(end: socket.socket, reply: Reply) -> bool:
    """Send a reply; a client whose buffer is full does not read and is not waited for."""
    line = msgspec.json.encode(reply) + b"\n"
    try:
        return end.send(line) == len(line)
    except OSError:
        return False
