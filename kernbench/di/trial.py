"""A launch tried on a copy of a SIP: a nested device at time 0 over the same bytes, of which nothing remains."""

from kernbench.common.errors import DeadlockError
from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.common.units import FS_PER_S, Fs
from kernbench.di.device import SipDevice
from kernbench.runtime_api.rank import Rank
from kernbench.topology.compile import Topology
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.launch import Launch

STRETCH: Fs = FS_PER_S // 10**6
"""Simulated time of a trial between two looks of the run at whether it goes on: about a window of several SIPs."""


class Trial:
    """Tries launches for the rank on `device`, whose program is parked meanwhile: it is that program that asks.

    The copy is stepped a stretch at a time; after each the run's window ends, since the run may have been stopped.
    """

    def __init__(self, topology: Topology, device: SipDevice, rank: Rank) -> None:
        self._topology = topology
        self._device = device
        self._rank = rank

    def __call__(self, launch: Launch, zeroed: tuple[PointerArg, ...]) -> Fs:
        """The launch's device time: from its first program's start to its last retirement."""
        device = SipDevice(self._topology, self._device.sip)
        device.space.copy(self._device.space)
        for memory, original in zip(device.memories, self._device.memories, strict=True):
            memory.borrow(original)
        for arg in zeroed:
            for part in device.space.everywhere(((arg.address, arg.nbytes),)):
                device.memories[part.cube].write(part.segments, bytes(part.size))
        device.host.run(lambda: self._rank.call(KernelLaunchMsg(launch, launch.place(self._rank.pes))))
        while (due := device.engine.next_time) is not None:
            device.engine.advance(due + STRETCH)
            self._rank.breathe()
        completion = device.host.result
        if completion is None:
            waiters = device.waiters()
            raise DeadlockError(
                f"{launch.name}: nothing can happen any more while its configs are tried: {waiters[0]}",
                where=device.name,
                sim_time_fs=self._rank.now(),
                waiters=tuple(waiters),
            )
        took: Fs = completion.device_end - completion.device_start
        return took
