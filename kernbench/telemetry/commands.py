"""Commands to a run that goes on: a line of JSON into the socket of its directory, a line of JSON back.

A path of a socket has room for some hundred bytes only; a longer one is reached through the directory's descriptor.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec

SOCKET = "control.sock"
CAPTURE = "capture"
"""While a file of this name is in the directory of a run, every packet is kept."""
LONGEST = 4096
"""Bytes of a line, its end included."""
_LONGEST_PATH = 100


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked: `argument` is `window` or `phase` for a step, `start` or `stop` for a capture.

    `amount` is the ns of simulated time per real second that a run may be as fast as; 0 lifts the limit.
    """

    action: Literal["pause", "resume", "step", "speed", "stop", "capture"]
    argument: str = ""
    amount: int = 0


class Reply(msgspec.Struct, frozen=True):
    """What the run says: `error` is empty if it will do it at its next window."""

    ok: bool
    error: str = ""


ARGUMENTS = {"step": ("", "window", "phase"), "capture": ("start", "stop")}


def parse(line: bytes) -> Request:
    """The request of a line; raises ValueError with what is wrong."""
    request = msgspec.json.decode(line, type=Request)
    allowed = ARGUMENTS.get(request.action, ("",))
    if request.argument not in allowed:
        raise ValueError(f"{request.action}: the argument is one of {', '.join(filter(None, allowed)) or 'none'}")
    if not 0 <= request.amount < 2**62 or (request.amount and request.action != "speed"):
        raise ValueError(f"{request.action}: the amount is 0 or, for speed, ns per second")
    return request


@contextmanager
def socket_address(directory: Path) -> Iterator[str]:
    """What to bind or connect to, however long the path is; raises OSError where that cannot be had."""
    path = str(directory / SOCKET)
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        yield path
        return
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = f"/proc/self/fd/{opened}"
        if not Path(short).exists():
            raise OSError(f"{path} is longer than a socket's path may be; give --out a shorter one")
        yield f"{short}/{SOCKET}"
    finally:
        os.close(opened)


def send_command(directory: Path, action: str, argument: str = "", amount: int = 0, *, timeout_s: float = 2.0) -> str:
    """Ask the run of a directory to pause, resume, step, stop, ...; an empty string, or why it was not taken."""
    try:
        request = msgspec.convert({"action": action, "argument": argument, "amount": amount}, Request)
        with socket_address(directory) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as end:
            end.settimeout(timeout_s)
            end.connect(address)
            end.sendall(msgspec.json.encode(request) + b"\n")
            reply = msgspec.json.decode(_line(end), type=Reply)
    except msgspec.MsgspecError as error:
        return f"not understood: {error}"
    except (FileNotFoundError, ConnectionError):
        return "the run has ended"
    except OSError as error:
        return f"no answer: {error.strerror or error}"
    return "" if reply.ok else reply.error


def _line(end: socket.socket) -> bytes:
    data = b""
    while not data.endswith(b"\n"):
        more = end.recv(LONGEST)
        data += more
        if not more or len(data) > LONGEST:
            raise ConnectionError("no reply")
    return data
