"""The overview: all SIPs at once, and the hottest links."""

from textual.app import ComposeResult
from textual.containers import Horizontal

from tui.mesh import Mesh
from tui.page import Page
from tui.panels.footer import Key
from tui.panels.hot import Hot
from tui.panels.rates import Rates
from tui.tiers import choose_grid

LEAST_HOT = 6
WIDE = 140
RATES = 52


class OverviewPage(Page):
    """Meshes above, the hottest links below, on wide screens with what each SIP does beside them."""

    KEYS = (Key("Enter", "Open", "open"), Key("f", "Follow", "do('follow')"), Key("p", "Pin", "do('pin')"))
    HELP_LINES = (
        "Each box is a cube: its load (the busiest of memory and PEs), hbm reads and writes, its PEs.",
        "Small boxes are two digits: memory, PEs (tens of percent; 9 is 90 and more).",
        "Links show both directions: right above left, down before up; small ones have no arrows.",
        "A title has memory bandwidth, links to other SIPs and PCIe.",
    )

    def panels(self) -> ComposeResult:
        """The meshes and the lists below them."""
        self.mesh = Mesh(self.view, id="mesh")
        self.rates = Rates(self.view, id="rates")
        yield self.mesh
        with Horizontal():
            yield Hot(self.view, id="hot")
            yield self.rates

    def place(self, width: int, height: int) -> None:
        """The meshes get what they need, the list the rest."""
        grid = choose_grid(self.view.plan, width, height - LEAST_HOT)
        self.mesh.grid = grid
        self.mesh.styles.height = min(grid.height(self.view.plan) + (height >= 24), max(1, height - LEAST_HOT))
        self.rates.display = width >= WIDE
        self.rates.styles.width = RATES

    def move(self, across: int, down: int) -> None:
        """To the cube beside, over the edges of SIPs."""
        plan, view = self.view.plan, self.view
        columns = self.mesh.grid.across
        x = view.sip % columns * plan.cols + view.cube % plan.cols + across
        y = view.sip // columns * plan.rows + view.cube // plan.cols + down
        x = min(max(x, 0), min(columns, plan.sips) * plan.cols - 1)
        y = min(max(y, 0), self.mesh.grid.down * plan.rows - 1)
        sip = y // plan.rows * columns + x // plan.cols
        if sip < plan.sips:
            view.choose_cube(sip, y % plan.rows * plan.cols + x % plan.cols)

    def open(self) -> str:
        """The chosen SIP, large."""
        return "sip"

    def back(self) -> str:
        """Nothing lies behind the overview."""
        return ""
