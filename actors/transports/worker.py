"""The life of a worker process: one island between the coordinator's Start and its own Outcome."""

import os
import select
import signal
import sys
import threading
import time
from socket import socket

import msgspec

from actors import failure
from actors.channel import Channel, ChannelClosed
from actors.island import Island
from actors.limits import resident
from actors.publisher import published
from actors.transports.base import COORDINATOR, WAIT_S, Gate
from actors.transports.mesh import Mesh
from kernbench.common.messages.island import (
    Command,
    Go,
    Outcome,
    Ready,
    Start,
    Status,
    ToIsland,
    WindowFrame,
)

STATUS_S = 0.1


def main(arguments: list[int]) -> None:
    """Serve one job over the inherited sockets, then end; end at once when the coordinator is gone."""
    os.dup2(2, 1)  # what a bench prints in a worker goes to stderr: stdout belongs to the coordinator's result
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the coordinator decides what Ctrl-C means
    index, control_fd, status_fd, *peer_fds = arguments
    for fd in (control_fd, status_fd, *peer_fds):
        os.set_inheritable(fd, False)
    control = Channel(
        socket(fileno=control_fd),
        "the coordinator",
        msgspec.msgpack.Decoder(ToIsland),
        own=index,
        other=COORDINATOR,
    )
    try:
        _serve(index, control, socket(fileno=status_fd), peer_fds)
    except ChannelClosed:
        _wait_for_end(control)


def _serve(index: int, control: Channel[ToIsland], status: socket, peer_fds: list[int]) -> None:
    start = _expect(control)
    assert isinstance(start, Start)
    sys.path[:] = start.path
    island = Island(start.job, index, start.blocks)
    Heartbeat(island, status).start()
    try:
        control.send(Ready(island.build()))
        go = _expect(control)
        assert isinstance(go, Go)
        others = [number for number in range(len(start.blocks)) if number != index]
        mesh = Mesh([_peer(index, number, fd) for number, fd in zip(others, peer_fds, strict=True)])
        gate = _gate(control) if index == 0 else None
        with published(island, start.job, index, gate):
            outcome = island.run(go.lookaheads, mesh, gate)
    except ChannelClosed:
        raise
    except Exception as error:
        outcome = _failed(error, island)
    control.send(outcome)
    while control.wants_to_send:
        select.select([], [control.fd], [])
        control.flush()
    island.close()


def _failed(error: Exception, island: Island) -> Outcome:
    packed = failure.pack(error, -1)
    if packed.sim_time is None:
        packed = msgspec.structs.replace(packed, sim_time=island.sim_time)
    return Outcome("failed", "", [packed], [], 0, 0, os.getpid(), 0.0, 0.0, 0.0)


def _peer(index: int, number: int, fd: int) -> Channel[WindowFrame]:
    decoder = msgspec.msgpack.Decoder(WindowFrame)
    return Channel(socket(fileno=fd), f"worker {number}", decoder, own=index, other=number)


def _expect(control: Channel[ToIsland]) -> ToIsland:
    while True:
        message = control.receive()
        if message is not None:
            return message
        select.select([control.fd], [], [])


def _gate(control: Channel[ToIsland]) -> Gate:
    def receive() -> Command | None:
        message = control.receive()
        assert message is None or isinstance(message, Command)
        return message

    return Gate(receive, lambda: select.select([control.fd], [], [], WAIT_S))


def _wait_for_end(control: Channel[ToIsland]) -> None:
    """A peer is gone: the coordinator knows why and ends this worker; or the coordinator itself is gone."""
    try:
        while True:
            _expect(control)
    except ChannelClosed:
        os._exit(1)


class Heartbeat(threading.Thread):
    """Tells the coordinator how far the island is, without waiting; ends the process when nobody listens any more.

    A thread, so that a long window still shows progress and a hang shows none, and so that a worker that never blocks
    notices the coordinator's death.
    """

    def __init__(self, island: Island, status: socket) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._island = island
        self._status = status
        status.setblocking(False)

    def run(self) -> None:
        """Send one datagram every STATUS_S."""
        island = self._island
        encoder = msgspec.msgpack.Encoder()
        while True:
            time.sleep(STATUS_S)
            beat = Status(island.windows, island.events, island.sim_time, island.waiting, resident())
            try:
                self._status.send(encoder.encode(beat))
            except BlockingIOError:
                continue  # the coordinator is busy; the next one will do
            except OSError:
                os._exit(1)  # no coordinator is left
