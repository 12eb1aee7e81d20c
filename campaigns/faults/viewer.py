"""Viewers that behave badly: `viewer.py eager|deaf DIRECTORY`."""
# ruff: noqa: INP001  # scripts, not a package

import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from kernbench.common.errors import KernbenchError
from kernbench.telemetry.commands import send_command, socket_address
from kernbench.telemetry.reader import RunReader

CONNECTIONS = 20


def eager(directory: Path) -> None:
    """Read all the time and ask for something all the time; somebody kills it in the middle."""
    reader = RunReader(directory)
    while True:
        with suppress(KernbenchError):
            reader.poll()
        send_command(directory, "capture", "start")
        send_command(directory, "speed", amount=0)


def deaf(directory: Path) -> None:
    """Connect as often as can be, ask much and read nothing."""
    ends = []
    for _ in range(CONNECTIONS):
        end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with suppress(OSError), socket_address(directory) as address:
            end.connect(address)
            end.settimeout(0.05)
            for line in (b'{"action":"capture","argument":"stop"}\n' * 2000, b'{"action":', b"\xff" * 9000):
                end.sendall(line)
        ends.append(end)
    threading.Event().wait()


def wait_for(path: Path) -> None:
    """Look until it is there."""
    while not path.exists():
        time.sleep(0.01)


if __name__ == "__main__":
    wait_for(Path(sys.argv[2]) / "control.sock")
    {"eager": eager, "deaf": deaf}[sys.argv[1]](Path(sys.argv[2]))
