"""Both ways around the ring: each block travels half the ring in each direction, so both links of a rank are used.

Order of accumulation of block c: one sum starts at rank c - n // 2 and comes up, another at rank c + (n - 1) // 2 and
comes down, each rank computing `received op own`; rank c computes `down op (up op own)`.
"""

from kernbench.runtime_api.collectives.schedule import Action, Schedule, Step, Team, X, Y


class _Ring:
    """A rank's neighbours, and how far blocks travel upwards (`up`) and downwards (`down`)."""

    def __init__(self, rank: int, team: Team) -> None:
        n = self.size = team.size
        self.rank = rank
        self.after, self.before = (rank + 1) % n, (rank - 1) % n
        self.up, self.down = n // 2, (n - 1) // 2

    def partial_sums(self) -> list[Step]:
        """What reaches this rank's neighbours before its own block is complete; the shorter way starts later."""
        late = self.up - self.down
        steps: list[Step] = []
        for t in range(self.up):
            step = [
                Action(
                    (self.rank + self.up - t) % self.size, sources=(self.before,) * (t > 0), load=X, to=(self.after,)
                )
            ]
            if t >= late:
                step.append(
                    Action(
                        (self.rank - self.down + t - late) % self.size,
                        sources=(self.after,) * (t > late),
                        load=X,
                        to=(self.before,),
                    )
                )
            steps.append(step)
        return steps

    def total(self, to: tuple[int, ...]) -> Action:
        """The own block: what comes up and what comes down meet here."""
        sources = (self.before, self.after)[: 1 + (self.down > 0)]
        return Action(self.rank, sources=sources, load=X, finish=True, store=Y, to=to)

    def neighbours(self) -> tuple[int, ...]:
        """Where an own block goes."""
        return (self.after, self.before)[: 1 + (self.down > 0)]

    def blocks(self) -> list[Step]:
        """The blocks of others, from both sides."""
        steps: list[Step] = []
        for t in range(1, self.up + 1):
            on = (self.after,) if t < self.up else ()
            step = [Action((self.rank - t) % self.size, sources=(self.before,), store=Y, to=on)]
            if t <= self.down:
                back = (self.before,) if t < self.down else ()
                step.append(Action((self.rank + t) % self.size, sources=(self.after,), store=Y, to=back))
            steps.append(step)
        return steps


def all_reduce(rank: int, team: Team) -> Schedule:
    """Reduce-scatter from both sides, then all-gather to both sides."""
    ring = _Ring(rank, team)
    return Schedule(team.size, [*ring.partial_sums(), [ring.total(ring.neighbours())], *ring.blocks()])


def reduce_scatter(rank: int, team: Team) -> Schedule:
    """Partial sums come from both sides."""
    ring = _Ring(rank, team)
    return Schedule(team.size, [*ring.partial_sums(), [ring.total(())]])


def all_gather(rank: int, team: Team) -> Schedule:
    """Blocks go to both sides."""
    ring = _Ring(rank, team)
    return Schedule(team.size, [[Action(rank, load=X, store=Y, to=ring.neighbours())], *ring.blocks()])


def broadcast(rank: int, team: Team) -> Schedule:
    """From the root both ways, each half of the ring in one pipeline."""
    ring = _Ring(rank, team)
    if not rank:
        return Schedule(1, [[Action(0, load=X, to=ring.neighbours())]])
    if rank <= ring.up:
        return Schedule(1, [[Action(0, sources=(rank - 1,), store=Y, to=(rank + 1,) * (rank < ring.up))]])
    return Schedule(1, [[Action(0, sources=(ring.after,), store=Y, to=(rank - 1,) * (rank - 1 > ring.up))]])


def reduce(rank: int, team: Team) -> Schedule:
    """From the far end both ways to the root, which computes `down op (up op own)`, up being its successor's sum."""
    ring = _Ring(rank, team)
    if not rank:
        return Schedule(1, [[Action(0, sources=(1, ring.before)[: 1 + (ring.down > 0)], load=X, finish=True, store=Y)]])
    if rank <= ring.up:
        return Schedule(1, [[Action(0, sources=(rank + 1,) * (rank < ring.up), load=X, to=(rank - 1,))]])
    return Schedule(1, [[Action(0, sources=(rank - 1,) * (rank - 1 > ring.up), load=X, to=(ring.after,))]])
