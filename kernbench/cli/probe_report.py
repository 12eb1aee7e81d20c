"""What `kernbench probe` measured, for a reader."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kernbench.cli.table import column, render, render_prose, terminal_width
from kernbench.common.units import Fs, format_size, format_time, to_ns

if TYPE_CHECKING:
    from kernbench.probing.contention import Contention
    from kernbench.probing.measurement import Measurement
    from kernbench.probing.sensitivity import Effect
    from kernbench.probing.sweep import Saturation

MOVEMENT = ("wire", "overhead", "serialisation")


def cases(measured: "Sequence[Measurement]") -> str:
    """Latency with its parts, which sum to it, the closed form and the bottleneck."""
    return render(
        [
            column("case", [each.variant.name for each in measured], text=True),
            column("size", [format_size(each.size) if each.size else "-" for each in measured]),
            column("latency\n(ns)", [_ns(each.latency) for each in measured]),
            *(column(f"{part}\n(ns)", [_ns(each.parts[part]) for each in measured]) for part in MOVEMENT),
            column("waiting (ns)", [_waits(each.parts) for each in measured], text=True),
            column("closed form\n(ns)", [_ns(each.closed_form) for each in measured]),
            column("gap", [_gap(each) for each in measured], text=True),
            column("effective\n(GB/s)", [_rate(each) for each in measured]),
            column("bottleneck", [each.bottleneck.name for each in measured], text=True),
            column("of it\n(GB/s)", [f"{each.bottleneck.bw / 10**9:g}" for each in measured]),
            column("used", [_used(each) for each in measured]),
        ],
        terminal_width(),
    )


def _ns(time: Fs) -> str:
    return f"{to_ns(time):.3f}"


def _rate(each: "Measurement") -> str:
    return f"{each.bandwidth / 10**9:.2f}" if each.size else "-"


def _used(each: "Measurement") -> str:
    return f"{each.utilisation:.1%}" if each.size else "-"


def _waits(parts: dict[str, Fs]) -> str:
    """Each reason with its time, the longest first."""
    waits = {part: time for part, time in parts.items() if part not in MOVEMENT and time}
    ordered = sorted(waits.items(), key=lambda item: -item[1])
    return ", ".join(f"{part.replace('_', ' ')} {_ns(time)}" for part, time in ordered) or "-"


def _gap(each: "Measurement") -> str:
    """Which legs took longer or shorter than the closed form says."""
    if each.latency == each.closed_form:
        return "none"
    legs = [
        f"{format_time(gap)} from {leg.leg.src}" + (f" to {leg.leg.dst}" if leg.leg.dst != leg.leg.src else "")
        for leg in each.legs
        if (gap := leg.leg.end - leg.leg.start - leg.closed_form)
    ]
    return "; ".join(legs)


def route(measured: "Measurement") -> str:
    """Each hop of each leg's last packet."""
    rows: list[tuple[str, str, str, str]] = []
    for each in measured.legs:
        leg = each.leg
        if not each.passages:
            rows.append((leg.src, "", _ns(leg.end - measured.start), _stay(leg.parts)))
        for hop in each.passages:
            ahead = hop.waited - hop.behind
            waits = [("behind other packets", hop.behind), ("no room ahead", ahead)]
            rows.append(
                (
                    hop.link,
                    _ns(hop.start - measured.start),
                    _ns(hop.head - measured.start),
                    ", ".join(f"{why} {_ns(time)}" for why, time in waits if time) or "-",
                )
            )
        if each.passages:
            rows.append((f"  the tail is at {leg.dst}", "", _ns(leg.end - measured.start), "-"))
    table = render(
        [
            column("last packet on", [row[0] for row in rows], text=True),
            column("starts\n(ns)", [row[1] for row in rows]),
            column("is there\n(ns)", [row[2] for row in rows]),
            column("waited (ns)", [row[3] for row in rows], text=True),
        ],
        terminal_width(),
    )
    return f"{measured.variant.name}, {_ns(measured.latency)} ns:\n{table}"


def _stay(parts: dict[str, Fs]) -> str:
    return ", ".join(f"{part.replace('_', ' ')} {_ns(time)}" for part, time in parts.items() if time)


def saturation(swept: "Sequence[Saturation]") -> str:
    """Used share of the bottleneck by size."""
    sizes = [point.size for point in swept[0].points]
    return render(
        [
            column("share of the bottleneck's\nbandwidth used by", [each.variant.name for each in swept], text=True),
            *(
                column(format_size(size), [f"{each.points[index].utilisation:.1%}" for each in swept])
                for index, size in enumerate(sizes)
            ),
            column(
                "90 % from",
                ["above" if each.saturated_at is None else format_size(each.saturated_at) for each in swept],
            ),
        ],
        terminal_width(),
    )


def contention(crowds: "Sequence[Contention]") -> str:
    """What each of N initiators gets."""
    return render(
        [
            column("case", [each.pattern for each in crowds], text=True),
            column("PEs", [each.initiators for each in crowds]),
            column("even\nshare", [f"{1 / each.initiators:.1%}" for each in crowds]),
            column("least", [f"{min(each.shares):.1%}" for each in crowds]),
            column("most", [f"{max(each.shares):.1%}" for each in crowds]),
            column("p50\n(ns)", [_ns(each.p50) for each in crowds]),
            column("p95\n(ns)", [_ns(each.p95) for each in crowds]),
            column("p99\n(ns)", [_ns(each.p99) for each in crowds]),
            column("max\n(ns)", [_ns(each.worst) for each in crowds]),
            column("all\n(GB/s)", [f"{each.bandwidth / 10**9:.2f}" for each in crowds]),
            column("of at most\n(GB/s)", [f"{each.target_bw / 10**9:g}" for each in crowds]),
            column("waited for", [_reason(each) for each in crowds], text=True),
            column("mostly at", [each.place or "-" for each in crowds], text=True),
        ],
        terminal_width(),
    )


def _reason(crowd: "Contention") -> str:
    total = sum(crowd.waits.values())
    if not total:
        return "-"
    ordered = sorted(crowd.waits.items(), key=lambda item: -item[1])
    return ", ".join(f"{name.replace('_', ' ')} {time / total:.0%}" for name, time in ordered if time * 100 >= total)


def sensitivity(effects: "Sequence[Effect]") -> str:
    """Each key and what it moves."""
    return render_prose(
        [
            column("key", [each.key for each in effects], text=True),
            column("from", [each.old for each in effects]),
            column("to", [each.new for each in effects]),
            column("moves", [_moves(each) for each in effects], text=True),
        ],
        terminal_width(),
    )


def _moves(effect: "Effect") -> str:
    if not effect.moved:
        return f"nothing: {effect.reason}"
    first = effect.moved[0]
    count = len(effect.moved)
    more = f" and {count - 1} more" if count > 1 else ""
    return f"{first.variant.name} by {format_time(first.by)}{more}"
