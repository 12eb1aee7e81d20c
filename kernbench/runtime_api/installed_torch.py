"""`import torch` in a user's file where torch is installed: torch itself, whose CPU plays the memory of the rank's device.

A program for GPUs asks for tensors on "cuda" and looks whether they are there. Here all tensors lie in the host's memory,
kernels take them from there, and torch computes with them on the CPU; so a request for "cuda" is met with the CPU, and
what is on the CPU says that it is on "cuda:0". Only the user's modules see it this way; everybody else's torch is as it was.
"""

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from kernbench.runtime_api.device_mode import DEVICE, device_mode, inside, met
from kernbench.runtime_api.distributed import Distributed
from kernbench.runtime_api.distributed_names import NAMES
from kernbench.runtime_api.host_cuda import CUDA_VERSION, Stream, accelerator_names, cuda_names, itself, nvtx_names
from kernbench.runtime_api.installed_autocast import autocast_names, cuda_autocast_names
from kernbench.runtime_api.installed_generator import device_generator, generator_class, generator_names
from kernbench.runtime_api.installed_library import library_names
from kernbench.runtime_api.installed_stream import device_stream
from kernbench.runtime_api.rank import Rank

_HAS_TRITON = dict.fromkeys(("has_triton", "has_triton_package"), lambda: True)
"""Whether there is a triton: torch looks among everybody's modules, the user's have the emulation."""


_PARTS = ("cuda", "accelerator", "autograd", "amp", "library", "utils", "version", "distributed", "_C")
"""The modules of torch that a program finds as attributes of it."""


