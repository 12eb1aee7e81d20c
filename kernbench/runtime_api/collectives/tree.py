"""Double binary tree: two trees, each for half of the elements, up and down in one pipeline of slices.

A leaf of one tree is inside the other, so that every rank sends and receives about as much. Order of accumulation: a
rank computes `received op own` for its first child, then `received op that` for the second, children by number; the
first half of the elements uses the first tree. Broadcast and reduce use the first tree alone, with the root at its top.
"""

from kernbench.runtime_api.collectives.schedule import Action, Schedule, Team, X, Y


def parent(rank: int, size: int) -> int | None:
    """The parent in the first tree: rank 0 is the top, odd ranks are leaves."""
    if rank == 0:
        return None
    bit = rank & -rank
    above = (rank ^ bit) | (bit << 1)
    return above if above < size else rank ^ bit


def mirrored(rank: int, size: int) -> int:
    """A rank's place in the second tree: shifted by one if their number is odd, else in reverse."""
    return (rank - 1) % size if size % 2 else size - 1 - rank


class _Tree:
    """One rank's place in a tree: parent and children, by rank."""

    def __init__(self, rank: int, size: int, *, second: bool) -> None:
        places = [mirrored(each, size) if second else each for each in range(size)]
        at = {place: each for each, place in enumerate(places)}
        above = {each: parent(places[each], size) for each in range(size)}
        top = above[rank]
        self.parents = () if top is None else (at[top],)
        self.children = tuple(each for each in range(size) if above[each] == places[rank])

    def up(self, chunk: int, plane: int) -> Action:
        """Reduce what the children have; the top turns it round."""
        if self.parents:
            return Action(chunk, sources=self.children, load=X, to=self.parents, plane=plane)
        return Action(
            chunk,
            sources=self.children,
            load=X,
            finish=True,
            store=Y,
            to=self.children,
            plane=plane + 1,
            receive_plane=plane,
        )

    def down(self, chunk: int, plane: int) -> list[Action]:
        """Take the total from above and pass it on."""
        if not self.parents:
            return []
        return [Action(chunk, sources=self.parents, store=Y, to=self.children, plane=plane + 1)]


def all_reduce(rank: int, team: Team) -> Schedule:
    """Both trees at once; upward and downward messages, and those of the two trees, do not wait for each other."""
    one, two = (_Tree(rank, team.size, second=second) for second in (False, True))
    return Schedule(2, [[one.up(0, 0), two.up(1, 2), *one.down(0, 0), *two.down(1, 2)]])


def broadcast(rank: int, team: Team) -> Schedule:
    """Down the first tree."""
    tree = _Tree(rank, team.size, second=False)
    return Schedule(1, [tree.down(0, 0) or [Action(0, load=X, to=tree.children, plane=1)]])


def reduce(rank: int, team: Team) -> Schedule:
    """Up the first tree."""
    tree = _Tree(rank, team.size, second=False)
    if tree.parents:
        return Schedule(1, [[tree.up(0, 0)]])
    return Schedule(1, [[Action(0, sources=tree.children, load=X, finish=True, store=Y)]])
