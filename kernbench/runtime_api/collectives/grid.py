"""Two-level schedules: among the columns of a row first, then among the rows, then back."""

from kernbench.runtime_api.collectives.around import Runs, gather_around, reduce_around
from kernbench.runtime_api.collectives.schedule import Action, Schedule, Step, X, Y, Z


class Grid:
    """Members as rows x columns, row by row; `me` sits in row `row`, column `column`."""

    def __init__(self, me: int, rows: int, columns: int) -> None:
        self.me = me
        self.rows = rows
        self.columns = columns
        self.row, self.column = divmod(me, columns)
        self.my_row = [self.row * columns + c for c in range(columns)]
        self.my_column = [r * columns + self.column for r in range(rows)]

    def _share(self, member: int) -> Runs:
        """The chunks of an all-reduce that a member's column answers for: side by side."""
        return [(member % self.columns * self.rows, self.rows)]

    def _own(self, member: int) -> Runs:
        """The one chunk of its column's share that a member answers for."""
        return [(member % self.columns * self.rows + member // self.columns, 1)]

    def _blocks(self, member: int) -> Runs:
        """The blocks of all members of a member's column."""
        return [(r * self.columns + member % self.columns, 1) for r in range(self.rows)]

    def all_reduce(self) -> Schedule:
        """Reduce-scatter in the row, all-reduce in the column, all-gather in the row."""
        steps: list[Step] = []
        steps += reduce_around(self.my_row, self.me, self._share, Y, Y, Y, finish=self.rows == 1)
        steps += reduce_around(self.my_column, self.me, self._own, Y, Y, Y, finish=True)
        steps += gather_around(self.my_column, self.me, self._own, Y)
        steps += gather_around(self.my_row, self.me, self._share, Y)
        return Schedule(self.rows * self.columns, steps)

    def reduce_scatter(self) -> Schedule:
        """In the row for all blocks of a column, then in the column for the one of each member."""
        single = self.rows == 1
        steps = reduce_around(self.my_row, self.me, self._blocks, X, Z, Y if single else Z, finish=single)
        own = Z if self.columns > 1 else X
        steps += reduce_around(self.my_column, self.me, lambda member: [(member, 1)], own, Z, Y, finish=True)
        return Schedule(self.rows * self.columns, steps)

    def all_gather(self) -> Schedule:
        """Own blocks go round the column, then each column's blocks round the row."""
        steps: list[Step] = [[Action(self.me, load=X, store=Y)]]
        steps += gather_around(self.my_column, self.me, lambda member: [(member, 1)], Y)
        steps += gather_around(self.my_row, self.me, self._blocks, Y)
        return Schedule(self.rows * self.columns, steps)

    def broadcast(self) -> Schedule:
        """Along the first row, then down each column, in one pipeline."""
        to = []
        if self.row == 0 and self.column + 1 < self.columns:
            to.append(self.me + 1)
        if self.row + 1 < self.rows:
            to.append(self.me + self.columns)
        if not self.me:
            return Schedule(1, [[Action(0, load=X, store=None, to=tuple(to))]])
        before = self.me - (self.columns if self.row else 1)
        return Schedule(1, [[Action(0, sources=(before,), store=Y, to=tuple(to))]])
