"""One pseudo-channel of HBM: bounded read and write queues before banks with open rows."""

from collections import deque
from typing import Protocol, TypeAlias

from kernbench.common.units import Fs
from kernbench.components.hbm_dram import DramConfig
from kernbench.sim_engine.engine import Engine

_LONG_AGO = -(10**18)
_NEVER = 10**18

Place: TypeAlias = tuple[int, int, int, int]
"""Pseudo-channel, bank group, bank of the pseudo-channel, row."""


class Owner(Protocol):
    """Whoever asked for a burst."""

    def committed(self, channel: int, quantum: int, end: Fs) -> None:
        """A burst of quantum `quantum` will be over the data bus at `end`."""


class Access:
    """A burst that somebody waits for, and when it `arrived` at its pseudo-channel, then in a queue there."""

    __slots__ = ("arrived", "bank", "channel", "group", "owner", "quantum", "row", "write")

    def __init__(self, owner: Owner, quantum: int, place: Place, *, write: bool) -> None:
        self.owner = owner
        self.quantum = quantum
        self.channel, self.group, self.bank, self.row = place
        self.write = write
        self.arrived: Fs = 0


class PseudoChannel:
    """Commits one burst after the other to the data bus: the one that can be there first, the oldest of equals.

    That is FR-FCFS: a hit in an open row comes before a row that must be opened, opened banks before closed ones. Writes
    wait until their queue is filled to `write_high` or nothing is to be read, then drain down to `write_low`, because each
    change of direction costs a turnaround. Whoever has waited in a queue for `patience` is next. Bursts enter the queues in
    order of arrival. A burst is chosen as late as it costs nothing: in time to close a row and to open four before the data
    bus is free.
    """

    def __init__(self, engine: Engine, number: int, rank: int, config: DramConfig, burst: Fs) -> None:
        self._engine = engine
        self.number = number
        self.rank = rank
        self._config = config
        self._burst = burst
        self._lead = config.precharge + config.activate_to_read + config.four_activates
        self._high = config.write_queue * config.write_high
        self._low = config.write_queue * config.write_low
        self._write_to_read_s = config.write_latency + burst + config.write_to_read_other_group
        self._write_to_read_l = config.write_latency + burst + config.write_to_read_same_group
        self._write_to_precharge = config.write_latency + burst + config.write_recovery
        groups, banks = config.bank_groups, config.bank_groups * config.banks
        # What the DRAM remembers: times of the last commands, per bank group and per bank; -1 is no open row.
        self._column_free: Fs = 0
        self._last_read: Fs = _LONG_AGO
        self._last_write: Fs = _LONG_AGO
        self._activates: deque[Fs] = deque([_LONG_AGO] * 4, 4)
        self._group_column: list[Fs] = [_LONG_AGO] * groups
        self._group_write: list[Fs] = [_LONG_AGO] * groups
        self._group_activate: list[Fs] = [_LONG_AGO] * groups
        self._row = [-1] * banks
        self._activated: list[Fs] = [_LONG_AGO] * banks
        self._precharge_from: list[Fs] = [_LONG_AGO] * banks
        self._activate_from: list[Fs] = [_LONG_AGO] * banks
        self._refresh_due: Fs = config.refresh_interval
        # What waits.
        self._staged: list[tuple[Fs, int, int, Access]] = []
        self._intake: deque[Access] = deque()
        self._reads: list[Access] = []
        self._writes: list[Access] = []
        self._draining = False
        self._marked = False
        self._waking = False
        self.busy: Fs = 0

    def arrive(self, key: int, access: Access) -> None:
        """Take a burst; `key` orders those that arrive at one instant."""
        self._staged.append((access.arrived, key, len(self._staged), access))
        if not self._marked:
            self._marked = True
            self._engine.mark(self)

    def __len__(self) -> int:
        return len(self._staged) + len(self._intake) + len(self._reads) + len(self._writes)

    def worked(self, now: Fs) -> Fs:
        """How long its data bus was busy until `now`, by column commands; what is committed ahead may have pauses in it.

        Read in this order, because `_commit` may run meanwhile and sets `busy` last: never more than it was.
        """
        busy = self.busy
        ahead = self._column_free - now
        return busy if ahead <= 0 else max(0, busy - ahead)

    def rests(self, now: Fs) -> bool:
        """Whether all bursts that have arrived are over."""
        return self._column_free <= now and not len(self)

    def arbitrate(self) -> None:
        """Commit what is due, once all arrivals of this instant are here."""
        now = self._engine.now
        self._marked = False
        self._admit(now + 1)
        while (self._reads or self._writes) and self._column_free - self._lead <= now:
            self._commit(now)
        if (self._reads or self._writes) and not self._waking:
            self._waking = True
            self._engine.call_at(self._column_free - self._lead, self._wake)

    def commit_next(self) -> None:
        """Commit one more burst ahead of its time; what arrives at this very instant is not yet seen."""
        now = self._engine.now
        self._admit(now)
        self._commit(now)

    def _wake(self, _: object) -> None:
        self._waking = False
        if not self._marked:
            self._marked = True
            self._engine.mark(self)

    def _admit(self, before: Fs) -> None:
        """Let bursts that arrived before `before` into the queues, in order, as far as there is room."""
        staged = self._staged
        if staged:
            staged.sort(key=_order)
            count = next((at for at, entry in enumerate(staged) if entry[0] >= before), len(staged))
            self._intake.extend(entry[3] for entry in staged[:count])
            del staged[:count]
        intake, config = self._intake, self._config
        while intake:
            queue, room = (self._writes, config.write_queue) if intake[0].write else (self._reads, config.read_queue)
            if len(queue) >= room:
                return
            access = intake.popleft()
            access.arrived = self._engine.now
            queue.append(access)

    def _commit(self, now: Fs) -> None:
        access, column, activate = self._choose(now)
        # A refresh that is due before the burst comes first; then everything is different.
        while column >= self._refresh_due:
            self._refresh(now)
            access, column, activate = self._choose(now)
        config, bank, group = self._config, access.bank, access.group
        if activate is not None:
            self._row[bank] = access.row
            self._activated[bank] = self._group_activate[group] = activate
            self._activates.append(activate)
            self._activate_from[bank] = activate + config.row_cycle
            self._precharge_from[bank] = activate + config.activate_to_precharge
        self._column_free = column + self._burst
        self._group_column[group] = column
        if access.write:
            self._writes.remove(access)
            self._last_write = self._group_write[group] = column
            recovered = column + self._write_to_precharge
            end = column + config.write_latency + self._burst
        else:
            self._reads.remove(access)
            self._last_read = column
            recovered = column + config.read_to_precharge
            end = column + config.read_latency + self._burst
        self._precharge_from[bank] = max(self._precharge_from[bank], recovered)
        self.busy += self._burst
        self._admit(now)
        access.owner.committed(self.number, access.quantum, end)

    def _choose(self, now: Fs) -> tuple[Access, Fs, Fs | None]:
        """The next burst, the time of its column command, and that of its activation if its row is not open."""
        queue = self._queue(now)
        write = queue[0].write
        rows, floor = self._row, self._floor(now, write=write)
        # No row that must be opened can be read or written before `first`.
        config, activates = self._config, self._activates
        opening = config.activate_to_write if write else config.activate_to_read
        activate_from = max(now, activates[-1] + config.activate_other_group, activates[0] + config.four_activates)
        first = max(floor, activate_from + opening)
        chosen, column, activate = queue[0], _NEVER, None
        for access in queue:
            opened: Fs | None = None
            if rows[access.bank] == access.row:
                time = self._column(access, floor)
            elif column <= first:
                continue
            else:
                opened = self._activation(access, activate_from, now)
                time = max(self._column(access, floor), opened + opening)
            if time < column:
                chosen, column, activate = access, time, opened
                if time == floor:
                    break
        return chosen, column, activate

    def _queue(self, now: Fs) -> list[Access]:
        """The candidates: all of the direction that is served now, or the one that waited too long."""
        reads, writes = self._reads, self._writes
        oldest = min((queue[0] for queue in (reads, writes) if queue), key=_arrived)
        if now - oldest.arrived > self._config.patience:
            return [oldest]
        if self._draining:
            self._draining = bool(writes) and not (reads and len(writes) < self._low)
        else:
            self._draining = not reads or len(writes) > self._high
        return writes if self._draining else reads

    def _floor(self, now: Fs, *, write: bool) -> Fs:
        """The first time that the data bus allows a column command in this direction."""
        turned = self._last_read + self._config.read_to_write if write else self._last_write + self._write_to_read_s
        return max(now, self._column_free, turned)

    def _column(self, access: Access, floor: Fs) -> Fs:
        """The first time for the column command of a burst, if its row has just been opened or is open."""
        config, group = self._config, access.group
        opening = config.activate_to_write if access.write else config.activate_to_read
        column = max(floor, self._group_column[group] + config.column_same_group)
        if not access.write:
            column = max(column, self._group_write[group] + self._write_to_read_l)
        return max(column, self._activated[access.bank] + opening)

    def _activation(self, access: Access, activate_from: Fs, now: Fs) -> Fs:
        """The first time that the bank of a burst can be activated, after it is closed."""
        config, bank = self._config, access.bank
        activate = max(
            activate_from,
            self._activate_from[bank],
            self._group_activate[access.group] + config.activate_same_group,
        )
        if self._row[bank] < 0:
            return activate
        return max(activate, max(now, self._precharge_from[bank]) + config.precharge)

    def _refresh(self, now: Fs) -> None:
        """Refresh all banks at the time that is due, after they are closed; rows are closed from then on."""
        config = self._config
        missed = max(0, (now - self._refresh_due) // config.refresh_interval)
        due = self._refresh_due + missed * config.refresh_interval
        start = due
        if missed == 0:
            for row, precharge_from in zip(self._row, self._precharge_from, strict=True):
                if row >= 0:
                    start = max(start, precharge_from + config.precharge)
        self._row = [-1] * len(self._row)
        self._activate_from = [max(time, start + config.refresh_time) for time in self._activate_from]
        self._refresh_due = due + config.refresh_interval


def _order(entry: tuple[Fs, int, int, Access]) -> tuple[Fs, int, int]:
    return entry[:3]


def _arrived(access: Access) -> Fs:
    return access.arrived
