"""What the ranks run for a probe: the steps of a plan one after another, each on a machine that is otherwise idle."""

from collections.abc import Iterator
from typing import Any

import msgspec

from kernbench.common.completion import Completion, Leg
from kernbench.common.messages.host import KernelLaunchMsg, MemoryReadMsg, MemoryWriteMsg, PeDmaMsg, QueueConnectMsg
from kernbench.common.units import Fs, transfer_time
from kernbench.policy.placement import Local
from kernbench.probing.kernels import nothing, put, take
from kernbench.probing.step import Access, Crowd, Launch, Put, decode, sip_of
from kernbench.triton_emu.launch import Launch as KernelLaunch

PING_BYTES = 32
PATIENCE = 4
"""A rank lets so many launch times pass before it believes that the other ranks are ready and the machine is idle."""


def measure(torch: Any, *, plan: str = "") -> Iterator[Any]:
    """Carry out steps; rank 0 is the initiator of all, the others only receive. A row for each step and party."""
    rank = torch._rank  # noqa: SLF001  # probes speak the messages below torch
    steps = decode(plan)
    probe = _Rank(torch, rank)
    probe.connect([step for step in steps if isinstance(step, Put)])
    for number, step in enumerate(steps):
        match step:
            case Access() if rank.index == 0:
                yield probe.access(number, step)
            case Launch() if rank.index == 0:
                yield probe.launch(number, step)
            case Put() if rank.index == sip_of(step.sender):
                yield from probe.put(number, step)
            case Put() if rank.index == sip_of(step.receiver):
                yield probe.received(number, step, rank.call(probe.receive(step)))
            case _:
                pass


def contend(torch: Any, *, crowd: str = "") -> Any:
    """Have a crowd ask one memory slice at once; the row lists every request with its waits by reason."""
    rank = torch._rank  # noqa: SLF001  # probes speak the messages below torch
    if rank.index:
        return None
    wanted = msgspec.json.decode(crowd, type=Crowd)
    placement = Local(wanted.cube, wanted.slice)
    count = len(wanted.initiators)
    tensor = torch.empty(count * wanted.requests * wanted.size, dtype=torch.int8, placement=placement)
    begin = rank.now()
    handles = []
    # Everybody's first request before anybody's second one: the host's link is not what they compete for.
    for turn in range(wanted.requests):
        for number, pe in enumerate(wanted.initiators):
            address = tensor.data_ptr() + (turn * count + number) * wanted.size
            handles.append((pe, rank.submit(PeDmaMsg(pe, address, wanted.size, wanted.write))))
    requests = [_request(pe, rank.wait(handle)) for pe, handle in handles]
    return torch.Row({"requests": requests}, begin, rank.now())


def _request(pe: str, completion: Completion) -> list[Any]:
    legs = completion.trace.legs
    # A request is made when the DMA's window has room for its answer; until then it is in no leg.
    waits: dict[str, Fs] = {"window_full": legs[1].start - legs[0].end}
    for leg in legs[1:-1]:
        for part, time in leg.parts.items():
            waits[part] = waits.get(part, 0) + time
    return [pe, legs[0].end, legs[-1].start, waits]


class _Rank:
    """One rank's part in a plan."""

    def __init__(self, torch: Any, rank: Any) -> None:
        self._torch = torch
        self._rank = rank
        self._ping = torch.empty(PING_BYTES, dtype=torch.int8, placement=Local()).data_ptr()

    def connect(self, puts: list[Put]) -> None:
        """Open every queue of the plan that this rank has an end of."""
        rank, ends = self._rank, dict.fromkeys(puts)
        receive: dict[str, dict[str, str]] = {}
        send: dict[str, dict[str, str]] = {}
        for each in ends:
            if sip_of(each.receiver) == rank.sip:
                receive.setdefault(_pe(each.receiver), {})[each.queue] = f"{each.sender}.dma"
            if sip_of(each.sender) == rank.sip:
                send.setdefault(_pe(each.sender), {})[each.queue] = f"{each.receiver}.dma"
        handles = [
            rank.submit(QueueConnectMsg(pe, receive.get(pe, {}), send.get(pe, {})))
            for pe in dict.fromkeys((*receive, *send))
        ]
        for handle in handles:
            rank.wait(handle)

    def access(self, number: int, step: Access) -> Any:
        """Read or write. A PE's time counts from its command's arrival to the end of its last answer."""
        rank = self._rank
        tensor = self._torch.empty(step.size, dtype=self._torch.int8, placement=Local(step.cube, step.slice))
        address = tensor.data_ptr()
        if step.initiator != "host":
            legs = rank.call(PeDmaMsg(step.initiator, address, step.size, step.write)).trace.legs
            return self._row(number, legs[0].end, legs[-1].start, legs[1:-1])
        message = MemoryWriteMsg(address, step.size, None) if step.write else MemoryReadMsg(address, step.size)
        done = rank.call(message)
        return self._row(number, done.submitted, done.completed, done.trace.legs)

    def launch(self, number: int, step: Launch) -> Any:
        """Launch a kernel that does nothing."""
        done = self._rank.call(KernelLaunchMsg(nothing.launch((1,)), (step.pe,)))
        return self._row(number, done.submitted, done.completed, (), device=(done.device_start, done.device_end))

    def put(self, number: int, step: Put) -> Iterator[Any]:
        """Send; a receiver on this rank is started before."""
        rank = self._rank
        own = rank.submit(self.receive(step)) if sip_of(step.receiver) == rank.sip else None
        self._settle(step)
        done = rank.call(self._kernel(put, step, step.sender))
        if own is not None:
            yield self.received(number, step, rank.wait(own))
        self._settle(step)
        yield self._row(number, done.submitted, rank.now(), (), device=(done.device_start, done.device_end))

    def receive(self, step: Put) -> KernelLaunchMsg:
        """What the receiver runs."""
        return self._kernel(take, step, step.receiver)

    def received(self, number: int, step: Put, done: Completion) -> Any:
        """The receiver's row."""
        return self._row(
            number, done.submitted, done.completed, (), device=(done.device_start, done.device_end), to=step.receiver
        )

    def _kernel(self, kernel: Any, step: Put, place: str) -> KernelLaunchMsg:
        slot = min(self._rank.machine.slot_bytes, step.size)
        block = 1 << max(slot - 1, 0).bit_length()
        launch: KernelLaunch = kernel.launch((1,), step.size, slot, self._torch.int8, block)
        launch.connect({"peer": step.queue}, "probe")
        return KernelLaunchMsg(launch, (_pe(place),))

    def _settle(self, step: Put) -> None:
        """Let time pass until whoever receives waits, or until a slot credit is home."""
        rank = self._rank
        begin = rank.now()
        done = rank.call(MemoryReadMsg(self._ping, PING_BYTES))
        way = rank.machine.path(f"{step.sender}.dma", f"{step.receiver}.dma")
        host = rank.machine.path(f"sip{rank.sip}.host", f"{step.sender}.dma").latency
        # What the sender has sent may still lie in buffers before the slowest link.
        until = begin + PATIENCE * (done.latency + way.latency + host) + transfer_time(step.size, way.bw)
        while rank.now() < until:
            rank.call(MemoryReadMsg(self._ping, PING_BYTES))

    def _row(self, number: int, start: Fs, end: Fs, legs: tuple[Leg, ...], **more: Any) -> Any:
        return self._torch.Row({"step": number, "legs": msgspec.to_builtins(legs), **more}, start, end)


def _pe(place: str) -> str:
    """A PE's name without its SIP."""
    return place.partition(".")[2]
