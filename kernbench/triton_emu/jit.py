"""`@triton.jit`: a kernel that a host program launches with `kernel[grid](...)` and other kernels call."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Protocol, TypeAlias, runtime_checkable

from kernbench.common.errors import UsageError
from kernbench.triton_emu.access import PointerArg
from kernbench.triton_emu.launch import Launch
from kernbench.triton_emu.program import is_inside

Launcher: TypeAlias = Callable[[Launch], Any]
Grid: TypeAlias = int | Sequence[int] | Callable[[Mapping[str, Any]], int | Sequence[int]]
_COMPILER_HINTS = {"num_warps", "num_stages", "num_ctas", "maxnreg"}
_launcher: ContextVar[Launcher | None] = ContextVar("launcher", default=None)


@runtime_checkable
class Addressed(Protocol):
    """A host tensor: what a kernel gets of it is a pointer."""

    def as_pointer(self, name: str) -> PointerArg:
        """Its address, size and element type, under the parameter's name."""


def set_launcher(launcher: Launcher) -> None:
    """Let `launcher` receive the launches of the program that calls this; each rank's greenlet has its own context."""
    _launcher.set(launcher)


class JitFunction:
    """A user's kernel function."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.fn = function
        self.__name__ = function.__name__
        self.__doc__ = function.__doc__
        self.__wrapped__ = function
        self._signature = inspect.signature(function)

    def __getitem__(self, grid: Grid) -> Callable[..., Any]:
        """`kernel[grid]`: call it with the kernel's arguments to launch."""

        def launch(*args: Any, **kwargs: Any) -> Any:
            launcher = _launcher.get()
            if launcher is None:
                raise UsageError(
                    f"{self.__name__}: a kernel is launched by a rank's program; run it with kernbench run"
                )
            return launcher(self.launch(grid, *args, **kwargs))

        return launch

    def launch(self, grid: Grid, *args: Any, **kwargs: Any) -> Launch:
        """The launch of this kernel over `grid` with these arguments; it is not submitted."""
        hints = _COMPILER_HINTS - self._signature.parameters.keys()
        try:
            bound = self._signature.bind(*args, **{name: kwargs[name] for name in kwargs if name not in hints})
        except TypeError as error:
            raise UsageError(f"{self.__name__}: {error}; its parameters are {self._signature}") from error
        bound.apply_defaults()
        arguments = {
            name: value.as_pointer(name) if isinstance(value, Addressed) else value
            for name, value in bound.arguments.items()
        }
        extents = grid(dict(arguments)) if callable(grid) else grid
        return Launch(self.__name__, self.fn, (extents,) if isinstance(extents, int) else tuple(extents), arguments)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the function inside the kernel that calls it."""
        if not is_inside():
            raise UsageError(f"{self.__name__} is a kernel: launch it as {self.__name__}[grid](...)")
        return self.fn(*args, **kwargs)


def jit(function: Callable[..., Any]) -> JitFunction:
    """Decorator: make a kernel of a function."""
    return JitFunction(function)
