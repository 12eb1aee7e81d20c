"""A kernel to run over a grid, and how its programs spread over PEs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kernbench.common.errors import UsageError
from kernbench.triton_emu.pointer import Pointer
from kernbench.triton_emu.program import KernelProgram


class Launch:
    """`kernel` over `grid` with `arguments` by parameter name: PointerArg, numbers, constexpr values."""

    __slots__ = ("_queues", "_tag", "arguments", "function", "grid", "name")

    def __init__(
        self, name: str, function: Callable[..., Any], grid: Sequence[int], arguments: Mapping[str, Any]
    ) -> None:
        if not 1 <= len(grid) <= 3 or any(not isinstance(extent, int) or extent < 1 for extent in grid):
            raise UsageError(f"{name}: a grid is 1 to 3 integers of at least 1, got {tuple(grid)!r}")
        x, y, z = (*grid, 1, 1)[:3]
        self.name = name
        self.function = function
        self.grid = (x, y, z)
        self.arguments = dict(arguments)
        self._queues: Mapping[str, str] = {}
        self._tag = ""

    def connect(self, queues: Mapping[str, str], tag: str) -> None:
        """Say which IPCQ queue each direction of `tl.send` and `tl.recv` is, and what this launch is part of.

        `{channel}` in a queue's name stands for the program's number. Both ends of a queue must agree on `tag`.
        """
        self._queues = queues
        self._tag = tag

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
