"""A toy SIP for tests of the actors: credit-limited pings between neighbours of a ring, with random local work."""

import os
import signal
import sys
import time
from zlib import crc32

import msgspec

from kernbench.common.errors import AuditError, KernelError
from kernbench.common.messages.fabric import FabricMessage, FabricPacket, IpcqData, LinkCredit, SlotCredit
from kernbench.sim_engine.engine import Engine


class ToyConfig(msgspec.Struct, frozen=True):
    """`latency` and `credit_delay` are of the link 0 -> 1; each further SIP's links are `skew` slower."""

    sips: int = 2
    seed: int = 1
    pings: int = 40
    credits: int = 2
    latency: int = 500
    credit_delay: int = 300
    skew: int = 0
    local: int = 30
    data: int = 0
    optimism: int = 0  # added to the lookahead: a planted error
    promises: bool = False  # promise the next send exactly, instead of nothing

    def payload(self) -> bytes:
        return msgspec.msgpack.encode(self)


class ToyReport(msgspec.Struct, frozen=True):
    digest: int
    seen: int
    ended: int


class ToyDevice:
    """Sends `pings` packets to each neighbour, as credits allow; each packet taken costs random work and a credit."""

    def __init__(self, config: ToyConfig, sip: int) -> None:
        self.config, self.sip, self.engine = config, sip, Engine()
        self.outbox: list[FabricMessage] = []
        ring = ((sip + 1) % config.sips, (sip - 1) % config.sips)
        self.peers = sorted({peer for peer in ring if peer != sip})
        self.lookahead = min((min(self.latency(sip), self.credit_delay(peer)) for peer in self.peers), default=10**15)
        self.lookahead += config.optimism
        self.left = dict.fromkeys(self.peers, config.pings)
        self.credits = dict.fromkeys(self.peers, config.credits)
        self.numbers = dict.fromkeys(self.peers, 0)
        self.expected = config.pings * len(self.peers)
        self.state = config.seed * 1000 + sip
        self.digest = self.seen = self.ended = 0
        self.sends: list[int] = []

    @property
    def live(self) -> bool:
        return any(self.left.values()) or self.seen < self.expected

    def latency(self, source: int) -> int:
        return self.config.latency + source * self.config.skew

    def credit_delay(self, source: int) -> int:
        return self.config.credit_delay + source * self.config.skew

    def draw(self, below: int) -> int:
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return 1 + (self.state >> 33) % below

    def start(self) -> None:
        for peer in self.peers:
            self.engine.call_later(self.draw(50), self.send, peer)
        self.engine.call_later(1, self.tick, self.config.local)

    def tick(self, left: int) -> None:
        self.fold(self.engine.now, left)
        if left:
            self.engine.call_later(self.draw(40), self.tick, left - 1)

    def send(self, peer: int) -> None:
        if not self.left[peer] or not self.credits[peer]:
            return
        self.left[peer] -= 1
        self.credits[peer] -= 1
        arrival = self.engine.now + self.latency(self.sip)
        number = self.number(peer)
        payload = SlotCredit("toy", self.draw(9), 0) if not self.config.data else self.bulk()
        self.outbox.append(
            FabricPacket(
                arrival=arrival,
                source=self.sip,
                sequence=number,
                destination=peer,
                link=0,
                lane=0,
                tail=arrival + 8,
                size=64,
                created=self.engine.now,
                waits=(),
                transfer=0,
                total=64,
                slowest=0,
                kind=0,
                last=True,
                src="a",
                dst="b",
                payload=payload,
            )
        )
        self.engine.call_later(self.draw(20) * 10, self.send, peer)

    def bulk(self):
        return IpcqData("toy", 0, bytes([self.draw(255)]) * self.config.data, self.config.data, "t", 0)

    def receive(self, message: FabricMessage) -> None:
        if isinstance(message, LinkCredit):
            self.fold(self.engine.now, message.source, message.amount)
            self.credits[message.source] += message.amount
            self.send(message.source)
            return
        self.seen += 1
        body = message.payload
        self.fold(self.engine.now, message.source, message.sequence, crc32(msgspec.msgpack.encode(body)))
        self.engine.call_later(self.draw(30) * 10, self.taken, message.source)

    def taken(self, source: int) -> None:
        self.ended = self.engine.now
        arrival = self.engine.now + self.credit_delay(source)
        self.outbox.append(LinkCredit(arrival, self.sip, self.number(source), source, 0, 0, 1))

    def number(self, peer: int) -> int:
        self.numbers[peer] += 1
        return self.numbers[peer] - 1

    def fold(self, *values: int) -> None:
        self.digest = crc32(repr((values, self.state)).encode(), self.digest)

    def waiters(self) -> list[str]:
        return [f"sip{self.sip}.port{peer} waits for a link credit" for peer, left in self.left.items() if left]

    def promise(self) -> int:
        return 0

    def status(self) -> ToyReport:
        return ToyReport(self.digest, self.seen, self.ended)

    def finish(self) -> bytes:
        if any(amount != self.config.credits for amount in self.credits.values()):
            raise AuditError(f"sip{self.sip}: credits are {self.credits}", where=f"sip{self.sip}")
        return self.partial()

    def partial(self) -> bytes:
        return msgspec.msgpack.encode(self.status())

    def close(self) -> None:
        pass


