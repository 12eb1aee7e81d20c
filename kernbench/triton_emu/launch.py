"""A kernel to run over a grid, and how its programs spread over PEs."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Any, Protocol, runtime_checkable

from kernbench.common.errors import UsageError
from kernbench.triton_emu.pointer import Pointer
from kernbench.triton_emu.program import KernelProgram, alike


@runtime_checkable
class HostObject(Protocol):
    """An argument that is something else inside the kernel, such as a tensor descriptor."""

    def inside(self) -> Any:
        """What the kernel gets; called when a program begins."""


class Launch:
    """`kernel` over `grid` with `arguments` by parameter name: PointerArg, numbers, constexpr values.

    `constexprs` are the parameters whose values the kernel knows when it is compiled. `pes` is what the programs spread
    over: so many of the device's PEs, those of these names, or all.
    """

    __slots__ = ("_queues", "_tag", "arguments", "constexprs", "function", "grid", "name", "pes")

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        grid: Sequence[int],
        arguments: Mapping[str, Any],
        constexprs: frozenset[str] = frozenset(),
        pes: int | Sequence[str] | None = None,
    ) -> None:
        if not 1 <= len(grid) <= 3 or any(not isinstance(extent, int) or extent < 0 for extent in grid):
            raise UsageError(f"{name}: a grid is 1 to 3 integers of at least 0, got {tuple(grid)!r}")
        x, y, z = (*grid, 1, 1)[:3]
        self.name = name
        self.function = function
        self.grid = (x, y, z)
        self.arguments = dict(arguments)
        self.constexprs = constexprs
        self.pes = pes
        self._queues: Mapping[str, str] = {}
        self._tag = ""
        if any(map(_is_closed, self.arguments.values())):
            self.function = wraps(function)(partial(_enter, function))

    def connect(self, queues: Mapping[str, str], tag: str) -> None:
        """Say which IPCQ queue each direction of `tl.send` and `tl.recv` is, and what this launch is part of.

        `{channel}` in a queue's name stands for the program's number. Both ends of a queue must agree on `tag`.
        """
        self._queues = queues
        self._tag = tag

    def place(self, pes: Sequence[str]) -> tuple[str, ...]:
        """Which of the device's PEs the programs go to, in order."""
        chosen = self.pes
        if chosen is None:
            return tuple(pes)
        if isinstance(chosen, int):
            if not 1 <= chosen <= len(pes):
                raise UsageError(f"{self.name}: pes is 1 to {len(pes)}, the PEs of the device, got {chosen}")
            return tuple(pes[:chosen])
        unknown = [name for name in chosen if name not in pes]
        if unknown or not chosen or len(set(chosen)) < len(chosen):
            raise UsageError(
                f"{self.name}: pes names different PEs of the device, {pes[0]} to {pes[-1]}, got {list(chosen)}"
            )
        return tuple(chosen)

    @property
    def count(self) -> int:
        """Programs of the grid."""
        return self.grid[0] * self.grid[1] * self.grid[2]

    def programs(self, pe_index: int, pe_count: int) -> Sequence[KernelProgram]:
        """The share of PE `pe_index`, in order: every `pe_count`-th program, axis 0 running fastest.

        Round-robin rather than contiguous: neighbouring programs run at the same time, as GPUs dispatch them, so rows
        that they share are read together, a grid's long programs (causal attention) spread evenly, and shares differ by
        one program at most. A grid of `pe_count` programs puts program i on PE i, which collectives rely on.
        """
        return [self._program(number) for number in range(pe_index, self.count, pe_count)]

    def _program(self, number: int) -> KernelProgram:
        x, y, _ = self.grid
        pid = (number % x, number // x % y, number // (x * y))
        queues = {direction: queue.format(channel=number) for direction, queue in self._queues.items()}
        return KernelProgram(self.name, self.function, self.arguments, self.grid, pid, Pointer.bind, queues, self._tag)


def _enter(function: Callable[..., Any], **arguments: Any) -> Any:
    """Call a kernel with its host objects opened, which only a running program can do."""
    return function(**{name: _opened(value) for name, value in arguments.items()})


def _is_closed(value: Any) -> bool:
    """Whether it is a host object, or a tuple that has one."""
    return any(map(_is_closed, value)) if isinstance(value, tuple) else isinstance(value, HostObject)


def _opened(value: Any) -> Any:
    if isinstance(value, tuple) and _is_closed(value):
        return alike(value, [_opened(each) for each in value])
    return value.inside() if isinstance(value, HostObject) else value
