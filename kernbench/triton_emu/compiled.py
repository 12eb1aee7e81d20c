"""What a launch gives back: the kernel as Triton's compiler would have made it, which may be launched again."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec

from kernbench.common.completion import Completion
from kernbench.triton_emu.driver import REGISTERS_USED, current_host
from kernbench.triton_emu.launch import Launch


class Metadata(msgspec.Struct, frozen=True):
    """What a compiled kernel needs; `shared` is the whole TCM of a PE, since a PE runs one program at a time."""

    name: str
    shared: int
    num_warps: int
    num_stages: int
    num_ctas: int


class Compiled:
    """A kernel with its arguments bound; `compiled[grid](...)` launches it, constants as bound unless given.

    `launch` is what was bound, `completion` what came of it: None where nothing was launched.
    """

    n_regs = REGISTERS_USED
    n_spills = 0

    def __init__(self, launch: Launch, kernel: Any, kwargs: Mapping[str, Any]) -> None:
        self.name = launch.name
        self.launch = launch
        self.completion: Completion | None = None
        self._kernel = kernel
        self._constants = {name: launch.arguments[name] for name in launch.constexprs if name in launch.arguments}
        self._names = tuple(launch.arguments)
        self._kwargs = dict(kwargs)

    @property
    def metadata(self) -> Metadata:
        """Sizes by Triton's names."""
        hints = {name: self._kwargs.get(name, default) for name, default in (("num_warps", 4), ("num_stages", 3))}
        shared = current_host(self.name).facts.tcm_bytes
        return Metadata(self.name, shared, num_ctas=self._kwargs.get("num_ctas", 1), **hints)

    def _init_handles(self) -> None:
        """Load the kernel: nothing has to be loaded here."""

    def __getitem__(self, grid: Any) -> Callable[..., Any]:
        """`compiled[grid]`: call it with all arguments, or with those that are no constants, in order."""

        def launch(*args: Any, **kwargs: Any) -> Any:
            plain = [name for name in self._names if name not in self._constants]
            names = plain if len(args) <= len(plain) else self._names
            named = dict(zip(names, args, strict=False))
            return self._kernel.run(grid=grid, **{**self._kwargs, **self._constants, **named, **kwargs})

        return launch

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{name} of a compiled kernel does not exist here: nothing is compiled")
