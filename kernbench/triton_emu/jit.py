"""`@triton.jit`: a kernel that a host program launches with `kernel[grid](...)` and other kernels call."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from functools import cached_property
from hashlib import sha256
from operator import index
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from kernbench.common.completion import Completion
from kernbench.common.errors import UsageError
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.compiled import Compiled
from kernbench.triton_emu.driver import current_host
from kernbench.triton_emu.launch import Launch
from kernbench.triton_emu.parameter import KernelParam
from kernbench.triton_emu.program import alike, is_inside
from kernbench.triton_emu.shim_descriptor import DescriptorArgument, TensorDescriptor
from kernbench.triton_emu.source import as_kernel, source

Launcher: TypeAlias = Callable[[Launch], Completion]
Grid: TypeAlias = int | Sequence[int] | Callable[[Mapping[str, Any]], int | Sequence[int]]
COMPILER_HINTS = frozenset(
    {
        "num_warps", "num_stages", "num_ctas", "maxnreg", "waves_per_eu", "matrix_instr_nonkdim", "kpack", "schedule_hint",
        "enable_fp_fusion", "launch_cooperative_grid", "launch_pdl", "debug", "sanitize_overflow", "extern_libs",
        "arch", "backend_name", "cluster_dims", "default_dot_input_precision", "enable_warp_specialization",
        "max_num_imprecise_acc_default", "ptx_options", "ptx_version", "stream", "device", "device_type", "grf_mode", "ir_override",
    }
)  # fmt: skip
"""Keywords of a launch that Triton's compilers and drivers take; a kernel's own parameters come first."""
PES = "pes"
"""Keyword of a launch that Triton does not have: how many PEs, or which, the programs spread over."""
_REFUSED: dict[type, str] = {
    list: "give it a tuple",
    dict: "give it a tuple, or one argument for each item",
    np.ndarray: "give it a tensor: torch.from_numpy(...)",
}
"""Types of values that a host program passes by mistake, and what takes their place."""
_launcher: ContextVar[Launcher | None] = ContextVar("launcher", default=None)


@runtime_checkable
class Addressed(Protocol):
    """A host tensor: what a kernel gets of it is a pointer."""

    def as_pointer(self, name: str) -> PointerArg:
        """Its address, size and element type, under the parameter's name."""


def set_launcher(launcher: Launcher) -> None:
    """Let `launcher` receive the launches of the program that calls this; each rank's greenlet has its own context."""
    _launcher.set(launcher)


class KernelInterface(ABC):
    """What `kernel[grid](...)` works on. Libraries derive classes of their own from it, which have a `run` and no more."""

    @abstractmethod
    def run(self, *args: Any, grid: Grid, warmup: bool, **kwargs: Any) -> Any:
        """Launch over `grid`."""

    def __getitem__(self, grid: Grid) -> Callable[..., Any]:
        """`kernel[grid]`: call it with the kernel's arguments to launch."""

        def launch(*args: Any, **kwargs: Any) -> Any:
            return self.run(*args, grid=grid, warmup=False, **kwargs)

        return launch


class Launchable(KernelInterface):
    """A kernel, or a kernel with choices around it."""

    __name__: str
    arg_names: Sequence[str]

    @abstractmethod
    def launch(self, grid: Grid, *args: Any, **kwargs: Any) -> Launch:
        """The launch over `grid` with these arguments; it is not submitted."""

    def run(self, *args: Any, grid: Grid, warmup: bool = False, **kwargs: Any) -> Compiled:
        """Launch, unless it is only a warm-up or the grid is empty, and say what was compiled."""
        made = self.launch(grid, *args, **kwargs)
        compiled = Compiled(made, self, kwargs)
        if warmup or not made.count:
            return compiled
        launcher = _launcher.get()
        if launcher is None:
            raise UsageError(f"{self.__name__}: a kernel is launched by a rank's program; run it with kernbench run")
        compiled.completion = launcher(made)
        return compiled

    def warmup(self, *args: Any, grid: Grid, **kwargs: Any) -> Compiled:
        """What a launch would run, without running it."""
        return self.run(*args, grid=grid, warmup=True, **kwargs)


