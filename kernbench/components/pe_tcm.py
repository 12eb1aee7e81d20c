"""Tightly coupled memory: the scratchpad of a PE, with an enforced capacity."""

import msgspec


class PeTcmConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`sip.cube.pe.pe_tcm`: how many bytes of blocks are held at once."""

    capacity: int = msgspec.field(name="capacity_bytes", default=2**20)


class PeTcm:
    """Counts the bytes that live blocks hold; who waits for room is pe_cpu's business."""

    def __init__(self, name: str, config: PeTcmConfig) -> None:
        self.name = name
        self.config = config
        self.used = 0
        self.peak = 0

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self.config.capacity - self.used

    def allocate(self, nbytes: int) -> bool:
        """Hold `nbytes`, or change nothing and say no."""
        used = self.used + nbytes
        if used > self.config.capacity:
            return False
        self.used = used
        self.peak = max(self.peak, used)
        return True

    def release(self, nbytes: int) -> None:
        """Give `nbytes` back."""
        self.used -= nbytes
        assert self.used >= 0, f"{self.name}: {-self.used} bytes released that nobody held"
