"""Recursive halving, then doubling: ranks exchange halves of what is left, so bytes are as few as a ring's in few steps.

Ranks beyond the largest power of two p give what they have to rank - p first and get the result from there in the end.
Order of accumulation: a rank computes `received op own` with the rank beyond p, then with its partner of the highest
bit, and so on down to bit 0.
"""

from kernbench.runtime_api.collectives import recursive_doubling
from kernbench.runtime_api.collectives.recursive_doubling import power_below
from kernbench.runtime_api.collectives.schedule import Action, Schedule, Step, Team, X, Y, Z

all_gather = recursive_doubling.all_gather


def all_reduce(rank: int, team: Team) -> Schedule:
    """Halve until each rank holds the total of one chunk, then double."""
    n, p = team.size, power_below(team.size)
    bits = p.bit_length() - 1
    if rank >= p:
        middle: list[Step] = [()] * (2 * bits)
        out, back = Action(0, p, load=X, to=(rank - p,)), Action(0, p, sources=(rank - p,), store=Y)
        return Schedule(p, [[out], *middle, [back]])
    extra = rank + p
    steps: list[Step] = [[Action(0, p, sources=(extra,), load=X, store=Y)] if extra < n else ()]
    for bit in reversed(range(bits)):
        peer, half = rank ^ (1 << bit), 1 << bit
        give, keep = peer >> bit << bit, rank >> bit << bit
        out = Action(give, half, load=Y, to=(peer,))
        steps.append([out, Action(keep, half, sources=(peer,), load=Y, finish=bit == 0, store=Y)])
    for bit in range(bits):
        peer, held = rank ^ (1 << bit), 1 << bit
        out = Action(rank >> bit << bit, held, load=Y, to=(peer,))
        steps.append([out, Action(peer >> bit << bit, held, sources=(peer,), store=Y)])
    if extra < n:
        steps.append([Action(0, p, load=Y, to=(extra,))])
    return Schedule(p, steps)


def reduce_scatter(rank: int, team: Team) -> Schedule:
    """Halve; a rank below p also finds the block of the rank beyond p that gave it its elements."""
    n, p = team.size, power_below(team.size)
    bits = p.bit_length() - 1
    if rank >= p:
        middle: list[Step] = [()] * (bits - 1)
        return Schedule(
            n, [[Action(0, n, load=X, to=(rank - p,))], *middle, [Action(rank, sources=(rank - p,), store=Y)]]
        )
    extra = rank + p
    steps: list[Step] = [[Action(0, n, sources=(extra,), load=X, store=Z)] if extra < n else ()]
    own = Z if extra < n else X
    for bit in reversed(range(bits)):
        peer = rank ^ (1 << bit)
        out = [Action(first, count, load=own, to=(peer,)) for first, count in _runs(peer, bit, p, n)]
        back = []
        for first, count in _runs(rank, bit, p, n):
            to = (extra,) if bit == 0 and first == extra else ()
            store = Z if bit else Y if first == rank else None
            back.append(Action(first, count, sources=(peer,), load=own, finish=bit == 0, store=store, to=to))
        steps.append([*out, *back])
        own = Z
    return Schedule(n, steps)


def _runs(rank: int, bit: int, p: int, n: int) -> list[tuple[int, int]]:
    """(first block, blocks) for which a rank and those of its half answer after the step of `bit`."""
    low, count = rank >> bit << bit, 1 << bit
    beyond = min(low + p + count, n) - (low + p)
    return [(low, count), *([(low + p, beyond)] if beyond > 0 else [])]
