"""What each SIP does: computing, moving, memory and fabric, with a history."""

from tui.board import Board
from tui.glyphs import Line, Part
from tui.rows import cut
from tui.text import head, plain, rate, time


class Rates(Board):
    """Two lines for each SIP, then the phases that last or ended last."""

    def lines(self, width: int, height: int) -> list[Line]:
        """Computing above moving for each SIP."""
        store, plan, glyphs = self.view.store, self.view.plan, self.view.glyphs
        lines: list[Line] = [((head(" SIPS      compute / move, mean of engines", width), "head"),)]
        spark = max(0, width - 23)
        for sip in range(plan.sips):
            for row, (label, name, style) in enumerate(((f"SIP{sip}", "comp", "compute"), ("", "move", "comm"))):
                trace = [share[row] for share in store.shares[sip]]
                parts: list[Part] = [
                    (f" {label:<6}", "title"), (f"{name} ", "dim"), glyphs.digits3[trace[-1] if trace else 0],
                    ("%  ", "dim"), (glyphs.spark(trace, spark), style),
                ]  # fmt: skip
                lines.append(tuple(parts))
            if len(lines) < height and height >= 1 + 3 * plan.sips + 4:
                text = f" {'':<6}hbm {rate(store.sip_rate(sip))}   fabric {rate(store.fabric_rate(sip))}"
                lines.append(((head(text, width), "dim"),))
        if len(lines) > height:
            return cut(lines, height, width)
        return lines + self._phases(width, height - len(lines))

    def _phases(self, width: int, rows: int) -> list[Line]:
        if rows < 2:
            return []
        store = self.view.store
        marks = sorted(store.phases.values(), key=lambda mark: (mark.start, mark.sip))[-(rows - 1) :]
        lines: list[Line] = [((head(" PHASES", width), "head"),)]
        for mark in reversed(marks):
            lasting = mark.end is None
            end = store.now if mark.end is None else mark.end
            name = head(plain(mark.name), max(4, width - 30))
            lines.append(
                (
                    (f" SIP{mark.sip:<3}", "title"), (name, "bold" if lasting else ""),
                    (f" {time(max(0, end - mark.start)):>9}", ""), ("  lasts" if lasting else "  ended", "dim"),
                )
            )  # fmt: skip
        return lines
