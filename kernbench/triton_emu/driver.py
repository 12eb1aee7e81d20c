"""`triton.runtime.driver`: the device as a Triton program asks for it, answered from the topology of the rank's SIP."""

from contextvars import ContextVar
from typing import Any, NoReturn, Protocol

import msgspec

from kernbench.common.errors import UsageError
from kernbench.common.units import Fs
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.launch import Launch

BACKEND, ARCH, CAPABILITY = "cuda", 80, (8, 0)
"""What programs choose their path among GPUs by; the plain path of the oldest common one suits a device that is none."""
WARP = 32
REGISTERS = 65536
"""A PE has no registers to run out of: quotients of these two numbers never bound a program's occupancy."""
REGISTERS_USED = 32


class DeviceFacts(msgspec.Struct, frozen=True):
    """What a program can ask about its device: PEs, TCM bytes of each, clock (Hz), memory bandwidth (bytes/s), FLOP/s."""

    pes: int
    tcm_bytes: int
    clock_hz: int
    memory_bw: int
    matrix_flops: int
    vector_flops: int


class Host(Protocol):
    """The rank that a Triton program runs on, as far as the emulation needs it."""

    @property
    def facts(self) -> DeviceFacts:
        """The device."""

    @property
    def index(self) -> int:
        """Number of the rank."""

    def now(self) -> Fs:
        """Simulated time."""

    def trial(self, launch: Launch, zeroed: tuple[PointerArg, ...]) -> Fs:
        """Device time of a launch tried on a copy of the device at time 0, with some tensors zeroed; nothing remains."""

    def device(self) -> Any:
        """What a tensor of the rank has as its device."""

    def adopt(self, name: str, tensor: Any) -> PointerArg:
        """Make a tensor of the host's own torch an argument: read before each launch, written back after it."""

    def address(self, tensor: Any) -> int:
        """The device's address of such a tensor, which kernels may follow from now on."""


_host: ContextVar[Host | None] = ContextVar("host", default=None)


def set_host(host: Host) -> None:
    """Let `host` answer the program that calls this; each rank's greenlet has its own context."""
    _host.set(host)


def is_hosted() -> bool:
    """Whether it is a rank's program that asks."""
    return _host.get() is not None


def current_host(what: str) -> Host:
    """The rank whose program asks."""
    host = _host.get()
    if host is None:
        raise UsageError(f"{what}: only a rank's program has a device; run it with kernbench run")
    return host


class Target(msgspec.Struct, frozen=True):
    """What Triton compiles for."""

    backend: str
    arch: int
    warp_size: int


TARGET = Target(BACKEND, ARCH, WARP)
"""What our device passes for."""


class DeviceQueries:
    """`driver.active.utils`: figures by Triton's names."""

    def get_device_properties(self, _device: Any = 0) -> dict[str, int]:
        """Figures of the device: multiprocessors are PEs, shared memory is the TCM of one, clocks are in kHz."""
        facts = current_host("get_device_properties").facts
        return {
            "max_shared_mem": facts.tcm_bytes,
            "max_num_regs": REGISTERS,
            "multiprocessor_count": facts.pes,
            "warpSize": WARP,
            "sm_clock_rate": facts.clock_hz // 1000,
            "mem_clock_rate": facts.clock_hz // 1000,
            "mem_bus_width": 8 * facts.memory_bw // (2 * facts.clock_hz),
        }


class ActiveDriver:
    """`driver.active`: the one device of the rank."""

    utils = DeviceQueries()

    @staticmethod
    def is_active() -> bool:
        """Whether there is a device for it: always."""
        return True

    def get_active_torch_device(self) -> Any:
        """What a tensor is made on."""
        return current_host("get_active_torch_device").device()

    def get_current_target(self) -> Target:
        """What kernels are compiled for."""
        return TARGET

    def get_current_device(self) -> int:
        """A rank has one device."""
        return 0

    def set_current_device(self, device: int) -> None:
        """Choose the only device."""
        if device != 0:
            raise UsageError(f"set_current_device({device}): a rank has one device, number 0")

    def get_current_stream(self, _device: Any = None) -> int:
        """A rank has one stream: its commands run in order."""
        return 0

    def get_benchmarker(self) -> Any:
        """What measures a function: simulated time."""
        from kernbench.triton_emu.testing import do_bench  # noqa: PLC0415  # testing asks the driver for its host

        return do_bench

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"triton.runtime.driver.active.{name} does not exist here")


class Driver:
    """`triton.runtime.driver`."""

    active = ActiveDriver()

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"triton.runtime.driver.{name} does not exist here; it has `active`")
