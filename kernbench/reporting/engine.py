"""Engines: where their time in kernels went, one by one, by kind and all together."""

from collections.abc import Iterable
from typing import Any

from kernbench.common.units import Fs, to_ns
from kernbench.reporting.share import percents, ratio
from kernbench.telemetry.layout import Layout
from kernbench.telemetry.rows import PARTS, KernelRow

REASONS = {
    "busy": "works",
    "no_work": "the program gave it nothing to do",
    "wait_data": "its inputs are not there",
    "wait_tcm": "the program waits for scratchpad",
    "wait_credit": "ready, but no credit, slot or outstanding request is free",
    "wait_queue": "the program waits for room in the scheduler's queue",
}
"""What each part of an engine's time means."""


def engine_times(kernels: Iterable[KernelRow]) -> dict[str, list[Fs]]:
    """The PARTS of each engine over all kernels."""
    found: dict[str, list[Fs]] = {}
    for kernel in kernels:
        for name, parts in kernel.engines.items():
            sums = found.setdefault(name, [0] * len(PARTS))
            for index, part in enumerate(parts):
                sums[index] += part
    return found


def kind_of(unit: str, layout: Layout | None) -> str:
    """The kind of an engine, as the layout names it, else by its own name."""
    if layout is not None:
        for each in layout.units:
            if each.name == unit:
                return each.kind
    return unit.rpartition(".")[2].rstrip("0123456789")


def engine_documents(times: dict[str, list[Fs]], layout: Layout | None) -> list[dict[str, Any]]:
    """Engines for a report, the busiest first."""
    kinds = {} if layout is None else {unit.name: unit.kind for unit in layout.units}
    return [
        {
            "name": name,
            "kind": kinds.get(name) or kind_of(name, None),
            "kernel_ns": to_ns(sum(times[name])),
            "busy_ns": to_ns(times[name][0]),
            "busy_share": ratio(times[name][0], sum(times[name])),
        }
        for name in sorted(times, key=lambda name: (-times[name][0], name))
    ]


def blocking_document(times: dict[str, list[Fs]], layout: Layout | None) -> list[dict[str, Any]]:
    """Where the time of engines went, by kind and in all; each line's percentages sum to 100."""
    kinds = {} if layout is None else {unit.name: unit.kind for unit in layout.units}
    sums: dict[str, list[Fs]] = {}
    for name, parts in times.items():
        line = sums.setdefault(kinds.get(name) or kind_of(name, None), [0] * len(PARTS))
        for index, part in enumerate(parts):
            line[index] += part
    lines = [(kind, sums[kind]) for kind in sorted(sums)]
    if lines:
        lines.append(("all", [sum(line[index] for _, line in lines) for index in range(len(PARTS))]))
    return [
        {
            "engines": kind,
            "time_ns": to_ns(sum(line)),
            "parts_fs": dict(zip(PARTS, line, strict=True)),
            "percent": dict(zip(PARTS, percents(line), strict=True)),
        }
        for kind, line in lines
    ]
