"""`import torch` in a user's file where no torch is installed: the rank's own namespace, as a module."""

import inspect
import math
from collections.abc import Callable, Mapping
from functools import partial, wraps
from types import ModuleType, SimpleNamespace
from typing import Any

from kernbench.runtime_api.generator import Generator
from kernbench.runtime_api.grad_mode import GradMode
from kernbench.runtime_api.host_autograd import Function, go_back, gradients_of
from kernbench.runtime_api.host_cuda import (
    CUDA_VERSION,
    Names,
    Stream,
    accelerator_names,
    cuda_names,
    ignore,
    itself,
    unchanged,
)
from kernbench.runtime_api.host_functions import HostFunctions
from kernbench.runtime_api.host_nn import neural_network
from kernbench.runtime_api.host_products import LINALG
from kernbench.runtime_api.missing import Missing
from kernbench.runtime_api.rank import Rank
from kernbench.runtime_api.testing import Testing
from kernbench.runtime_api.torch import Torch
from kernbench.runtime_api.typed_tensor import typed_tensors
from kernbench.triton_emu import dtype as dtypes

_IGNORED = frozenset({"device", "requires_grad", "pin_memory", "layout", "memory_format", "non_blocking", "generator"})
"""Arguments of torch that mean nothing where a rank has one device and its tensors are made there."""
_DRAWING = frozenset(
    {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "normal", "bernoulli"}
)
"""Functions that draw random numbers."""
_SPECIAL = ("erf", "erfc", "expm1", "exp2", "log1p", "logit", "logsumexp")
"""What `torch.special` has under torch's own names."""


class HostTorch(ModuleType):
    """The names of the rank's `Torch`, and around them what a program for GPUs asks of `torch` besides tensors."""

    def __init__(self, torch: Torch, rank: Rank) -> None:
        super().__init__("torch")
        self.__path__: list[str] = []
        self.__version__ = "2.0.0+kernbench"
        self._torch = torch
        self._functions = HostFunctions(torch)
        self._rank = rank
        rank.tracing = True
        stream = Stream(rank)
        self._around = {
            "cuda": Names("torch.cuda", **cuda_names(rank, stream)),
            "accelerator": Names("torch.accelerator", **accelerator_names(rank, stream)),
            "version": Names("torch.version", cuda=CUDA_VERSION, hip=None, xpu=None),
            "autograd": Names(
                "torch.autograd",
                Function=Function,
                backward=go_back,
                grad=gradients_of,
                function=Names("torch.autograd.function", Function=Function, once_differentiable=itself),
            ),
            "jit": Names("torch.jit", script=itself, ignore=itself, is_scripting=lambda: False),
            "compile": itself,
            "compiler": Names("torch.compiler", disable=itself, allow_in_graph=itself, is_compiling=lambda: False),
            "_dynamo": Names("torch._dynamo", disable=itself, allow_in_graph=itself, is_compiling=lambda: False),
            "amp": Names("torch.amp", custom_fwd=itself, custom_bwd=itself, autocast=unchanged),
            "autocast": unchanged,
            "is_autocast_enabled": lambda *_device: False,
            "is_inference_mode_enabled": lambda: False,
            "is_grad_enabled": lambda: rank.tracing,
            "set_grad_enabled": lambda mode: GradMode(rank, tracing=mode, at_once=True),
            "no_grad": lambda *function: GradMode.of(rank, *function, tracing=False),
            "inference_mode": lambda mode=True: GradMode.of(rank, mode, tracing=False),
            "enable_grad": lambda *function: GradMode.of(rank, *function, tracing=True),
            "set_default_device": ignore,
            "set_default_dtype": _only(torch.float32),
            "get_default_dtype": lambda: torch.float32,
            "set_float32_matmul_precision": ignore,
            "use_deterministic_algorithms": ignore,
            "set_printoptions": ignore,
            "is_tensor": lambda value: isinstance(value, torch.Tensor),
            "Generator": lambda *_device, **_options: Generator(),
            "nn": neural_network(self, self._functions),
            "linalg": Names("torch.linalg", **{name: _tolerant(each) for name, each in LINALG.items()}),
            "special": Names("torch.special", **{name: self._named(name) for name in _SPECIAL}),
            "testing": Testing,
            "float8_e4m3fn": dtypes.BY_NAME["float8e4nv"],
            "float8_e5m2": dtypes.BY_NAME["float8e5"],
            "float8_e4m3fnuz": dtypes.BY_NAME["float8e4b8"],
            "float8_e5m2fnuz": dtypes.BY_NAME["float8e5b16"],
            "double": dtypes.float64,
            **typed_tensors(torch),
            "strided": "torch.strided",
            "contiguous_format": "torch.contiguous_format",
            "preserve_format": "torch.preserve_format",
            "channels_last": "torch.channels_last",
            "e": math.e,
            "backends": Names(
                "torch.backends",
                cuda=SimpleNamespace(
                    matmul=SimpleNamespace(allow_tf32=False, allow_fp16_reduced_precision_reduction=True)
                ),
                cudnn=SimpleNamespace(allow_tf32=False, benchmark=False, deterministic=False, enabled=True),
            ),
        }

    def _named(self, name: str) -> Any:
        """A function of torch that another module of it has under the same name."""
        return _tolerant(self._functions.find(name) or getattr(self._torch, name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        around = self.__dict__.get("_around", {})
        value = around[name] if name in around else self._functions.find(name) or getattr(self._torch, name, None)
        if value is None:
            raise AttributeError(f"torch.{name} does not exist here; where torch is installed, its own is used")
        if inspect.isroutine(value) or isinstance(value, partial):
            value = _tolerant(value)
            if name in _DRAWING:
                value = self._drawing(value)
        setattr(self, name, value)
        return value

    def _drawing(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of random numbers, from the generator that it is given."""

        @wraps(function)
        def call(*args: Any, generator: Any = None, **options: Any) -> Any:
            if generator is None:
                return function(*args, **options)
            usual, self._rank.random = self._rank.random, generator.random
            try:
                return function(*args, **options)
            finally:
                self._rank.random = usual

        return call

    def tolerant(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function as torch's programs may call it: with arguments that mean nothing here, and torch's other names."""
        return _tolerant(function)

    def a_device(self) -> Any:
        """What a tensor of the rank says its device is."""
        return self._torch.device(0)


def _only(kind: Any) -> Callable[[Any], None]:
    """Setting a default to what it is; another one is refused."""

    def set_default(wanted: Any) -> None:
        if wanted is not kind:
            raise Missing(f"torch.set_default_dtype({wanted!r})")

    return set_default


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
        if "input" in options and "input" not in parameters:
            args = (options.pop("input"), *args)
        if "axis" in options and "axis" not in parameters:
            options["dim"] = options.pop("axis")
        out = options.pop("out", None) if "out" not in parameters else None
        found = function(*args, **{name: value for name, value in options.items() if name not in dropped})
        return _requiring(found, options) if out is None else out.copy_(found)

    return call


def _requiring(found: Any, options: Mapping[str, Any]) -> Any:
    """What a function gave, noted as one whose gradient is wanted if it was asked for."""
    return found.requires_grad_() if options.get("requires_grad") else found
