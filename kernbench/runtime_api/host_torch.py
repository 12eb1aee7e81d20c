"""`import torch` in a user's file where no torch is installed: the rank's own namespace, as a module."""

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import ModuleType, SimpleNamespace
from typing import Any

from kernbench.common.units import FS_PER_S, Fs
from kernbench.runtime_api.host_functions import HostFunctions
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.torch import Torch
from kernbench.triton_emu import dtype as dtypes
from kernbench.triton_emu.driver import CAPABILITY

_IGNORED = frozenset({"device", "requires_grad", "pin_memory", "layout", "memory_format", "non_blocking", "generator"})
"""Arguments of torch that mean nothing where a rank has one device and its tensors are made there."""


class HostTorch(ModuleType):
    """The names of the rank's `Torch`, and around them what a program for GPUs asks of `torch` besides tensors."""

    def __init__(self, torch: Torch, rank: Rank) -> None:
        super().__init__("torch")
        self.__path__: list[str] = []
        self.__version__ = "2.0.0+kernbench"
        self._torch = torch
        self._functions = HostFunctions(torch)
        self._rank = rank
        self._around = {
            "cuda": _cuda(rank),
            "version": Names("torch.version", cuda="0.0", hip=None),
            "autograd": Names("torch.autograd", Function=Function),
            "jit": Names("torch.jit", script=_itself, ignore=_itself),
            "compile": _itself,
            "compiler": Names("torch.compiler", disable=_itself, is_compiling=lambda: False),
            "amp": Names("torch.amp", custom_fwd=_itself, custom_bwd=_itself),
            "is_grad_enabled": lambda: False,
            "no_grad": _nothing,
            "inference_mode": _nothing,
            "enable_grad": _nothing,
            "is_tensor": lambda value: isinstance(value, torch.Tensor),
            "nn": Names("torch.nn", functional=_Functional(self)),
            "float8_e4m3fn": dtypes.BY_NAME["float8e4nv"],
            "float8_e5m2": dtypes.BY_NAME["float8e5"],
            "backends": Names("torch.backends", cuda=SimpleNamespace(matmul=SimpleNamespace(allow_tf32=False))),
        }

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        around = self.__dict__.get("_around", {})
        value = around[name] if name in around else getattr(self._torch, name, None) or self._functions.find(name)
        if value is None:
            raise AttributeError(f"torch.{name} does not exist here; where torch is installed, its own is used")
        if inspect.isroutine(value):
            value = _tolerant(value)
        setattr(self, name, value)
        return value

    def a_device(self) -> Any:
        """What a tensor of the rank says its device is; the CPU of a torch that is installed and in use."""
        installed = sys.modules.get("torch")
        if installed is not None:
            return installed.device("cpu")
        return self._torch.device(0)


class Function:
    """`torch.autograd.Function`: `apply` runs `forward`; `backward` of what it gives fills `.grad` of its arguments.

    That is one step and no graph: what other functions did before or after is not gone back through.
    """

    class Context:
        """What `forward` keeps for `backward`."""

        saved_tensors: tuple[Any, ...] = ()
        needs_input_grad: tuple[bool, ...] = ()

        def save_for_backward(self, *tensors: Any) -> None:
            """Keep tensors."""
            self.saved_tensors = tensors

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run `forward` with a new context."""
        context = cls.Context()
        context.needs_input_grad = tuple(hasattr(each, "data_ptr") for each in args)
        ways: Any = cls  # `forward` and `backward` are the user's, and static
        out = ways.forward(context, *args)

        def backward(gradient: Any, **_options: Any) -> None:
            found = ways.backward(context, gradient)
            for each, own in zip(args, found if isinstance(found, tuple) else (found,), strict=False):
                if own is not None:
                    each.grad = own

        if hasattr(out, "data_ptr"):
            out.backward = backward
        return out


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


class _Functional:
    """`torch.nn.functional`: functions that the namespace itself has."""

    def __init__(self, torch: HostTorch) -> None:
        self._torch = torch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._torch, name)


class Names(SimpleNamespace):
    """A module of torch in a few names; another one is an AttributeError that says whose it is."""

    def __init__(self, path: str, **names: Any) -> None:
        super().__init__(**names)
        self.__dict__["__name__"] = path

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{self.__dict__['__name__']}.{name} does not exist here; where torch is installed, it does"
        )


def _cuda(rank: Rank) -> Names:
    """`torch.cuda`: the one device of the rank."""

    def properties(_device: Any = None) -> SimpleNamespace:
        geometry = rank.space.geometry
        return SimpleNamespace(
            name="kernbench",
            major=CAPABILITY[0],
            minor=CAPABILITY[1],
            multi_processor_count=len(rank.pes),
            total_memory=geometry.slices * geometry.slice_bytes,
        )

    return Names(
        "torch.cuda",
        is_available=lambda: True,
        is_bf16_supported=lambda: True,
        device_count=lambda: 1,
        current_device=lambda: 0,
        set_device=_ignore,
        synchronize=_ignore,
        empty_cache=_ignore,
        manual_seed=_ignore,
        amp=Names("torch.cuda.amp", custom_fwd=_itself, custom_bwd=_itself),
        get_device_name=lambda _device=None: "kernbench",
        get_device_capability=lambda _device=None: CAPABILITY,
        get_device_properties=properties,
        Event=lambda **_options: Event(rank),
        current_stream=lambda _device=None: SimpleNamespace(synchronize=_ignore, cuda_stream=0),
        device=_nothing,
    )


def _ignore(*_args: Any, **_options: Any) -> None:
    """Do what a device with one stream has done already."""


def _itself(function: Callable[..., Any] | None = None, **_options: Any) -> Any:
    """A decorator, with or without options, that would compile or cast."""
    return _itself if function is None else function


@contextmanager
def _nothing(*_args: Any, **_options: Any) -> Iterator[None]:
    """A context, or a decorator, that changes nothing."""
    yield


def _tolerant(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function without arguments that mean nothing here, unless it takes them; `size` by name, `axis` for `dim`."""
    parameters = inspect.signature(function).parameters
    takes_all = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    dropped = frozenset() if takes_all else _IGNORED - parameters.keys()
    sizes = parameters.get("size")
    by_position = sizes is not None and sizes.kind is inspect.Parameter.VAR_POSITIONAL

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        if by_position and "size" in options:
            args = (options.pop("size"), *args)
        if "axis" in options and "axis" not in parameters:
            options["dim"] = options.pop("axis")
        return function(*args, **{name: value for name, value in options.items() if name not in dropped})

    return call