class InstalledTorch:
    """Stands for `torch` in the user's modules. `modules` are what an import of theirs gives, by absolute name.

    torch is imported when a name of it is asked for, not before. `close` ends what the program saw of it.
    """

    def __init__(self, rank: Rank, distributed: Distributed) -> None:
        self._rank = rank
        self._modes: list[Any] = []
        self._found: tuple[Any, Stream] | None = None
        makers: dict[str, Callable[[Any], Mapping[str, Any]]] = {
            "torch": self._names,
            "torch.cuda": self._cuda_names,
            "torch.accelerator": self._accelerator_names,
            "torch.autograd": self._autograd,
            "torch.autograd.function": self._autograd,
            "torch.version": lambda _: {"cuda": CUDA_VERSION, "hip": None},
            "torch.amp": autocast_names,
            "torch.amp.autocast_mode": autocast_names,
            "torch.cuda.nvtx": lambda _: nvtx_names(),
            "torch.cuda.amp": cuda_autocast_names,
            "torch.cuda.amp.autocast_mode": cuda_autocast_names,
            # A kernel is launched as it is: torch's wrapping, for its compiler, looks for the triton that is installed.
            "torch.utils": lambda _: {name: self.modules[f"torch.utils.{name}"] for name in ("_triton", "checkpoint")},
            "torch.utils._triton": lambda _: _HAS_TRITON,
            "torch.utils.checkpoint": self._checkpoint,
            "torch.distributed": lambda _: {name: getattr(distributed, name) for name in NAMES},
            "torch._C": lambda _: {"_cuda_getCurrentRawStream": lambda _device=0: 0},
            "torch.library": lambda torch: library_names(torch, self._see_devices(torch)),
        }
        self.modules: dict[str, ModuleType] = {name: _Around(name, make) for name, make in makers.items()}

    def a_device(self) -> Any:
        """What a tensor of the rank says its device is."""
        return self.modules["torch"].device(DEVICE, 0)

    def close(self) -> None:
        """Give torch's own view of devices back."""
        while self._modes:
            self._modes.pop().__exit__(None, None, None)

    def _names(self, torch: Any) -> dict[str, Any]:
        self._see_devices(torch)

        def manual_seed(seed: Any) -> Any:
            """Seed the device too."""
            self._parts(torch)[0].manual_seed(seed)
            return torch.manual_seed(seed)

        def get_device_module(device: Any = None) -> Any:
            """The module of a device, of the program's own by default."""
            kind = str(DEVICE if device is None else device).partition(":")[0]
            return self.modules["torch.cuda"] if kind == DEVICE else torch.get_device_module(device)

        def load(f: Any, map_location: Any = None, *args: Any, **options: Any) -> Any:
            """A file's tensors; those that were saved on a GPU are met with the CPU where nothing else is said."""
            place = "cpu" if map_location is None else met(torch, map_location)
            if isinstance(place, dict):
                place = {f"{DEVICE}:0": "cpu", **{name: met(torch, each) for name, each in place.items()}}
            return torch.load(f, place, *args, **options)

        return {
            **{name: self.modules[f"torch.{name}"] for name in _PARTS},
            **autocast_names(torch),
            "compile": itself,  # eager values are the same, and torch's compiler does not see devices as the program does
            "Generator": generator_class(torch),
            "manual_seed": manual_seed,
            "load": load,
            "set_default_device": lambda device: torch.set_default_device(met(torch, device)),
            "get_device_module": get_device_module,
        }

    def _cuda_names(self, torch: Any) -> dict[str, Any]:
        self._see_devices(torch)
        generator, stream = self._parts(torch)
        return {
            **cuda_names(self._rank, stream),
            **generator_names(torch, generator),
            **{name: self.modules[f"torch.cuda.{name}"] for name in ("amp", "nvtx")},
        }

    def _accelerator_names(self, torch: Any) -> dict[str, Any]:
        _, stream = self._parts(torch)
        return {
            **accelerator_names(self._rank, stream),
            "current_accelerator": lambda *_checked, **_options: torch.device(DEVICE),
        }

    def _checkpoint(self, torch: Any) -> dict[str, Any]:
        """`checkpoint`: torch computes again from its engine, where what the caller saw of devices is gone."""
        mode, checkpoint = self._see_devices(torch), torch.utils.checkpoint.checkpoint
        return {"checkpoint": lambda function, *args, **options: checkpoint(inside(mode, function), *args, **options)}

    def _parts(self, torch: Any) -> tuple[Any, Stream]:
        """The generator and the stream of the rank's device."""
        if self._found is None:
            self._found = device_generator(torch), device_stream(torch, self._rank)
        return self._found

    def _autograd(self, torch: Any) -> dict[str, Any]:
        """`Function`: torch calls its `backward` from its engine, where what the caller saw of devices is gone."""
        mode = self._see_devices(torch)

        class Function(torch.autograd.Function):  # type: ignore[misc]  # torch is not there to be checked
            """torch's own, with a `backward` that sees devices as the rest of the program does."""

            def __init_subclass__(cls, **options: Any) -> None:
                super().__init_subclass__(**options)
                backward = vars(cls).get("backward")
                if isinstance(backward, staticmethod):
                    cls.backward = staticmethod(inside(mode, backward.__func__))

        return {"Function": Function}

    def _see_devices(self, torch: Any) -> Any:
        """The mode that this thread's torch is in until `close`."""
        if not self._modes:
            self._modes.append(device_mode(torch))
            self._modes[0].__enter__()
        return self._modes[0]


class _Around(ModuleType):
    """An installed module with some names of our own, which `make` gives when the first name is asked for."""

    def __init__(self, name: str, make: Callable[[Any], Mapping[str, Any]]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []
        self._make = make
        self._module: ModuleType | None = None

    def __getattr__(self, name: str) -> Any:
        if self._module is None:
            if name.startswith("__"):  # inspect looks at every module; that is no reason to load torch
                raise AttributeError(name)
            self._module = self._installed()
            self.__dict__.update(self._make(importlib.import_module("torch")))
            return getattr(self, name)
        return getattr(self._module, name)

    def _installed(self) -> ModuleType:
        """The module; an older torch does not have each of them, and is given what we have."""
        try:
            return importlib.import_module(self.__name__)
        except ModuleNotFoundError:
            return ModuleType(self.__name__)
