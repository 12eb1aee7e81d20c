"""What a PE's scheduler tells observers of its operations and kernels; it works only while somebody listens."""

from collections.abc import Callable, Mapping
from typing import Any

from kernbench.common.ops import Operation
from kernbench.common.units import Fs
from kernbench.telemetry.probe import Probe
from kernbench.telemetry.rows import PARTS, KernelRow, OperationRow

AMOUNTS: Mapping[str, Callable[[Any], int]] = {
    "gemm": lambda gemm: 2 * gemm.batch * gemm.m * gemm.n * gemm.k,
    "math": lambda math: int(math.elements),
}
"""Floating-point operations by kind; other operations move `nbytes`."""


class OperationLog:
    """Emits a row for each operation of one PE, once it has ended and its unit is free, and for each kernel.

    The scheduler calls it only where its probe has sinks, so a run that nobody observes pays one `if` a call.
    """

    def __init__(self, pe: str, probe: Probe) -> None:
        self._pe = pe
        self._probe = probe
        self._kernel = self._before = ""
        self._launch = -1
        self._first = 0
        self._spent: dict[str, tuple[Fs, ...]] = {}
        self._opened: Fs = 0

    def open(self, now: Fs, kernel: str, launch: int, operations: int, spent: dict[str, tuple[Fs, ...]]) -> None:
        """A kernel begins: `operations` of the PE and what its engines `spent` (by PARTS) were before it."""
        self._before, self._kernel = self._kernel, kernel
        self._opened, self._launch = now, launch
        self._first, self._spent = operations, spent

    def close(self, now: Fs, operations: int, spent: dict[str, tuple[Fs, ...]]) -> None:
        """The kernel ended: what is its own is the difference."""
        none = (0,) * len(PARTS)
        engines = {
            name: tuple(after - before for after, before in zip(parts, self._spent.get(name, none), strict=True))
            for name, parts in spent.items()
        }
        row = KernelRow(self._pe, self._kernel, self._launch, self._opened, now, operations - self._first, engines)
        self._probe.emit(self._probe.kernels, row)

    def tell(self, operation: Operation) -> None:
        """An operation has ended and its unit could take another one, maybe after its kernel: nothing of it changes."""
        amount = AMOUNTS.get(operation.kind)
        row = OperationRow(
            self._pe,
            operation.unit.name,
            operation.kind,
            operation.sequence,
            self._kernel if operation.sequence > self._first else self._before,
            operation.issued,
            operation.ready,
            operation.start,
            operation.end,
            operation.cause,
            operation.queued,
            getattr(operation, "nbytes", 0) if amount is None else amount(operation),
            operation.flow,
            operation.freed,
            getattr(operation, "arrived", -1),
            getattr(operation, "released", -1),
        )
        self._probe.emit(self._probe.operations, row)
