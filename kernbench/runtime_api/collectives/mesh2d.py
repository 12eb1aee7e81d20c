"""Two-dimensional algorithms: rings along the rows of the most square grid of ranks, then along its columns.

Order of accumulation: within its row an element's sum starts at the successor of the rank that will hold it and goes
round to that rank, each step `received op own`; the rows' sums then go round the column in the same way.
"""

from math import isqrt

from kernbench.runtime_api.collectives.grid import Grid
from kernbench.runtime_api.collectives.schedule import Schedule, Team


def grid(rank: int, team: Team) -> Grid:
    """The most square factors, as the fabric `mesh2d` has them; a prime number is one row."""
    rows = next(each for each in range(isqrt(team.size), 0, -1) if team.size % each == 0)
    return Grid(rank, rows, team.size // rows)


def all_reduce(rank: int, team: Team) -> Schedule:
    """Reduce-scatter along the row, all-reduce along the column, all-gather along the row."""
    return grid(rank, team).all_reduce()


def reduce_scatter(rank: int, team: Team) -> Schedule:
    """Along the row, then along the column."""
    return grid(rank, team).reduce_scatter()


def all_gather(rank: int, team: Team) -> Schedule:
    """Along the column, then along the row."""
    return grid(rank, team).all_gather()


def broadcast(rank: int, team: Team) -> Schedule:
    """Along the first row, then down the columns."""
    return grid(rank, team).broadcast()
