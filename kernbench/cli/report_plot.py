"""A plot in the terminal: how much the most used link was used over simulated time."""

import os
from typing import TYPE_CHECKING, Any

from kernbench.cli.terminal import printable
from kernbench.common.units import format_time

if TYPE_CHECKING:
    from kernbench.telemetry.rows import Utilisation

LEAST_WIDTH = 50
MOST_WIDTH = 120
HEIGHT = 12


def plot(report: dict[str, Any], buckets: "Utilisation | None", width: int) -> str:
    """The plot as text, or "" where there is nothing to draw or no room."""
    link = report["bottleneck"]["link_in_kernels"] or report["bottleneck"]["link"]
    if buckets is None or link is None or link["name"] not in buckets.busy or width < LEAST_WIDTH:
        return ""
    import plotext  # noqa: PLC0415  # `kernbench --help` stays quick

    bw = next(each["bw_gbs"] for each in report["links"] if each["name"] == link["name"])
    series = buckets.use(link["name"], round(bw * 10**9))
    unit, scale = ("us", 10**9) if buckets.width * len(series) < 10**13 else ("ms", 10**12)
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(min(width, MOST_WIDTH), HEIGHT)
    times = [(number + 0.5) * buckets.width / scale for number in range(len(series))]
    figure.draw(figure.signal(times, [100 * used / buckets.width for used in series], marker=_marker()).fillx())
    figure.ruler("y").lim(0, 100)
    figure.title(f"{printable(link['name'])}: used (%), each point {format_time(buckets.width)}")
    figure.label(f"simulated time ({unit})")
    drawn: str = plotext.uncolorize(figure.build().string())
    return "\n".join(line.rstrip() for line in drawn.splitlines())


def _marker() -> str:
    return "hd" if "UTF" in os.environ.get("LC_ALL", os.environ.get("LANG", "")).upper() else "*"
