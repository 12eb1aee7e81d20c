"""The record of what happened in one SIP, folded into a hash: the time half of the run's digest."""

from hashlib import blake2b
from struct import Struct

from kernbench.common.messages.fabric import FabricMessage, FabricPacket
from kernbench.common.units import Fs

_RECORD = Struct("<qqqqq")
_CROSSING = Struct("<qqqqqqq")
_DELIVERY, _MARK = 1, 2


class Journal:
    """Folds deliveries and marks in order of time; those of one instant are sorted, so scheduling order leaves no trace."""

    __slots__ = ("_hash", "_instant", "_records", "last")

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=16)
        self._instant: Fs = -1
        self._records: list[bytes] = []
        self.last: Fs = 0

    def deliver(self, time: Fs, src: int, dst: int, kind: int, size: int) -> None:
        """Note a packet consumed by an endpoint."""
        if time != self._instant:
            self._fold(time)
        self._records.append(_RECORD.pack(time, src, dst, kind << 8 | _DELIVERY, size))

    def mark(self, time: Fs, text: str) -> None:
        """Note an event by a text that names it: a kernel's start or retirement, a message between SIPs."""
        if time != self._instant:
            self._fold(time)
        encoded = text.encode()
        self._records.append(_RECORD.pack(time, len(encoded), 0, _MARK, 0) + encoded)

    def cross(self, time: Fs, message: FabricMessage) -> None:
        """Note a message between SIPs, at the time it is posted or handed over."""
        if time != self._instant:
            self._fold(time)
        packet = isinstance(message, FabricPacket)
        self._records.append(
            _CROSSING.pack(
                time,
                message.arrival,
                message.source << 32 | message.destination,
                message.sequence,
                message.link << 32 | message.lane << 1 | packet,
                message.size if isinstance(message, FabricPacket) else message.amount,
                message.tail if isinstance(message, FabricPacket) else 0,
            )
        )

    def _fold(self, time: Fs) -> None:
        records = self._records
        if records:
            if len(records) > 1:
                records.sort()
            self._hash.update(b"".join(records))
            self._records = []
            self.last = self._instant
        self._instant = time

    def close(self, counters: str) -> str:
        """Fold in the final counters and return the hash in hexadecimal."""
        self._fold(-1)
        self._hash.update(counters.encode())
        return self._hash.hexdigest()
