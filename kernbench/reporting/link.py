"""Links: their books, the most used, and what their packets waited for.

A packet whose tail comes over a slower link holds every link behind that one as long: all of them are busy, one of them
is the reason. So links are compared by use: the time that their bytes take at their own bandwidth.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kernbench.common.units import BytesPerSecond, Fs, carry_time, rate_gbs, to_ns
from kernbench.reporting.interval import Interval
from kernbench.reporting.share import percents, ratio
from kernbench.telemetry.rows import LinkRow, Utilisation


def link_documents(links: Iterable[LinkRow], sim_time: Fs, buckets: Utilisation | None) -> list[dict[str, Any]]:
    """Links for a report, the most used first."""
    found = []
    for link in sorted(links, key=lambda link: (-carry_time(link.moved, link.bw), link.name)):
        peak = None if buckets is None else ratio(max(buckets.use(link.name, link.bw), default=0), buckets.width)
        found.append(
            {
                "name": link.name,
                "kind": link.kind,
                "packets": link.packets,
                "bytes": link.moved,
                "busy_ns": to_ns(link.busy),
                "utilization": ratio(carry_time(link.moved, link.bw), sim_time),
                "peak": peak,
                "gbs": rate_gbs(link.moved, sim_time),
                "bw_gbs": link.bw / 10**9,
                "blocked_ns": to_ns(sum(link.blocked.values())),
                "blocked": {reason: to_ns(time) for reason, time in sorted(link.blocked.items()) if time},
            }
        )
    return found


def waiting_document(links: Sequence[LinkRow]) -> list[dict[str, Any]]:
    """What packets waited for, all links together, the longest first; the percentages sum to 100."""
    sums: dict[str, Fs] = {}
    for link in links:
        for reason, time in link.blocked.items():
            sums[reason] = sums.get(reason, 0) + time
    order = sorted((reason for reason, time in sums.items() if time), key=lambda reason: (-sums[reason], reason))
    return [
        {"reason": reason, "time_fs": sums[reason], "time_ns": to_ns(sums[reason]), "percent": percent}
        for reason, percent in zip(order, percents([sums[reason] for reason in order]), strict=True)
    ]


def most_used_within(
    buckets: Utilisation, rates: Mapping[str, BytesPerSecond], windows: list[Interval]
) -> tuple[str, float] | None:
    """Of the links with these bandwidths the one most used within the windows, and its share of their time.

    Within a bucket nobody knows when a link was used: a window has as much of that as it has of the bucket.
    """
    parts: dict[int, Fs] = {}
    for start, end in windows:
        for number in range(start // buckets.width, -(-end // buckets.width)):
            edge = number * buckets.width
            parts[number] = parts.get(number, 0) + min(end, edge + buckets.width) - max(start, edge)
    time = sum(parts.values())
    if not time or not rates:
        return None

    def used(name: str) -> int:
        series = buckets.use(name, rates[name])
        return sum(series[number] * part for number, part in parts.items() if number < len(series))

    name = min(rates, key=lambda name: (-used(name), name))
    return name, used(name) / (time * buckets.width)
