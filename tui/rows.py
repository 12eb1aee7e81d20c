"""Rows of links for tables: the filter and the order that the user chose."""

from typing import TYPE_CHECKING, NamedTuple

from tui.glyphs import Line, percent_of
from tui.store import average, percentile99
from tui.text import head

if TYPE_CHECKING:
    from tui.view import View

SORTS = ("now", "avg", "p99", "queue", "gbs", "name")
WINDOW = 100
"""Moments that averages and percentiles of tables are taken over."""


def cut(lines: list[Line], height: int, width: int) -> list[Line]:
    """The lines that have room; the last one says how many others there are."""
    if len(lines) <= height:
        return lines
    hidden = len(lines) - max(0, height - 1)
    return [
        *lines[: max(0, height - 1)],
        ((head(f" and {hidden} more lines: too many for this screen", width), "dim"),),
    ]


class LinkLine:
    """One link as a filter asks about it; what costs time is computed when it is asked for."""

    def __init__(self, view: "View", link: int) -> None:
        self._view = view
        self.link = link
        self.place = view.plan.layout.links[link]

    def says(self, word: str) -> bool:
        """Whether its name, kind or reason has the word."""
        hot = self._view.store.hot.get(self.link)
        return word in self.place.name.lower() or word == self.place.kind or (hot is not None and word in hot.reason)

    def number(self, field: str) -> float:
        """Percent of busy time, GB/s, packets, or the number of its SIP."""
        view = self._view
        if field == "util":
            return percent_of(view.store.links[self.link])
        if field == "avg":
            return percent_of(average(view.store.trace(self.link, WINDOW)))
        if field == "p99":
            return percent_of(percentile99(view.store.trace(self.link, WINDOW)))
        if field == "gbs":
            return view.store.gbs(self.link) / 1e9
        if field == "bw":
            return self.place.bw / 1e9
        if field == "queue":
            hot = view.store.hot.get(self.link)
            return hot.queue if hot else 0
        return self.place.sip


class Figures(NamedTuple):
    """The figures of one link that tables show."""

    now: int
    average: int
    p99: int
    queue: str
    reason: str
    trace: list[int]


def figures(view: "View", link: int) -> Figures:
    """What tables show of a link."""
    store = view.store
    trace = store.trace(link, WINDOW)
    hot = store.hot.get(link)
    dot = view.glyphs.dot
    return Figures(
        store.links[link],
        average(trace),
        percentile99(trace),
        str(hot.queue) if hot else dot,
        hot.reason.replace("_", " ") if hot and hot.reason else dot,
        trace,
    )


def select(view: "View") -> list[int]:
    """The links that pass the filter, in the chosen order; hot ones first within equals."""
    layout = view.plan.layout
    every = range(len(layout.links))
    chosen = [link for link in every if view.filter(LinkLine(view, link))] if view.filter_text else [*every]
    sort = view.sort_name
    if sort == "name":
        return sorted(chosen, key=lambda link: view.plan.names[link])
    if sort in ("avg", "p99"):
        moments = [*view.store.history][-WINDOW:]
        columns = list(zip(*moments, strict=True)) if moments else []
        measure = average if sort == "avg" else percentile99
        values = {link: measure(columns[link]) if columns else 0 for link in chosen}
        return sorted(chosen, key=lambda link: (-values[link], link))
    store = view.store
    if sort == "queue":
        queues = {link: hot.queue for link, hot in store.hot.items()}
        return sorted(chosen, key=lambda link: (-queues.get(link, 0), -store.links[link], link))
    if sort == "gbs":
        return sorted(chosen, key=lambda link: (-store.gbs(link), link))
    return sorted(chosen, key=lambda link: (-store.links[link], link))
