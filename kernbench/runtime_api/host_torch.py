"""`import torch` in a user's file where no torch is installed: the rank's own namespace, as a module."""

import inspect
from collections.abc import Callable
from functools import wraps
from types import ModuleType, SimpleNamespace
from typing import Any

from kernbench.runtime_api.host_autograd import Function
from kernbench.runtime_api.host_cuda import Names, cuda_names, itself, unchanged
from kernbench.runtime_api.host_functions import HostFunctions
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.torch import Torch
from kernbench.triton_emu import dtype as dtypes

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
            "cuda": Names("torch.cuda", **cuda_names(rank)),
            "version": Names("torch.version", cuda="0.0", hip=None),
            "autograd": Names("torch.autograd", Function=Function),
            "jit": Names("torch.jit", script=itself, ignore=itself),
            "compile": itself,
            "compiler": Names("torch.compiler", disable=itself, is_compiling=lambda: False),
            "amp": Names("torch.amp", custom_fwd=itself, custom_bwd=itself),
            "is_grad_enabled": lambda: False,
            "no_grad": unchanged,
            "inference_mode": unchanged,
            "enable_grad": unchanged,
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
        """What a tensor of the rank says its device is."""
        return self._torch.device(0)


class _Functional:
    """`torch.nn.functional`: functions that the namespace itself has."""

    def __init__(self, torch: HostTorch) -> None:
        self._torch = torch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._torch, name)


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
