"""Synchronisation: how the workers keep up with each other, and who is stuck."""

from textual.app import ComposeResult

from tui.page import Page
from tui.panels.footer import Key
from tui.panels.waiters import Waiters
from tui.panels.workers import Workers


class SyncPage(Page):
    """Workers and SIPs above, waits below."""

    KEYS = (Key("s", "Step", "do('step')"), Key("-", "Slower", "do('slower')"), Key("+", "Faster", "do('faster')"))
    HELP_LINES = (
        "LAG is simulated time behind the furthest worker; WAIT the share of real time spent waiting for others.",
        "The worker that waits least holds the others up. ROUNDS are windows of simulated time run so far.",
        "PE RUNS counts what each PE did of each launch that ended: a launch on 16 PEs is 16.",
        "A SIP that is stuck says below who waits for what.",
    )

    def panels(self) -> ComposeResult:
        """The tables."""
        self.table = Workers(self.view, id="workers")
        yield self.table
        yield Waiters(self.view, id="waiters")

    def place(self, width: int, height: int) -> None:  # noqa: ARG002  # tables take any width
        """The workers get the lines they need."""
        plan = self.view.plan
        self.table.styles.height = min(5 + len(plan.layout.workers) + plan.sips, max(4, height - 5))
