"""Two levels: the cubes of a SIP first, then the SIPs, each cube with its like; then the cubes again.

Order of accumulation: an element's sum starts at the cube after the one that will hold it and goes round the SIP's
cubes, each step `received op own`; the SIPs' sums then go round the ring of SIPs in the same way.
"""

from kernbench.runtime_api.collectives.grid import Grid
from kernbench.runtime_api.collectives.schedule import Schedule, Team


def grid(rank: int, team: Team) -> Grid:
    """A row is a SIP; with one member a SIP there is one column, a ring."""
    return Grid(rank, team.size // team.local, team.local)


def all_reduce(rank: int, team: Team) -> Schedule:
    """Reduce-scatter among the cubes, all-reduce among the SIPs, all-gather among the cubes."""
    return grid(rank, team).all_reduce()


def reduce_scatter(rank: int, team: Team) -> Schedule:
    """Among the cubes, then among the SIPs."""
    return grid(rank, team).reduce_scatter()


def all_gather(rank: int, team: Team) -> Schedule:
    """Among the SIPs, then among the cubes."""
    return grid(rank, team).all_gather()


def broadcast(rank: int, team: Team) -> Schedule:
    """Along the cubes of the first SIP, then from each to its like on the next SIP."""
    return grid(rank, team).broadcast()
