"""The rank as Triton programs need it: it launches their kernels, tells them about the device, and keeps their books."""

from collections.abc import Callable
from typing import Any

from kernbench.common.completion import Completion
from kernbench.common.messages.host import KernelLaunchMsg
from kernbench.common.units import Fs
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.roof import flops
from kernbench.runtime_api.torch_mirror import TorchMirror
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.driver import DeviceFacts
from kernbench.triton_emu.launch import Launch

Trial = Callable[[Launch, tuple[PointerArg, ...]], Fs]
"""Tries a launch on a copy of the rank's device, with some tensors zeroed first: its device time."""


_NOTHING = {"start_fs": 0, "end_fs": 0, "launch_fs": 0, "queued_fs": 0, "overlap_fs": 0, "wrong": None}


class KernelHost:
    """A `triton_emu.driver.Host`: `device_of` says what a tensor of the rank has as its device.

    `rows` has a row for each kernel and grid, in order of first launch: launches so far, and their times together.
    """

    def __init__(self, rank: Rank, trial: Trial, device_of: Callable[[], Any]) -> None:
        self._rank = rank
        self._trial = trial
        self._device_of = device_of
        self._mirror = TorchMirror(rank)
        self._books: dict[tuple[str, str], dict[str, Any]] = {}
        self.rows: list[dict[str, Any]] = []

    @property
    def index(self) -> int:
        """Number of the rank."""
        return self._rank.index

    @property
    def facts(self) -> DeviceFacts:
        """The device, from the topology."""
        rank = self._rank
        memory_bw = rank.machine.slice_bw() * rank.space.geometry.slices
        tcm, math = rank.machine.section("pe_tcm"), rank.machine.section("pe_math")
        return DeviceFacts(len(rank.pes), tcm.capacity, math.clock, memory_bw, *flops(rank.machine, len(rank.pes)))

    def now(self) -> Fs:
        """Simulated time."""
        return self._rank.now()

    def device(self) -> Any:
        """What a tensor of the rank has as its device."""
        return self._device_of()

    def adopt(self, name: str, tensor: Any) -> PointerArg:
        """Make a CPU tensor of torch an argument."""
        return self._mirror.adopt(name, tensor)

    def address(self, tensor: Any) -> int:
        """The device's address of a CPU tensor of torch."""
        return self._mirror.address(tensor)

    def trial(self, launch: Launch, zeroed: tuple[PointerArg, ...]) -> Fs:
        """Device time of a launch tried on a copy of the device."""
        self._mirror.lend_known()
        return self._trial(launch, zeroed)

    def launch(self, launch: Launch) -> Completion:
        """Run a kernel on the device, wait for it, say when it ran."""
        self._mirror.lend_known()
        with self._rank.phase(launch.name):
            completion = self._rank.call(KernelLaunchMsg(launch, launch.place(self._rank.pes)))
        self._mirror.write_back()
        self._enter(launch, completion)
        return completion

    def _enter(self, launch: Launch, completion: Completion) -> None:
        grid = "x".join(str(extent) for extent in launch.grid if extent > 1) or "1"
        device = completion.device_end - completion.device_start
        row = self._books.get((launch.name, grid))
        if row is None:
            row = self._books[launch.name, grid] = {"kernel": launch.name, "grid": grid, "launches": 0, **_NOTHING}
            self.rows.append(row)
        row["launches"] += 1
        row["end_fs"] += device
        row["launch_fs"] += completion.latency - device
        row["queued_fs"] += completion.queued
        row["overlap_fs"] += completion.overlap