class JitFunction(Launchable):
    """A user's kernel function. Hints to Triton's compiler (`do_not_specialize`, `noinline`, ...) mean nothing here."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self._signature = inspect.signature(function)
        self.arg_names = tuple(self._signature.parameters)
        kinds = {parameter.kind: name for name, parameter in self._signature.parameters.items()}
        self._rest = kinds.get(inspect.Parameter.VAR_KEYWORD, "")  # `**meta`, as kernels of old have it
        self.params = tuple(KernelParam(at, each) for at, each in enumerate(self._signature.parameters.values()))
        self.constexprs = frozenset(each.name for each in self.params if each.is_constexpr)
        self.pre_run_hooks: list[Callable[..., Any]] = []
        self._text: str | None = None

    @cached_property
    def fn(self) -> Callable[..., Any]:
        """The function that programs run; made when it is first needed, since a library has many kernels."""
        return as_kernel(self.__wrapped__, self._text)

    @property
    def src(self) -> str:
        """The kernel's text from its `def` on; a program that changes it changes the kernel."""
        return source(self.__wrapped__) if self._text is None else self._text

    @src.setter
    def src(self, text: str) -> None:
        self._text = text
        self.__dict__.pop("fn", None)

    def _unsafe_update_src(self, new_src: str) -> None:
        """Triton's own name for a change of `src`, which programs ask for."""
        self.src = new_src

    @property
    def __globals__(self) -> dict[str, Any]:
        """The names of the kernel's module."""
        names: dict[str, Any] = self.__wrapped__.__globals__
        return names

    @property
    def signature(self) -> inspect.Signature:
        """The function's own."""
        return self._signature

    @property
    def cache_key(self) -> str:
        """What tells one kernel's text from another's, for caches that programs keep."""
        return sha256(f"{self.__module__}:{self.__qualname__}\n{self.src}".encode()).hexdigest()

    def add_pre_run_hook(self, hook: Callable[..., Any]) -> None:
        """Have `hook` called with the arguments of each launch before it is made."""
        self.pre_run_hooks.append(hook)

    def launch(self, grid: Grid, *args: Any, **kwargs: Any) -> Launch:
        """The launch of this kernel over `grid` with these arguments; it is not submitted."""
        for hook in self.pre_run_hooks:
            hook(*args, **kwargs)
        parameters = self._signature.parameters
        pes = None if PES in parameters else kwargs.pop(PES, None)
        given = {name: value for name, value in kwargs.items() if name in parameters or name not in COMPILER_HINTS}
        try:
            bound = self._signature.bind(*args, **given)
        except TypeError as error:
            raise UsageError(f"{self.__name__}: {error}; its parameters are {self._shown()}") from error
        bound.apply_defaults()
        rest = bound.arguments.pop(self._rest, {})
        named = {**bound.arguments, **rest}
        extents = grid({**kwargs, **named}) if callable(grid) else grid
        for name, value in named.items():
            remedy = _REFUSED.get(type(value))
            if remedy is not None and name not in self.constexprs:
                raise UsageError(
                    f"{self.__name__}: {name} is a {type(value).__name__}, no argument of a kernel; {remedy}"
                )
        arguments = {name: as_argument(name, value) for name, value in named.items()}
        arguments |= {each.name: each.typed(arguments[each.name]) for each in self.params if each.name in arguments}
        return Launch(self.__name__, self.fn, _extents(extents), arguments, self.constexprs, pes)

    def _shown(self) -> inspect.Signature:
        """The parameters as a message gives them: an annotation would stand there under a name that no kernel wrote."""
        bare = inspect.Parameter.empty
        return inspect.Signature([each.replace(annotation=bare) for each in self._signature.parameters.values()])

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function inside the kernel that calls it."""
        if not is_inside():
            raise UsageError(f"{self.__name__} is a kernel: launch it as {self.__name__}[grid](...)")
        return self.fn(*args, **kwargs)

    def __repr__(self) -> str:
        return f"JITFunction({self.__module__}:{self.__qualname__})"


def jit(function: Callable[..., Any] | None = None, /, **_hints: Any) -> Any:
    """Decorator, with or without arguments: make a kernel of a function."""
    if function is None:
        return jit
    return JitFunction(function)


def _extents(extents: Any) -> tuple[Any, ...]:
    """A grid's extents as Python integers where they are whole numbers; Launch refuses what is none."""
    listed = extents if isinstance(extents, tuple | list) else (extents,)
    return tuple(index(each) if hasattr(each, "__index__") else each for each in listed)


def as_argument(name: str, value: Any) -> Any:
    """What travels to the device for a value of the host program."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Addressed):
        return value.as_pointer(name)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, TensorDescriptor):
        return DescriptorArgument(value, as_argument(name, value.base))
    if isinstance(value, tuple):
        return alike(value, [as_argument(f"{name}[{number}]", each) for number, each in enumerate(value)])
    if hasattr(value, "data_ptr") and hasattr(value, "untyped_storage"):
        return current_host(name).adopt(name, value)
    return value
