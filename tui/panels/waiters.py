"""Who waits for what, when a SIP is stuck."""

from tui.board import Board
from tui.glyphs import Line
from tui.text import head, plain

NOT_STUCK = " nobody is stuck: each SIP has something to do, or waits for a message that is on its way"


class Waiters(Board):
    """The wait-for lists of all SIPs; of a run that failed, why."""

    def lines(self, width: int, height: int) -> list[Line]:
        """A heading, then a line for each waiter."""
        states = sorted(self.view.store.sips.values(), key=lambda state: state.sip)
        lines: list[Line] = [((head(" WAITS FOR", width), "head"),)]
        for state in states:
            for each in state.waiters:
                lines.append(((f" SIP{state.sip:<4}", "title"), (head(plain(each), width - 8), "warn")))
        if self.view.outcome != "ended":
            lines[1:] = self._why(width)
        if len(lines) == 1:
            is_over = self.view.told(self.view.store.state) in ("ended", "killed")
            text = " nobody waits: the run is over" if is_over else NOT_STUCK
            lines.append(((head(text, width), "dim"),))
        if len(lines) > height:
            hidden = len(lines) - height + 1
            lines[height - 1 :] = [((f" and {hidden} more", "dim"),)]
        return lines

    def _why(self, width: int) -> list[Line]:
        """Why the run did not come to its end, and who waited for what then: it tells more than its last frames."""
        status = self.view.status
        said = [status.get("message", "")]
        if (where := status.get("where", "")) not in said[0]:
            said.append(f"at {where}")
        lines: list[Line] = [((head(f" {plain(each)}", width), "bad"),) for each in said]
        return lines + [((head(f" {plain(each)}", width), "warn"),) for each in status.get("waiters", ())]
