"""What a PE's scheduler tells observers of its operations and kernels; it works only while somebody listens."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from kernbench.common.ops import Operation, Unit
from kernbench.common.units import Fs
from kernbench.telemetry.probe import Probe
from kernbench.telemetry.rows import PARTS, KernelRow, OperationRow

AMOUNTS: Mapping[str, Callable[[Any], int]] = {
    "gemm": lambda gemm: 2 * gemm.batch * gemm.m * gemm.n * gemm.k,
    "math": lambda math: int(math.elements),
}
"""Floating-point operations by kind; other operations move `nbytes`."""


class _Begun(msgspec.Struct, gc=False):
    """An operation that has started: on which unit, when, and what followed so far."""

    unit: str
    start: Fs
    cause: int
    flow: str
    freed: Fs = -1
    end: OperationRow | None = None


class OperationLog:
    """Follows the operations of one PE from their start to their end and emits a row each; a row per kernel too.

    The scheduler calls it only where its probe has sinks, so a run that nobody observes pays one `if` a call.
    """

    def __init__(self, pe: str, probe: Probe) -> None:
        self._pe = pe
        self._probe = probe
        self._kernel = ""
        self._launch = -1
        self._first = 0
        self._begun: dict[int, _Begun] = {}
        self._causes: dict[int, int] = {}
        self._spent: dict[str, tuple[Fs, ...]] = {}
        self._opened: Fs = 0

    def open(self, now: Fs, kernel: str, launch: int, operations: int, spent: dict[str, tuple[Fs, ...]]) -> None:
        """A kernel begins: `operations` of the PE and what its engines `spent` (by PARTS) were before it."""
        self._opened, self._kernel, self._launch = now, kernel, launch
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

    def begin(self, operation: Operation, unit: Unit, now: Fs) -> None:
        """A unit starts an operation."""
        number = operation.sequence
        tell = getattr(unit, "flow", None)
        flow = "" if tell is None else tell(operation)
        self._begun[number] = _Begun(unit.name, now, self._causes.pop(number, -1), flow)

    def made_ready(self, dependents: list[Operation], by: Operation, now: Fs) -> None:
        """The end of `by` is the latest that these waited for; of equal ends the more delayed one counts."""
        for dependent in dependents:
            if dependent.ready < now or (dependent.ready == now and dependent.queued < by.queued):
                self._causes[dependent.sequence] = by.sequence

    def freed(self, number: int, now: Fs) -> None:
        """The unit of operation `number` can take another one."""
        begun = self._begun.get(number)
        if begun is None:
            return
        begun.freed = now
        if begun.end is not None:
            del self._begun[number]
            self._probe.emit(self._probe.operations, msgspec.structs.replace(begun.end, freed=now))

    def completed(self, operation: Operation, now: Fs) -> None:
        """An operation ended; where its unit is still taken, its row waits until that is free."""
        number = operation.sequence
        begun = self._begun.get(number)
        if begun is None:
            return
        amount = AMOUNTS.get(operation.kind)
        row = OperationRow(
            self._pe,
            begun.unit,
            operation.kind,
            number,
            self._kernel,
            operation.issued,
            operation.ready,
            begun.start,
            now,
            begun.cause,
            operation.queued,
            getattr(operation, "nbytes", 0) if amount is None else amount(operation),
            begun.flow,
            begun.freed,
        )
        if begun.freed < 0:
            begun.end = row
        else:
            del self._begun[number]
            self._probe.emit(self._probe.operations, row)
