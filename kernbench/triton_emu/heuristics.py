"""`triton.heuristics`: meta-parameters that are computed from the arguments of a launch."""

from collections.abc import Callable, Mapping
from typing import Any

from kernbench.triton_emu.jit import Grid, Launchable
from kernbench.triton_emu.launch import Launch

Rule = Callable[[dict[str, Any]], Any]


class Heuristics(Launchable):
    """A kernel whose launches get `values[name](arguments)` for each name."""

    def __init__(self, fn: Launchable, values: Mapping[str, Rule]) -> None:
        self.fn = fn
        self.values = dict(values)
        self.arg_names = fn.arg_names
        self.__name__ = fn.__name__
        self.__doc__ = fn.__doc__

    def launch(self, grid: Grid, *args: Any, **kwargs: Any) -> Launch:
        """The launch with the values filled in."""
        named = dict(zip(self.arg_names, args, strict=False))
        for name, rule in self.values.items():
            kwargs[name] = rule({**named, **kwargs})
        return self.fn.launch(grid, *args, **kwargs)


def heuristics(values: Mapping[str, Rule]) -> Callable[[Launchable], Heuristics]:
    """Decorator: have meta-parameters of a kernel computed."""

    def decorate(fn: Launchable) -> Heuristics:
        return Heuristics(fn, values)

    return decorate
