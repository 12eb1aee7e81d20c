"""What every piece of hardware is: a name, a frozen config, and an honest answer to "what are you waiting for?"."""

import msgspec

from kernbench.common.units import Fs
from kernbench.sim_engine.engine import Engine
from kernbench.sim_engine.fifo import Fifo, GiveBack
from kernbench.sim_engine.link import Link


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of component configs: fields carry the YAML key as their name, values arrive in fs, bytes, B/s and Hz."""

    def unused(self) -> dict[str, str]:
        """YAML keys that have no effect beside the values of the others, and why."""
        return {}


class Forwarding(Config, frozen=True):
    """Config of hardware that passes packets on: the fixed time to enter it (fs), already part of its links."""

    overhead: Fs = msgspec.field(name="overhead_ns", default=0)


class Component:
    """A named piece of hardware. It holds no other component: it speaks through ports and callables given to it."""

    def __init__(self, name: str, engine: Engine) -> None:
        self.name = name
        self.engine = engine

    def waiters(self) -> list[str]:
        """Say who waits on what here, one line each; empty when nothing does."""
        return []

    def audit(self) -> list[str]:
        """Say what does not balance at the end of a run, one line each."""
        return []

    def abandon(self) -> None:
        """Let go of programs that wait here: nothing happens any more."""


class Forwarder(Component):
    """Hardware that passes packets on: one FIFO per lane of each incoming link, arbitration at the outgoing links."""

    def __init__(self, name: str, config: Forwarding, engine: Engine) -> None:
        super().__init__(name, engine)
        self.config = config
        self._fifos: list[tuple[Link, Fifo]] = []

    def input(self, link: Link, order: int, give_back: GiveBack) -> Fifo:
        """Give a lane of an incoming link its buffer; `order` is its place in round-robin."""
        fifo = Fifo(self.engine, link, order, give_back)
        self._fifos.append((link, fifo))
        return fifo

    def waiters(self) -> list[str]:
        """Name each packet that is stuck here."""
        return [f"{self.name}: {len(fifo)} packet(s) from {link.name} wait" for link, fifo in self._fifos if len(fifo)]

    def audit(self) -> list[str]:
        """Every buffer is empty at the end."""
        return self.waiters()
