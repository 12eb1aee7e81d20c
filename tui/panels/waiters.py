"""Who waits for what, when a SIP is stuck."""

from tui.board import Board
from tui.glyphs import Line
from tui.text import head, plain

NOT_STUCK = " nobody is stuck: each SIP has something to do, or waits for a message that is on its way"


class Waiters(Board):
    """The wait-for lists of all SIPs."""

    def lines(self, width: int, height: int) -> list[Line]:
        """A heading, then a line for each waiter."""
        states = sorted(self.view.store.sips.values(), key=lambda state: state.sip)
        lines: list[Line] = [((head(" WAITS FOR", width), "head"),)]
        for state in states:
            for each in state.waiters:
                lines.append(((f" SIP{state.sip:<4}", "title"), (head(plain(each), width - 8), "warn")))
        if len(lines) == 1:
            is_over = self.view.told(self.view.store.state) == "ended"
            text = " nobody waits: the run is over" if is_over else NOT_STUCK
            lines.append(((head(text, width), "dim"),))
        if len(lines) > height:
            hidden = len(lines) - height + 1
            lines[height - 1 :] = [((f" and {hidden} more", "dim"),)]
        return lines
