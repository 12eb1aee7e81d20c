"""Around the ring of ranks, chunk by chunk, slice by slice: all-reduce is reduce-scatter, then all-gather.

Order of accumulation: chunk c starts at rank c (of a reduce-scatter: at the rank after the one that will hold it) and
each next rank computes `received op own`, in the tensor's dtype.
Why in rounds: docs/adr/0002-ring-in-rounds.md.
"""

from kernbench.runtime_api.collectives.schedule import Action, Schedule, Step, Team, X, Y


def all_reduce(rank: int, team: Team) -> Schedule:
    """2 (n - 1) messages a rank: chunk c is complete at rank c - 1, and goes round once more."""
    n, after, before = team.size, (rank + 1) % team.size, (rank - 1) % team.size
    steps: list[Step] = [[Action(rank, load=X, to=(after,))]]
    steps += [[Action((rank - t) % n, sources=(before,), load=X, to=(after,))] for t in range(1, n - 1)]
    steps.append([Action(after, sources=(before,), load=X, finish=True, store=Y, to=(after,))])
    steps += [[Action((rank - t) % n, sources=(before,), store=Y, to=(after,))] for t in range(n, 2 * n - 2)]
    steps.append([Action((rank + 2) % n, sources=(before,), store=Y)])
    return Schedule(n, steps)


def reduce_scatter(rank: int, team: Team) -> Schedule:
    """Block c starts at rank c + 1 and goes round to rank c."""
    n, after, before = team.size, (rank + 1) % team.size, (rank - 1) % team.size
    steps: list[Step] = [[Action(before, load=X, to=(after,))]]
    steps += [[Action((rank - 1 - t) % n, sources=(before,), load=X, to=(after,))] for t in range(1, n - 1)]
    steps.append([Action(rank, sources=(before,), load=X, finish=True, store=Y)])
    return Schedule(n, steps)


def all_gather(rank: int, team: Team) -> Schedule:
    """Each block goes round the ring."""
    n, after, before = team.size, (rank + 1) % team.size, (rank - 1) % team.size
    steps: list[Step] = [[Action(rank, load=X, store=Y, to=(after,))]]
    steps += [[Action((rank - t) % n, sources=(before,), store=Y, to=(after,))] for t in range(1, n - 1)]
    steps.append([Action(after, sources=(before,), store=Y)])
    return Schedule(n, steps)


def broadcast(rank: int, team: Team) -> Schedule:
    """From the root along the ring, in one pipeline."""
    to = (rank + 1,) if rank + 1 < team.size else ()
    return Schedule(1, [[Action(0, sources=(rank - 1,), store=Y, to=to) if rank else Action(0, load=X, to=to)]])


def reduce(rank: int, team: Team) -> Schedule:
    """From the root's predecessor along the ring to the root, in one pipeline."""
    sources = (rank + 1,) if rank + 1 < team.size else ()
    if rank:
        return Schedule(1, [[Action(0, sources=sources, load=X, to=(rank - 1,))]])
    return Schedule(1, [[Action(0, sources=sources, load=X, finish=True, store=Y)]])
