"""What tests break on purpose between SIPs: lost and swapped messages, and windows cut short."""

from collections.abc import Callable, Sequence

from actors.sync.window import Cut, widest
from kernbench.common.messages.fabric import FabricMessage
from kernbench.common.messages.island import MessageKey, Tamper
from kernbench.common.units import Fs

Wire = Callable[[Sequence[FabricMessage]], Sequence[FabricMessage]]
"""What becomes of the messages that one SIP sent in one window."""


class RandomCut:
    """Draws each bound from the first 1/parts of what is allowed: the same draws in every process."""

    def __init__(self, seed: int, parts: int) -> None:
        self._state = seed
        self._parts = parts

    def __call__(self, granted: Fs, bound: Fs) -> Fs:
        """A time above `granted`, at most `bound`."""
        self._state = (self._state * 6364136223846793005 + 1442695040888963407) % 2**64
        return granted + 1 + (self._state >> 16) % -(-(bound - granted) // self._parts)


class LossyWire:
    """Drops one message, or holds one back until after the next of the same pair."""

    def __init__(self, drop: MessageKey | None, swap: MessageKey | None) -> None:
        self._drop = drop
        self._swap = swap
        self._held: FabricMessage | None = None

    def __call__(self, messages: Sequence[FabricMessage]) -> Sequence[FabricMessage]:
        """All messages but the chosen one, which comes late or never."""
        kept: list[FabricMessage] = []
        for message in messages:
            key = (message.source, message.destination, message.sequence)
            if key == self._swap:
                self._held = message
            elif key != self._drop:
                kept.append(message)
                if self._held is not None and self._held.destination == message.destination:
                    kept.append(self._held)
                    self._held = None
        return kept


def straight(messages: Sequence[FabricMessage]) -> Sequence[FabricMessage]:
    """The usual wire: everything arrives as sent."""
    return messages


def wire_of(tamper: Tamper) -> Wire:
    """The wire of one SIP (a wire keeps state: one per source)."""
    return straight if tamper.drop is None and tamper.swap is None else LossyWire(tamper.drop, tamper.swap)


def cut_of(tamper: Tamper) -> Cut:
    """How windows are cut."""
    return widest if tamper.windows is None else RandomCut(*tamper.windows)
