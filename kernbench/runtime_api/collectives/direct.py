"""Direct exchange: every rank talks to every other one at once; two steps of latency, for full fabrics and switches.

Order of accumulation of rank r's share: own, then `received op that` for ranks r - 1, r - 2, ... (modulo the ranks).
"""

from kernbench.runtime_api.collectives.schedule import Action, Schedule, Team, X, Y


def _others(rank: int, size: int) -> list[int]:
    return [(rank + distance) % size for distance in range(1, size)]


def _before(rank: int, size: int) -> tuple[int, ...]:
    return tuple((rank - distance) % size for distance in range(1, size))


def all_reduce(rank: int, team: Team) -> Schedule:
    """Each rank reduces its share of the elements and sends the total to all; totals do not wait behind shares."""
    others, before = _others(rank, team.size), _before(rank, team.size)
    out = [Action(peer, load=X, to=(peer,)) for peer in others]
    mine = Action(rank, sources=before, load=X, finish=True, store=Y, to=tuple(others), plane=1, receive_plane=0)
    back = [Action(peer, sources=(peer,), store=Y, receive_plane=1) for peer in before]
    return Schedule(team.size, [[*out, mine, *back]])


def reduce_scatter(rank: int, team: Team) -> Schedule:
    """Each block goes to its rank, which reduces."""
    out = [Action(peer, load=X, to=(peer,)) for peer in _others(rank, team.size)]
    mine = Action(rank, sources=_before(rank, team.size), load=X, finish=True, store=Y)
    return Schedule(team.size, [[*out, mine]])


def all_gather(rank: int, team: Team) -> Schedule:
    """Each rank sends its block to all."""
    out = Action(rank, load=X, store=Y, to=tuple(_others(rank, team.size)))
    back = [Action(peer, sources=(peer,), store=Y) for peer in _before(rank, team.size)]
    return Schedule(team.size, [[out, *back]])


def all_to_all(rank: int, team: Team) -> Schedule:
    """In step d a rank sends to the one d after it and receives from the one d before it."""
    steps = [[Action(rank, load=X, store=Y)]]
    for peer, source in zip(_others(rank, team.size), _before(rank, team.size), strict=True):
        steps.append([Action(peer, load=X, to=(peer,)), Action(source, sources=(source,), store=Y)])
    return Schedule(team.size, steps)


def broadcast(rank: int, team: Team) -> Schedule:
    """The root sends to everybody."""
    if rank:
        return Schedule(1, [[Action(0, sources=(0,), store=Y)]])
    return Schedule(1, [[Action(0, load=X, to=tuple(_others(0, team.size)))]])


def reduce(rank: int, team: Team) -> Schedule:
    """Everybody sends to the root, which reduces."""
    if rank:
        return Schedule(1, [[Action(0, load=X, to=(0,))]])
    return Schedule(1, [[Action(0, sources=_before(0, team.size), load=X, finish=True, store=Y)]])


def gather(rank: int, team: Team) -> Schedule:
    """Everybody sends its block to the root."""
    if rank:
        return Schedule(team.size, [[Action(rank, load=X, to=(0,))]])
    own = Action(0, load=X, store=Y)
    return Schedule(team.size, [[own, *(Action(peer, sources=(peer,), store=Y) for peer in range(1, team.size))]])


def scatter(rank: int, team: Team) -> Schedule:
    """The root sends each block to its rank."""
    if rank:
        return Schedule(team.size, [[Action(rank, sources=(0,), store=Y)]])
    own = Action(0, load=X, store=Y)
    return Schedule(team.size, [[own, *(Action(peer, load=X, to=(peer,)) for peer in range(1, team.size))]])