def ping(payload: bytes, sip: int) -> ToyDevice:
    return ToyDevice(msgspec.msgpack.decode(payload, type=ToyConfig), sip)


class Miser(ToyDevice):
    """Never gives a credit back."""

    def taken(self, _source: int) -> None:
        self.ended = self.engine.now


class Endless(ToyDevice):
    """Always has one more event."""

    def tick(self, left: int) -> None:
        self.engine.call_later(10, self.tick, left)


class Faulty(ToyDevice):
    """Odd SIPs raise at 333 fs, even ones at 700 fs."""

    def start(self) -> None:
        super().start()
        self.engine.call_at(333 if self.sip % 2 else 700, self.fail)

    def fail(self, _: object) -> None:
        raise KernelError("softmax.py:7: bad", where="softmax.py:7", sim_time_fs=self.engine.now, waiters=("w",))


class Broken(Faulty):
    """Raises what is no error of ours."""

    def fail(self, _: object) -> None:
        raise ZeroDivisionError("toy")


class Leaky(ToyDevice):
    """Loses one of its own credits."""

    def finish(self) -> bytes:
        self.credits[self.peers[0]] -= 1
        return super().finish()


class Hanging(Endless):
    """SIP 1 loops for ever inside one event."""

    def start(self) -> None:
        super().start()
        if self.sip == 1:
            self.engine.call_at(333, self.hang)

    def hang(self, _: object) -> None:
        while True:
            time.sleep(0.01)


class Dying(Endless):
    """The process of SIP 1 is killed from outside, in effect."""

    def start(self) -> None:
        super().start()
        if self.sip == 1:
            self.engine.call_at(333, self.die)

    def die(self, _: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class Vandal(Endless):
    """SIP 1 writes what is no frame into its process's connection to worker 0."""

    def start(self) -> None:
        super().start()
        if self.sip == 1:
            self.engine.call_at(333, self.scribble)

    def scribble(self, _: object) -> None:
        os.write(int(sys.argv[4]), b"no frame at all" * 9)


class Announcing(Endless):
    """Says in which process it runs, with how many threads for BLAS."""

    def start(self) -> None:
        super().start()
        os.write(2, f"sip{self.sip} {os.getpid()} {os.environ.get('OPENBLAS_NUM_THREADS')}\n".encode())


class Deaf(Hanging):
    """Hangs like Hanging, and says where."""

    def hang(self, _: object) -> None:
        os.write(2, f"sip{self.sip} {os.getpid()}\n".encode())
        super().hang(_)


def _factory(kind):
    return lambda payload, sip: kind(msgspec.msgpack.decode(payload, type=ToyConfig), sip)


miser, endless, faulty, broken, leaky, hanging, dying, vandal, announcing, deaf = map(
    _factory, (Miser, Endless, Faulty, Broken, Leaky, Hanging, Dying, Vandal, Announcing, Deaf)
)


def unbuildable(_payload: bytes, sip: int) -> ToyDevice:
    raise OSError(f"no parts for {sip}")
