"""A SIP so small that every order of what happens around it can be tried: two or three events, messages that answer."""

import msgspec

from actors.sync.window import NEVER
from kernbench.common.messages.fabric import FabricMessage, LinkCredit
from kernbench.sim_engine.engine import Engine


class Model(msgspec.Struct, frozen=True):
    """A made-up network: `delays[a][b]` is the latency from SIP a to SIP b, 0 where there is no link.

    `events[a]` are (time, hops): at `time` SIP a sends a message that is passed on `hops - 1` times more, or only ticks
    with 0 hops. `optimism` is added to every lookahead: a planted error.
    """

    delays: tuple[tuple[int, ...], ...]
    events: tuple[tuple[tuple[int, int], ...], ...]
    promises: bool = False
    optimism: int = 0


class ExploredDevice:
    """Sends to its neighbours in turn; a message is passed on one instant after it came."""

    def __init__(self, model: Model, sip: int) -> None:
        self.sip, self.engine, self.outbox = sip, Engine(), []
        self.delays = {peer: delay for peer, delay in enumerate(model.delays[sip]) if delay}
        self.events = model.events[sip]
        self.promises = model.promises
        self.least = min(self.delays.values(), default=10**6)
        self.lookahead = self.least + model.optimism
        self.numbers: dict[int, int] = {}
        self.sends: list[int] = []
        self.log: list[tuple[int, ...]] = []
        self.live = False

    def start(self) -> None:
        for time, hops in self.events:
            self.schedule(time, hops)

    def schedule(self, time: int, hops: int) -> None:
        if hops:
            self.sends.append(time)
        self.engine.call_at(time, self.act, hops)

    def act(self, hops: int) -> None:
        now = int(self.engine.now)
        self.log.append((now, hops))
        if not hops:
            return
        self.sends.remove(now)
        peers = sorted(self.delays)
        peer = peers[(hops + len(self.log)) % len(peers)]
        number = self.numbers[peer] = self.numbers.get(peer, -1) + 1
        self.outbox.append(LinkCredit(now + self.delays[peer], self.sip, number, peer, 0, 0, hops))

    def receive(self, message: FabricMessage) -> None:
        now = int(self.engine.now)
        self.log.append((now, message.source, message.sequence))
        self.schedule(now + 1, message.amount - 1)

    def promise(self) -> int:
        if not self.promises:
            return 0
        return min(self.sends) + self.lookahead if self.sends else NEVER

    def waiters(self) -> list[str]:
        return []

    def status(self) -> list[tuple[int, ...]]:
        return self.log

    def finish(self) -> bytes:
        return msgspec.msgpack.encode(self.log)

    partial = finish


def build(payload: bytes, sip: int) -> ExploredDevice:
    return ExploredDevice(msgspec.msgpack.decode(payload, type=Model), sip)
