"""Sizes in which a mesh of cubes can be drawn, and which of them fits a screen."""

from typing import NamedTuple

from tui.plan import Plan


class Tier(NamedTuple):
    """A cube takes `box` x `lines` cells, a link to the right `gap` cells, one below `below` lines, one to IO `io` cells."""

    box: int
    lines: int
    gap: int
    below: int
    io: int

    def width(self, plan: Plan) -> int:
        """Cells across one SIP."""
        return self.io + plan.cols * (self.box + self.gap) - self.gap

    def height(self, plan: Plan) -> int:
        """Lines of one SIP, its title included."""
        return 1 + plan.rows * (self.lines + self.below) - self.below


HUGE = Tier(15, 4, 8, 1, 8)
LARGE = Tier(12, 3, 6, 1, 6)
MEDIUM = Tier(9, 2, 4, 1, 4)
SMALL = Tier(2, 1, 2, 1, 2)
TINY = Tier(2, 1, 2, 1, 0)
DOTS = Tier(1, 1, 0, 0, 0)

ALL_SIPS = (LARGE, MEDIUM, SMALL, TINY, DOTS)
ONE_SIP = (HUGE, LARGE, MEDIUM, SMALL, TINY, DOTS)
WIDEST_SPACE = 4


class Grid(NamedTuple):
    """SIPs in `across` columns with `space` cells between them."""

    tier: Tier
    across: int
    down: int
    space: int

    def height(self, plan: Plan) -> int:
        """Lines of all SIPs, an empty one between two rows of them."""
        return self.down * (self.tier.height(plan) + 1) - 1


def choose_grid(plan: Plan, width: int, height: int) -> Grid:
    """The largest tier in which all SIPs fit; the smallest one when none does."""
    grid = None
    for tier in ALL_SIPS:
        own = tier.width(plan)
        across = max(1, min(plan.sips, (width + 1) // (own + 1)))
        down = -(-plan.sips // across)
        across = -(-plan.sips // down)
        space = min(WIDEST_SPACE, (width - across * own) // max(1, across - 1)) if across > 1 else 0
        grid = Grid(tier, across, down, max(1, space))
        if own <= width and grid.height(plan) <= height:
            return grid
    assert grid is not None
    return grid


def choose_tier(plan: Plan, width: int, height: int) -> Tier:
    """The largest tier in which one SIP fits."""
    for tier in ONE_SIP:
        if tier.width(plan) <= width and tier.height(plan) <= height:
            return tier
    return DOTS
