"""Recursive doubling: in step k ranks whose numbers differ in bit k exchange all that they have; few steps, many bytes.

Ranks beyond the largest power of two p give what they have to rank - p first and get the result from there in the end.
Order of accumulation: a rank computes `received op own` with the rank beyond p, then with its partner of bit 0, bit 1, ...
Partners add the same two numbers the other way round, which gives the same bits.
"""

from kernbench.runtime_api.collectives.schedule import Action, Schedule, Step, Team, X, Y


def power_below(size: int) -> int:
    """The largest power of two that is not above `size`."""
    return 1 << (size.bit_length() - 1)


def all_reduce(rank: int, team: Team) -> Schedule:
    """Whole vectors; what a step computed is passed on at once and kept in memory as the next step's operand."""
    n, p = team.size, power_below(team.size)
    bits = p.bit_length() - 1
    if rank >= p:
        partner = rank - p
        steps: list[Step] = [[Action(0, load=X, to=(partner,))], *([()] * (bits - 1))]
        return Schedule(1, [*steps, [Action(0, sources=(partner,), store=Y)]])
    extra = (rank + p,) if rank + p < n else ()
    steps = [[Action(0, sources=extra, load=X, store=Y if extra else None, to=(rank ^ 1,))]]
    for bit in range(bits):
        last = bit == bits - 1
        to = extra if last else (rank ^ (2 << bit),)
        steps.append([Action(0, sources=(rank ^ (1 << bit),), load=Y, finish=last, store=Y, to=to)])
    return Schedule(1, steps)


def all_gather(rank: int, team: Team) -> Schedule:
    """The blocks that a rank holds double with each step."""
    n, p = team.size, power_below(team.size)
    own = Action(rank, load=X, store=Y)
    if rank >= p:
        back = [Action(each, sources=(rank - p,), store=Y) for each in range(n) if each != rank]
        middle: list[Step] = [()] * (p.bit_length() - 1)
        return Schedule(n, [[Action(rank, load=X, store=Y, to=(rank - p,))], *middle, back])
    extra = rank + p
    steps: list[Step] = [[own, Action(extra, sources=(extra,), store=Y)] if extra < n else [own]]
    for bit in range(p.bit_length() - 1):
        peer = rank ^ (1 << bit)
        out = [Action(each, load=Y, to=(peer,)) for each in _held(rank, bit, p, n)]
        steps.append([*out, *(Action(each, sources=(peer,), store=Y) for each in _held(peer, bit, p, n))])
    if extra < n:
        steps.append([Action(each, load=Y, to=(extra,)) for each in range(n) if each != extra])
    return Schedule(n, steps)


def _held(rank: int, bit: int, p: int, n: int) -> list[int]:
    """Blocks that a rank has before the step of `bit`."""
    low = rank >> bit << bit
    return [each for base in range(low, low + (1 << bit)) for each in (base, base + p) if each < n]
