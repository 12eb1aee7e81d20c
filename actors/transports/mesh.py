"""The full mesh of stream sockets between the islands of one machine: one frame each way per window."""

import select
from collections.abc import Callable, Sequence

from actors.channel import Channel
from kernbench.common.messages.island import WindowFrame

TRIES = 30
"""Looks at a socket before blocking on it: a wake-up costs more than a short window. More would starve a busy core."""


class Mesh:
    """The other islands of one island, over one channel each, in island order."""

    def __init__(self, channels: Sequence[Channel[WindowFrame]]) -> None:
        self._channels = channels
        self._pollers: list[Callable[..., object]] = []
        for channel in channels:
            poller = select.poll()
            poller.register(channel.fd, select.POLLIN)
            self._pollers.append(poller.poll)

    def exchange(self, frames: Sequence[WindowFrame]) -> Sequence[WindowFrame]:
        """Send every frame and receive one from each, both at once; raises ChannelClosed when a peer is gone."""
        for channel, frame in zip(self._channels, frames, strict=True):
            channel.send(frame)
        early = self._flush()
        received = []
        # One after the other: all own frames are out, so nobody waits for this island; the kernel keeps what comes.
        for index, channel in enumerate(self._channels):
            received.append(early[index] if index in early else _wait(channel, self._pollers[index]))
        return received

    def _flush(self) -> dict[int, WindowFrame]:
        """Send what the sockets did not take at once, taking in frames meanwhile: peers may do the same."""
        early: dict[int, WindowFrame] = {}
        while any(channel.wants_to_send for channel in self._channels):
            poller = select.poll()
            for index, channel in enumerate(self._channels):
                out = select.POLLOUT if channel.wants_to_send else 0
                poller.register(channel.fd, out | (0 if index in early else select.POLLIN))
            poller.poll()
            for index, channel in enumerate(self._channels):
                channel.flush()
                if index not in early and (frame := channel.receive()) is not None:
                    early[index] = frame
        return early


def _wait(channel: Channel[WindowFrame], poll: Callable[..., object]) -> WindowFrame:
    for _ in range(TRIES):
        if poll(0):
            break
    while (frame := channel.receive()) is None:
        poll()
    return frame
