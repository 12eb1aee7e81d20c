"""`import torch` in a user's file where torch is installed: torch itself, whose CPU plays the memory of the rank's device.

A program for GPUs asks for tensors on "cuda" and looks whether they are there. Here all tensors lie in the host's memory,
kernels take them from there, and torch computes with them on the CPU; so a request for "cuda" is met with the CPU, and
what is on the CPU says that it is on "cuda:0". Only the user's modules see it this way; everybody else's torch is as it was.
"""

import importlib
from collections.abc import Callable, Mapping
from functools import wraps
from types import ModuleType
from typing import Any

from kernbench.runtime_api.host_cuda import Names, cuda_names, itself
from kernbench.runtime_api.rank import Rank
from kernbench.triton_emu.driver import current_host, is_hosted

DEVICE = "cuda"
_HAS_TRITON = dict.fromkeys(("has_triton", "has_triton_package"), lambda: True)
"""Whether there is a triton: torch looks among everybody's modules, the user's have the emulation."""


class InstalledTorch:
    """Stands for `torch` in the user's modules. `modules` are what an import of theirs gives, by absolute name.

    torch is imported when a name of it is asked for, not before. `close` ends what the program saw of it.
    """

    def __init__(self, rank: Rank) -> None:
        self._cuda = {name: value for name, value in cuda_names(rank).items() if name != "amp"}
        self._modes: list[Any] = []
        self.modules: dict[str, ModuleType] = {
            "torch": _Around("torch", self._names),
            "torch.cuda": _Around("torch.cuda", self._cuda_names),
            "torch.autograd": _Around("torch.autograd", self._autograd),
            # A kernel is launched as it is: torch's wrapping, for its compiler, looks for the triton that is installed.
            "torch.utils": _Around("torch.utils", lambda _: {"_triton": self.modules["torch.utils._triton"]}),
            "torch.utils._triton": _Around("torch.utils._triton", lambda _: _HAS_TRITON),
            "torch._C": _Around("torch._C", lambda _: {"_cuda_getCurrentRawStream": lambda _device=0: 0}),
            "torch.library": _Around("torch.library", lambda _: {"wrap_triton": lambda kernel: kernel}),
            "torch.autograd.function": _Around("torch.autograd.function", self._autograd),
        }

    def a_device(self) -> Any:
        """What a tensor of the rank says its device is."""
        return self.modules["torch"].device(DEVICE, 0)

    def close(self) -> None:
        """Give torch's own view of devices back."""
        while self._modes:
            self._modes.pop().__exit__(None, None, None)

    def _names(self, torch: Any) -> dict[str, Any]:
        self._see_devices(torch)
        waiting = {name: self._cuda[name] for name in ("synchronize", "current_stream", "set_stream")}
        return {
            "cuda": self.modules["torch.cuda"],
            "autograd": self.modules["torch.autograd"],
            **{name: self.modules[f"torch.{name}"] for name in ("library", "utils", "_C")},
            "compile": itself,  # eager values are the same, and torch's compiler does not see devices as the program does
            "accelerator": Names(
                "torch.accelerator",
                is_available=lambda: True,
                current_accelerator=lambda *_checked, **_options: torch.device(DEVICE),
                device_count=lambda: 1,
                **waiting,
            ),
            "Generator": lambda *_device, **_options: torch.Generator(),
        }

    def _cuda_names(self, torch: Any) -> dict[str, Any]:
        self._see_devices(torch)
        return self._cuda

    def _autograd(self, torch: Any) -> dict[str, Any]:
        """`Function`: torch calls its `backward` from its engine, where what the caller saw of devices is gone."""
        mode = self._see_devices(torch)

        class Function(torch.autograd.Function):  # type: ignore[misc]  # torch is not there to be checked
            """torch's own, with a `backward` that sees devices as the rest of the program does."""

            def __init_subclass__(cls, **options: Any) -> None:
                super().__init_subclass__(**options)
                backward = vars(cls).get("backward")
                if isinstance(backward, staticmethod):
                    cls.backward = staticmethod(_inside(mode, backward.__func__))

        return {"Function": Function}

    def _see_devices(self, torch: Any) -> Any:
        """The mode that this thread's torch is in until `close`."""
        if not self._modes:
            self._modes.append(_device_mode(torch))
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
            self._module = importlib.import_module(self.__name__)
            self.__dict__.update(self._make(importlib.import_module("torch")))
            return getattr(self, name)
        return getattr(self._module, name)


def _device_mode(torch: Any) -> Any:
    """A torch function mode that has the CPU play the device."""
    tensor = torch.Tensor

    def is_here(x: Any) -> bool:
        with torch._C.DisableTorchFunction():  # noqa: SLF001  # its only name; what another mode would answer is not asked
            found: bool = x.device.type == "cpu"
        return found

    answers: dict[Any, Callable[..., Any]] = {
        tensor.is_cuda.__get__: is_here,
        tensor.device.__get__: lambda x: torch.device(DEVICE, 0) if is_here(x) else x.device,
        tensor.get_device: lambda x: 0 if is_here(x) else x.get_device(),
        tensor.data_ptr: lambda x: current_host("data_ptr").address(x),
        # What is copied to another device is not written there: a copy, though both lie in one memory.
        tensor.cuda: lambda x, *_device, **_options: x.clone(),
        tensor.cpu: lambda x, **_options: x.clone(),
        tensor.pin_memory: lambda x, *_device: x,
    }
    functional = getattr(getattr(torch, "nn", None), "functional", None)
    if functional is not None:
        answers[functional.layer_norm] = lambda *args, **options: _in_float32(
            torch, functional.layer_norm, args, options
        )

    def placed(value: Any) -> Any:
        """Where a value that may name a device is met."""
        if isinstance(value, str):
            return "cpu" if value.partition(":")[0] == DEVICE else value
        return "cpu" if isinstance(value, torch.device) and value.type == DEVICE else value

    class DeviceMode(torch.overrides.TorchFunctionMode):  # type: ignore[misc]
        """Sees each call of torch that the program makes: its functions, its tensors' methods and attributes."""

        def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            del types
            options = {} if kwargs is None else {**kwargs}
            if not is_hosted():  # a program that was stopped in its middle has not closed; nobody else is to notice
                return function(*args, **options)
            answer = answers.get(function)
            if answer is not None:
                return answer(*args, **options)
            options.pop("pin_memory", None)
            device = options.get("device")
            if device is not None:
                options["device"] = "cpu" if type(device) is int else placed(device)
            if function is not tensor.to:
                return function(*args, **options)
            found = function(args[0], *map(placed, args[1:]), **options)
            moved = device is not None or any(isinstance(each, str | torch.device) for each in args[1:])
            return found.clone() if moved and found is args[0] else found

    return DeviceMode()


def _in_float32(torch: Any, function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A function of 16-bit tensors, `input` first, that a GPU sums up in float32, done so.

    torch's CPU adds up the gradients of `layer_norm`'s weight and bias in the tensors' own type: over a thousand rows of
    float16 they are off by a hundredth, more than programs allow that compare their kernels with it.
    """
    kind = (args[0] if args else options["input"]).dtype
    if kind not in (torch.float16, torch.bfloat16):
        return function(*args, **options)
    wide = [each.float() if isinstance(each, torch.Tensor) else each for each in args]
    named = {name: each.float() if isinstance(each, torch.Tensor) else each for name, each in options.items()}
    return function(*wide, **named).to(kind)


def _inside(mode: Any, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, called with the mode on."""

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        with mode:
            return function(*args, **options)

    return call
