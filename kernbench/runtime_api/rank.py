"""One rank: the identity of a host program, its device as it sees it, and the only way to ask that device anything."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol, Self

import msgspec

from kernbench.common.completion import Completion, RequestHandle
from kernbench.common.coroutine import suspend
from kernbench.common.errors import UsageError
from kernbench.common.messages.host import Breath, Mark, Pause, Submit, Wait, WaitAny
from kernbench.common.messages.memory import Segment
from kernbench.common.units import BytesPerSecond, Fs
from kernbench.policy.address import AddressSpace
from kernbench.telemetry.phase_log import PhaseLog
from kernbench.telemetry.probe import Probe


class Bytes(Protocol):
    """The bytes of a cube, looked at or put there outside simulated time."""

    def read(self, segments: tuple[Segment, ...], /) -> bytes:
        """Give the bytes of the segments."""

    def write(self, segments: tuple[Segment, ...], data: bytes, /) -> None:
        """Put bytes into the segments."""

    def alike(self, other: Self, segments: tuple[Segment, ...], /) -> None:
        """Hold equal bytes of the segments in common with another one."""


class Stage(msgspec.Struct, frozen=True):
    """A link on a path where messages can queue: it lies between SIPs, or is narrower than the sender's own link.

    A head begins with it `lead` (fs) after it began with the stage before, or left the sender. `room` bytes fit on and
    before it where nothing else passes, `shared` bytes before that, where messages to elsewhere wait in the same line.
    """

    link: str
    bw: BytesPerSecond
    lead: Fs
    room: int
    shared: int


class Path(msgspec.Struct, frozen=True):
    """What a message from one endpoint to another meets with nobody else about: head latency (fs), lowest bandwidth.

    `stages` are the links on its way where it can queue behind others.
    """

    latency: Fs
    bw: BytesPerSecond
    stages: tuple[Stage, ...] = ()


class Fabric(NamedTuple):
    """What one SIP can send into the fabric and get from it, all its links together, in bytes/s."""

    out: BytesPerSecond
    into: BytesPerSecond


class Machine(Protocol):
    """Facts of the topology that placement of work and closed forms are computed from; no result is among them."""

    slot_bytes: int
    slots: int
    packet_bytes: int
    cube_mesh: tuple[int, int]

    def path(self, src: str, dst: str) -> Path:
        """The way between two endpoints given by full name."""

    def section(self, part: str) -> Any:
        """The config of a part of a PE, a cube or the host, by its section: `pe_math`, `ipcq`, `hbm_ctrl`, ..."""

    def fabric(self, sip: int) -> Fabric:
        """What a SIP's links of the fabric can carry."""

    def slice_bw(self) -> BytesPerSecond:
        """What one memory slice serves, in bytes/s."""


class Rank:
    """Rank `index` of `world`, on SIP `sip`. `values` tells whether bytes are computed or only time.

    Everything it asks of its device suspends the program that runs it; nothing here steps an environment.
    """

    def __init__(
        self,
        index: int,
        world: int,
        sip: int,
        pes: Sequence[str],
        space: AddressSpace,
        memories: Sequence[Bytes],
        machine: Machine,
        *,
        seed: int,
        values: bool,
        phases: PhaseLog | None = None,
    ) -> None:
        self.index = index
        self.world = world
        self.sip = sip
        self.pes = pes
        self.space = space
        self.machine = machine
        self.seed = seed
        self.values = values
        self.phases = phases or PhaseLog(sip, lambda: 0, Probe())
        self.random: Any = None
        """The stream of random numbers that `torch.manual_seed` starts anew."""
        self.tracing = False
        """Whether functions of tensors note what they came from, for gradients."""
        self.steps = 0
        """How many did."""
        self._memories = memories
        self._names = 0

    def use(self, pes: int) -> None:
        """Launch on the first so many PEs of the device from now on; 0: on all."""
        if pes > len(self.pes):
            raise UsageError(f"--pes {pes}: the device has {len(self.pes)} PEs; use 1 to {len(self.pes)}, or 0 for all")
        self.pes = self.pes[:pes] if pes else self.pes

    def endpoint(self, rank: int, pe: str) -> str:
        """Give the network name of a PE of another rank: rank r runs on SIP r."""
        return f"sip{rank}.{pe}.dma"

    def submit(self, message: Any) -> RequestHandle:
        """Hand a request to the device and go on."""
        handle: RequestHandle = suspend(Submit(message))
        return handle

    def wait(self, handle: RequestHandle) -> Completion:
        """Suspend until a request is done."""
        completion: Completion = suspend(Wait(handle))
        return completion

    def wait_any(self, handles: Sequence[RequestHandle]) -> None:
        """Suspend until one of them is done; there is at least one."""
        suspend(WaitAny(tuple(handles)))

    def call(self, message: Any) -> Completion:
        """Submit and wait."""
        return self.wait(self.submit(message))

    def now(self) -> Fs:
        """Simulated time, in fs."""
        time: Fs = suspend(Mark())
        return time

    def pause(self, time: Fs) -> None:
        """Do nothing for `time`, in fs."""
        suspend(Pause(time))

    def breathe(self) -> None:
        """Let the window end and go on at this very instant: a run can be stopped or held while the program works."""
        suspend(Breath())

    def phase(self, name: str) -> AbstractContextManager[None]:
        """Name what happens inside for those who watch: `with rank.phase("all_reduce"): ...`. It takes no time."""
        return self.phases.phase(name)

    def fresh_name(self, prefix: str) -> str:
        """Give a name that no other tensor of this rank has."""
        self._names += 1
        return f"{prefix}{self._names}"

    def peek(self, address: int, size: int) -> bytes:
        """Read memory outside simulated time: no message, no wait, no trace in the digest of time."""
        out = bytearray(size)
        for part in self.space.translate(((address, size),)):
            data = self._memories[part.cube].read(part.segments)
            at = 0
            for segment in part.segments:
                out[segment.position : segment.position + segment.length] = data[at : at + segment.length]
                at += segment.length
        return bytes(out)

    def poke(self, address: int, data: bytes) -> None:
        """Put bytes into memory outside simulated time, as `peek` looks at them; copies take the space of one."""
        parts = self.space.everywhere(((address, len(data)),))
        for part in parts:
            pieces = [data[each.position : each.position + each.length] for each in part.segments]
            memory = self._memories[part.cube]
            memory.write(part.segments, b"".join(pieces))
            memory.alike(self._memories[parts[0].cube], part.segments)
