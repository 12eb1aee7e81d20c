"""All links: a table to sort and filter, the chosen one below with its history."""

from textual.app import ComposeResult

from tui.page import Page
from tui.panels.detail import Detail
from tui.panels.footer import Key
from tui.panels.links import Links

PAGE_ROWS = 10


class LinksPage(Page):
    """Up and down choose a link, left and right go ten rows."""

    KEYS = (
        Key("/", "Filter", "do('filter')"), Key("o", "Sort", "do('sort')"), Key("p", "Pin", "do('pin')"), Key("Enter", "Place", "open"),
    )  # fmt: skip
    HELP_LINES = (
        "A filter is words and comparisons with & | ! ( ): sip0 & ucie & util>80.",
        "A word is a part of a name, a kind (pcie io noc ucie xbar hbm pe fabric) or a reason to stall.",
        "Compared are util, avg, p99 (percent), gbs, bw (GB/s), queue and sip.",
        "AVG and P99 are over the last 100 frames.",
    )

    def panels(self) -> ComposeResult:
        """The table and the chosen link."""
        self.table = Links(self.view, id="links")
        self.detail = Detail(self.view, id="detail")
        yield self.table
        yield self.detail

    def place(self, width: int, height: int) -> None:  # noqa: ARG002  # a table takes any width
        """A third for the chosen link, if that leaves rows enough."""
        share = min(12, height // 3)
        self.detail.display = share >= 5
        self.detail.styles.height = share

    def move(self, across: int, down: int) -> None:
        """Other rows."""
        self.table.move(down + PAGE_ROWS * across)

    def open(self) -> str:
        """The place of the link in its SIP."""
        return "sip" if self.view.link is not None else ""
