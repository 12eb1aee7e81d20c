"""Sensitivity: which case each bandwidth and each latency of the topology moves, or why it moves none."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec

from actors.simulation import Simulation
from kernbench.common.errors import TopologyError
from kernbench.common.units import FS_PER_NS, Fs, parse_bandwidth, parse_size, parse_time
from kernbench.probing.case import CASES, Variant, variants
from kernbench.probing.facts import Facts
from kernbench.probing.measurement import SINKS, latencies
from kernbench.topology.load import Source

SIZE = 4096
"""Small enough that latencies show, large enough to be a stream."""

ADDED = "10"
"""What a latency of 0 becomes, in ns."""


class Moved(msgspec.Struct, frozen=True):
    """A case and how much later (fs) it ends with the changed key."""

    variant: Variant
    by: Fs


class Effect(msgspec.Struct, frozen=True):
    """What a changed key did: the cases it moved, the most first, or `reason`: why there is none."""

    key: str
    old: str
    new: str
    moved: tuple[Moved, ...]
    reason: str


def _halved_bandwidth(text: str) -> str:
    return _decimal(Fraction(parse_bandwidth(text) // 2, 10**9))


def _doubled_time(text: str) -> str:
    return _decimal(Fraction(2 * parse_time(text), FS_PER_NS)) if parse_time(text) else ADDED


def _doubled(text: str) -> str:
    return _decimal(2 * Fraction(text))


def _halved(text: str) -> str:
    return _decimal(Fraction(text) / 2)


def _decimal(value: Fraction) -> str:
    """A plain number in the unit of its key; a bandwidth is whole bytes/s and a time whole femtoseconds, so it ends."""
    return f"{Decimal(value.numerator) / Decimal(value.denominator):f}"


CHANGES: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("_gbs", _halved_bandwidth),
    ("efficiency", _halved),
    ("ns_per_mm", _doubled),
    ("length_mm", _doubled),
    ("_ns", _doubled_time),
)
"""How a key changes, by the end of its name: bandwidths are halved, latencies are doubled."""

REASONS: tuple[tuple[str, str], ...] = (
    ("credit_ns", "every buffer covers bandwidth x (hop + credit), so a lone stream waits for no link credit"),
    ("host.call_ns", "host time after a command; a case's time runs from its command's submission to its completion"),
    ("pe_cpu.issue_ns", "operations are issued while those before them are carried out; an empty kernel issues none"),
)
"""Why a key that every case could meet moves none, by the end of its name."""


def sensitivity(topology: str | Path | Source | None, overrides: Sequence[str]) -> Iterator[Effect]:
    """Change each bandwidth and latency key in turn and time all cases."""
    base = Simulation(topology, overrides=overrides, values=False, sinks=SINKS)
    found, _ = variants(Facts(base.topology), CASES, SIZE)
    before = latencies(base, [variant.step for variant in found])
    for key, old in base.source.effective().items():
        change = next((change for ending, change in CHANGES if key.endswith(ending)), None)
        if change is None:
            continue
        new = change(old)
        moved: tuple[Moved, ...] = ()
        try:
            changed = _changed(topology, [*overrides, f"{key}={new}"], base)
        except TopologyError as error:
            reason = f"the topology refuses it: {str(error).splitlines()[0]}"
        else:
            after = latencies(changed, [variant.step for variant in found])
            differences = zip(found, before, after, strict=True)
            moved = tuple(Moved(variant, late - soon) for variant, soon, late in differences if late != soon)
            reason = "" if moved else _reason(key, base)
        yield Effect(key, old, new, tuple(sorted(moved, key=lambda each: -abs(each.by))), reason)


def _changed(topology: str | Path | Source | None, overrides: Sequence[str], base: Simulation) -> Simulation:
    """The changed machine. A longer round trip may need larger buffers, which by themselves move no lone stream."""
    try:
        return Simulation(topology, overrides=overrides, values=False, sinks=SINKS)
    except TopologyError:
        effective = base.source.effective()
        larger = [f"{key}={2 * parse_size(text)}B" for key, text in effective.items() if key.endswith("buffer_bytes")]
        return Simulation(topology, overrides=[*overrides, *larger], values=False, sinks=SINKS)


def _reason(key: str, base: Simulation) -> str:
    fabric = base.source.system.fabric.kind
    if base.topology.sips == 1 and key.startswith("fabric."):
        return "there is one SIP, so there is no fabric"
    if key.startswith("fabric.switch.") and fabric != "switch":
        return f"the fabric is of kind {fabric}: there is no switch"
    for ending, reason in REASONS:
        if key.endswith(ending):
            return reason
    return "nothing on the way of any case reads it, or a slower part of each way hides it"
