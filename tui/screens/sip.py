"""One SIP: its mesh large, the chosen cube beside it, the hottest links here below."""

from textual.app import ComposeResult
from textual.containers import Horizontal

from tui.mesh import OneSip
from tui.page import Page
from tui.panels.cube import Cube
from tui.panels.footer import Key
from tui.panels.hot import HotHere
from tui.tiers import choose_tier

BESIDE = 100
LEAST_CUBE, LEAST_WIDTH, LEAST_HOT = 11, 44, 6


class SipPage(Page):
    """Enter opens the chosen cube, Esc closes it; the brackets of the mesh follow the hottest link when asked to."""

    KEYS = (Key("Enter", "Cube", "open"), Key("Esc", "Back", "close"), Key("f", "Follow", "do('follow')"))
    HELP_LINES = (
        "At the right the chosen cube: UCIe sides, memory, crossbar, routers and each PE with its engines.",
        "Enter opens it: every router link, crossbar lane and engine, with its state and queue; up and down scroll.",
        "Arrows go over the edge into the next SIP.",
    )

    def panels(self) -> ComposeResult:
        """The mesh, the cube, the list."""
        self.mesh = OneSip(self.view, id="onesip")
        self.cube = Cube(self.view, id="cube")
        self.hot = HotHere(self.view, id="hothere")
        with Horizontal(id="upper") as self.upper:
            yield self.mesh
            yield self.cube
        yield self.hot

    def place(self, width: int, height: int) -> None:
        """Mesh and cube side by side where both have room, else one above the other."""
        plan = self.view.plan
        beside = width >= BESIDE
        self.upper.styles.layout = "horizontal" if beside else "vertical"
        if beside:
            tier = choose_tier(plan, width - LEAST_WIDTH, height - LEAST_HOT)
            needed = max(tier.height(plan), LEAST_CUBE + plan.layout.pes)
            upper = max(needed + 1, height - 16)
            self.upper.styles.height = height if self.view.cube_open else min(upper, height - LEAST_HOT)
            self.mesh.styles.width = tier.width(plan) + 2
            self.mesh.styles.height = "100%"
        else:
            tier = choose_tier(plan, width, max(1, height - LEAST_CUBE))
            self.upper.styles.height = "1fr"
            self.mesh.styles.width = "100%"
            self.mesh.styles.height = tier.height(plan)
        self.mesh.tier = tier
        self.mesh.display = beside or not self.view.cube_open
        self.hot.styles.height = "1fr"
        self.hot.display = beside and not self.view.cube_open

    def move(self, across: int, down: int) -> None:
        """To the cube beside, over the left and right edge into the SIP before and after; up and down scroll an open one."""
        view, plan = self.view, self.view.plan
        if view.cube_open and down:
            view.cube_top = max(0, view.cube_top + down)
            return
        row, column = divmod(view.cube, plan.cols)
        column, row = column + across, min(max(row + down, 0), plan.rows - 1)
        if 0 <= column < plan.cols:
            view.choose_cube(view.sip, row * plan.cols + column)
        elif 0 <= view.sip + across < plan.sips:
            view.choose_cube(view.sip + across, row * plan.cols + column % plan.cols)

    def open(self) -> str:
        """Open the cube."""
        self.view.cube_open = True
        self.fit()
        return ""

    def back(self) -> str:
        """Close the cube, or go to the overview."""
        if self.view.cube_open:
            self.view.cube_open = False
            self.fit()
            return ""
        return "overview"
