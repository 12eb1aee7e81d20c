"""Tightly coupled memory: the scratchpad of a PE, with an enforced capacity."""

import msgspec

from kernbench.components.component import Component, Config
from kernbench.sim_engine.engine import Engine


class PeTcmConfig(Config, frozen=True):
    """`sip.cube.pe.pe_tcm`: how many bytes of blocks are held at once."""

    capacity: int = msgspec.field(name="capacity_bytes", default=2**20)


class PeTcm(Component):
    """Counts the bytes that live blocks hold; who waits for room is pe_cpu's business."""

    def __init__(self, name: str, config: PeTcmConfig, engine: Engine) -> None:
        super().__init__(name, engine)
        self.config = config
        self.used = 0
        self.peak = 0
        self.reserved = 0

    @property
    def free(self) -> int:
        """Bytes that nobody holds."""
        return self.config.capacity - self.reserved - self.used

    def reserve(self, nbytes: int) -> bool:
        """Set `nbytes` aside for good (the slots of a queue), or change nothing and say no."""
        if nbytes > self.free:
            return False
        self.reserved += nbytes
        return True

    def allocate(self, nbytes: int) -> bool:
        """Hold `nbytes`, or change nothing and say no."""
        used = self.used + nbytes
        if used > self.config.capacity - self.reserved:
            return False
        self.used = used
        self.peak = max(self.peak, used)
        return True

    def release(self, nbytes: int) -> None:
        """Give `nbytes` back."""
        self.used -= nbytes
        assert self.used >= 0, f"{self.name}: {-self.used} bytes released that nobody held"

    def audit(self) -> list[str]:
        """Nobody holds a byte at the end."""
        return [f"{self.name}: {self.used} bytes are still held"] if self.used else []
