"""The chosen link: a tall history, its books and who uses it."""

from kernbench.telemetry.frame import FULL
from tui.board import Board
from tui.glyphs import Line, Part, level_of, percent_of
from tui.rows import WINDOW, figures
from tui.store import DEPTH
from tui.text import fit, head, plain, rate, size, time


class Detail(Board):
    """The history at the left, the facts at the right."""

    def lines(self, width: int, height: int) -> list[Line]:
        """A title, then both side by side."""
        view = self.view
        if view.link is None:
            return [((head(" no link is chosen: up and down choose one", width), "head"),)]
        link, place = view.link, view.plan.layout.links[view.link]
        title = f" {view.plan.names[link]}   {plain(place.kind)}, {rate(place.bw)}"
        lines: list[Line] = [((head(title, width), "headbold"),)]
        facts = self._facts(link)
        left = max(20, width - 48) if width >= 76 else width
        chart = self._chart(link, left - 6, height - 1)
        beside = width >= 76
        for row in range(height - 1):
            label = "100%" if row == 0 else "  0%" if row == height - 2 else "    "
            parts: list[Part] = [(f"{label}{view.glyphs.bar} ", "dim"), (chart[row], f"h{self._heat(link)}")]
            if beside:
                name, text, style = facts[row] if row < len(facts) else ("", "", "")
                parts += [("  ", ""), (fit(name, 9), "dim"), (head(text, width - left - 11), style)]
            lines.append(tuple(parts))
        return lines

    def _heat(self, link: int) -> int:
        return level_of(self.view.store.links[link])

    def _chart(self, link: int, width: int, height: int) -> list[str]:
        """The trace as columns of blocks, `height` lines of eight levels each."""
        glyphs = self.view.glyphs
        trace = self.view.store.trace(link, DEPTH)[-max(1, width) :]
        cells = [value * height * 8 // FULL for value in trace]
        rows = []
        for row in range(height):
            floor = (height - 1 - row) * 8
            text = "".join(
                glyphs.blocks[8] if cell >= floor + 8 else glyphs.blocks[cell - floor] if cell > floor else " "
                for cell in cells
            )
            rows.append(" " * (width - len(text)) + text)
        return rows

    def _facts(self, link: int) -> list[tuple[str, str, str]]:
        view, store = self.view, self.view.store
        figure = figures(view, link)
        hot = store.hot.get(link)
        load = f"{percent_of(figure.now)}%  avg {percent_of(figure.average)}%  p99 {percent_of(figure.p99)}%"
        facts = [("load", load, "bold"), ("moves", f"{rate(store.gbs(link))} of {rate(self._bw(link))}", "")]
        if hot is not None:
            facts.append(("queue", f"{hot.queue} packets, {figure.reason}", "warn"))
            facts.append(("blocked", f"{time(hot.blocked)} so far, {size(hot.moved)} moved", ""))
        users = self._users(link)
        facts += [("used by" if not place else "", text, "") for place, text in enumerate(users)]
        waits = self._waits(link)
        facts += [("waiting" if not place else "", text, "warn") for place, text in enumerate(waits)]
        return facts

    def _bw(self, link: int) -> int:
        return self.view.plan.layout.links[link].bw

    def _users(self, link: int) -> list[str]:
        """Which links lead into this one and are busy now: the shares of what came in lately."""
        view, store = self.view, self.view.store
        layout = view.plan.layout
        source, own = layout.links[link].source, layout.links[link].target
        feeding = [n for n, each in enumerate(layout.links) if each.target == source and each.source != own]
        sums = {number: sum(store.trace(number, WINDOW)) * layout.links[number].bw for number in feeding}
        total = sum(sums.values())
        busy = sorted((number for number in feeding if sums[number]), key=lambda each: (-sums[each], each))[:4]
        return [f"{sums[number] * 100 // total:3}% {plain(layout.links[number].source)}" for number in busy]

    def _waits(self, link: int) -> list[str]:
        state = self.view.store.sips.get(self.view.plan.layout.links[link].sip)
        ends = {self.view.plan.layout.links[link].source, self.view.plan.layout.links[link].target}
        return [plain(each) for each in (state.waiters if state else ()) if any(end in each for end in ends)][:2]
