"""`torch.cuda` as a program for GPUs asks it: the one device of the rank, in simulated time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from kernbench.common.units import FS_PER_S, Fs
from kernbench.runtime_api.device import Device
from kernbench.runtime_api.rank import Rank
from kernbench.triton_emu.driver import CAPABILITY, REGISTERS, WARP

NAME = "kernbench"
CUDA_VERSION = "12.8"
"""One that knows the capability of the device: programs compare it with the least that they need."""
THREADS = 2048
"""Threads of a multiprocessor, as many as the GPU has whose capability ours says: a PE has none that would run out."""
L2_BYTES = 40 << 20
"""The cache of the same GPU: there is none here, and programs size what they read to flush it by this."""


class Names(SimpleNamespace):
    """A module of torch, where none is installed, in a few names; another one is an AttributeError that says whose it is."""

    def __init__(self, path: str, **names: Any) -> None:
        super().__init__(**names)
        self.__dict__["__name__"] = path

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__dict__['__name__']}.{name} does not exist here; where torch is installed, it does"
        )


class Event:
    """`torch.cuda.Event`: an instant of simulated time; everything before it has ended, since each call waits."""

    def __init__(self, rank: Rank) -> None:
        self._rank = rank
        self.time: Fs = 0

    def record(self, _stream: Any = None) -> None:
        """Note the present instant."""
        self.time = self._rank.now()

    def elapsed_time(self, end: "Event") -> float:
        """Milliseconds from this event to `end`."""
        return (end.time - self.time) / (FS_PER_S // 1000)

    def synchronize(self) -> None:
        """Return: nothing is under way."""

    def wait(self, _stream: Any = None) -> None:
        """Return: nothing is under way."""

    def query(self) -> bool:
        """Whether it has happened: always."""
        return True


class Stream:
    """`torch.cuda.Stream`: the one queue of the rank, whatever a program calls it; each call waits for its end."""

    cuda_stream = 0

    def __init__(self, rank: Rank) -> None:
        self._rank = rank

    def synchronize(self) -> None:
        """Return: nothing is under way."""

    def wait_stream(self, _stream: Any) -> None:
        """Return: nothing is under way."""

    def wait_event(self, _event: Any) -> None:
        """Return: nothing is under way."""

    def record_event(self, event: Event | None = None) -> Event:
        """An event of the present instant."""
        made = event or Event(self._rank)
        made.record()
        return made

    def query(self) -> bool:
        """Whether all is done: always."""
        return True


class Chosen:
    """`torch.cuda.device`: a context that chooses the only device."""

    idx = 0
    prev_idx = 0

    def __init__(self, _device: Any = None) -> None:
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        pass


def cuda_names(rank: Rank, stream: Stream) -> dict[str, Any]:
    """The names of `torch.cuda` that programs around kernels use, answered from the topology of the rank's SIP."""
    return {
        "is_available": _yes,
        "is_initialized": lambda: True,
        "init": ignore,
        "_lazy_init": ignore,
        "is_bf16_supported": lambda *_asked, **_options: True,
        "is_current_stream_capturing": lambda: False,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "set_device": ignore,
        "synchronize": ignore,
        "empty_cache": ignore,
        "manual_seed": ignore,
        "manual_seed_all": ignore,
        "seed": ignore,
        "seed_all": ignore,
        "reset_peak_memory_stats": ignore,
        "reset_max_memory_allocated": ignore,
        "ipc_collect": ignore,
        "_sleep": ignore,
        "amp": Names("torch.cuda.amp", custom_fwd=itself, custom_bwd=itself, autocast=unchanged),
        "nvtx": Names("torch.cuda.nvtx", **nvtx_names()),
        "get_arch_list": lambda: [f"sm_{CAPABILITY[0]}{CAPABILITY[1]}"],
        "can_device_access_peer": lambda *_devices: False,
        "get_sync_debug_mode": lambda: 0,
        "set_sync_debug_mode": ignore,
        "get_device_name": lambda *_device, **_named: NAME,
        "get_device_capability": lambda *_device, **_named: CAPABILITY,
        "get_device_properties": lambda *_device, **_named: _properties(rank),
        "mem_get_info": lambda *_device, **_named: (rank.space.free_bytes, _memory(rank)),
        "Event": lambda *_kind, **_options: Event(rank),
        "Stream": lambda *_device, **_options: stream,
        "current_stream": lambda *_device, **_named: stream,
        "default_stream": lambda *_device, **_named: stream,
        "set_stream": ignore,
        "stream": unchanged,
        "device": Chosen,
        "device_of": Chosen,
    }


def _memory(rank: Rank) -> int:
    """Bytes of the device."""
    geometry = rank.space.geometry
    return geometry.slices * geometry.slice_bytes


def _properties(rank: Rank) -> SimpleNamespace:
    """Figures of the device: multiprocessors are PEs, shared memory is the TCM of one."""
    tcm = rank.machine.section("pe_tcm").capacity
    return SimpleNamespace(
        name=NAME,
        major=CAPABILITY[0],
        minor=CAPABILITY[1],
        warp_size=WARP,
        multi_processor_count=len(rank.pes),
        total_memory=_memory(rank),
        max_threads_per_block=THREADS // 2,
        max_threads_per_multi_processor=THREADS,
        regs_per_multiprocessor=REGISTERS,
        shared_memory_per_block=tcm,
        shared_memory_per_block_optin=tcm,
        shared_memory_per_multiprocessor=tcm,
        L2_cache_size=L2_BYTES,
    )


def nvtx_names() -> dict[str, Any]:
    """The names of `torch.cuda.nvtx`: nobody looks at its ranges."""
    return {
        **dict.fromkeys(("range_push", "range_pop", "range_start", "range_end", "mark"), ignore),
        "range": unchanged,
    }


def accelerator_names(rank: Rank, stream: Stream) -> dict[str, Any]:
    """The names of `torch.accelerator`: the same device."""
    cuda = cuda_names(rank, stream)
    taken = ("is_available", "device_count", "synchronize", "current_stream", "set_stream")
    return {
        **{name: cuda[name] for name in taken},
        "current_accelerator": lambda *_checked, **_options: Device(0),
        "current_device_index": lambda: 0,
        "current_device_idx": lambda: 0,
        "set_device_index": ignore,
        "set_device_idx": ignore,
        "device_index": Chosen,
    }


def _yes() -> bool:
    return True


def ignore(*_args: Any, **_options: Any) -> None:
    """Do what a device with one stream has done already."""


def itself(function: Callable[..., Any] | None = None, **_options: Any) -> Any:
    """A decorator, with or without options, that would compile or cast."""
    return itself if function is None else function


@contextmanager
def unchanged(*_args: Any, **_options: Any) -> Iterator[None]:
    """A context, or a decorator, that changes nothing."""
    yield
