"""What a sweep shows: one line per point, and which points no other point beats."""

from collections.abc import Sequence
from typing import Any

from kernbench.cli.sweep_points import Axis, Point
from kernbench.cli.table import column, render, terminal_width
from kernbench.common.errors import UsageError

Done = Sequence[tuple[Point, dict[str, Any]]]

LARGER_IS_BETTER = ("algbw_gbs", "busbw_gbs")


def figures(point: Point, document: dict[str, Any]) -> dict[str, float]:
    """The numbers of a point: its settings, the run's totals and the columns of one row.

    That is the row of everything, where a replay has one, else the last, which is the largest: of a run that did not
    come to its end (it has no digest) the last row is another one, and is none to compare with.
    """
    numbers: dict[str, float] = {}
    for key, value in point.settings:
        number = _number(value)
        if number is not None:
            numbers[key] = number
    rows = (document.get("rows") if document.get("digest") else None) or [{}]
    shown = next((row for row in rows if row.get("task") == "all"), rows[-1])
    for name, value in {**shown, "sim_time_ns": document.get("sim_time_ns")}.items():
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            numbers[name] = float(value)
    return numbers


def table(swept: Sequence[Axis], done: Done) -> str:
    """All points in order; those on the front are marked by the caller's column."""
    rows = [(point, document, figures(point, document)) for point, document in done]
    columns = [column("point", [point.number for point, _, _ in rows])]
    for axis in swept:
        columns.append(column(axis.key, [dict(point.settings)[axis.key] for point, _, _ in rows], text=True))
    shown = (
        ("time_ns", "time\n(us)", 1e-3),
        ("busbw_gbs", "busbw\n(GB/s)", 1.0),
        ("sim_time_ns", "simulated\n(us)", 1e-3),
    )
    for name, heading, scale in shown:
        if any(name in numbers for _, _, numbers in rows):
            cells = [f"{numbers[name] * scale:.2f}" if name in numbers else "-" for _, _, numbers in rows]
            columns.append(column(heading, cells))
    links = [(document.get("links") or {}).get("hottest") or [{}] for _, document, _ in rows]
    columns.append(column("hottest link", [str(hottest[0].get("name", "-")) for hottest in links], text=True))
    states = [str(document["status"]["kind"]) for _, document, _ in rows]
    columns.append(column("status", states, text=True))
    return render(columns, terminal_width())


def speedups(done: Done) -> str:
    """How much faster the fastest point is than the first that gave a result, in one line."""
    timed = [(numbers["sim_time_ns"], point) for point, document in done
             if "sim_time_ns" in (numbers := figures(point, document)) and not document["status"]["exit"]]  # fmt: skip
    if len(timed) < 2:
        return ""
    first, (best, point) = timed[0][0], min(timed, key=lambda pair: (pair[0], pair[1].number))
    settings = " ".join(f"{key}={value}" for key, value in point.settings)
    return f"fastest: point {point.number} ({settings}), {first / best:.2f} x the first"


def front(done: Done, x: str, y: str) -> list[int]:
    """Numbers of the points that no other one equals or beats in both figures and beats in one (the Pareto front)."""
    places = _places(done, x, y)
    signs = tuple(-1.0 if name.rpartition(".")[2] in LARGER_IS_BETTER else 1.0 for name in (x, y))
    costs = {number: (signs[0] * a, signs[1] * b) for number, (a, b) in places.items()}
    return [
        number
        for number, own in costs.items()
        if not any(other != own and other[0] <= own[0] and other[1] <= own[1] for other in costs.values())
    ]


def plot(done: Done, x: str, y: str, width: int, height: int) -> str:
    """The points over two figures, those of the front marked."""
    import plotext  # noqa: PLC0415  # only where something is plotted

    places, best = _places(done, x, y), set(front(done, x, y))
    figure = plotext.figure
    figure.clear()
    figure.theme("colorless")
    figure.plot_size(width, height)
    for marker, chosen in (("o", [n for n in places if n not in best]), ("#", sorted(best))):
        if chosen:
            figure.draw(figure.signal([places[n][0] for n in chosen], [places[n][1] for n in chosen], marker=marker))
    figure.title(f"{y} over {x}; # marks the front")
    figure.label(x)
    drawn: str = plotext.uncolorize(figure.build().string())
    return "\n".join(line.rstrip() for line in drawn.splitlines())


def _places(done: Done, x: str, y: str) -> dict[int, tuple[float, float]]:
    found = {point.number: figures(point, document) for point, document in done if not document["status"]["exit"]}
    names = sorted({name for numbers in found.values() for name in numbers})
    for name in (x, y):
        if found and name not in names:
            raise UsageError(f"--pareto: no point has the figure {name!r}; there are: {', '.join(names)}")
    return {number: (values[x], values[y]) for number, values in found.items() if x in values and y in values}


def _number(text: str) -> float | None:
    """A plain number, or one with a unit such as 8ns; a mesh such as 4x4 counts as its product."""
    parts = text.split("x")
    if all(part.isdecimal() for part in parts):
        result = 1.0
        for part in parts:
            result *= int(part)
        return result
    digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZµ/")
    try:
        return float(digits)
    except ValueError:
        return None
