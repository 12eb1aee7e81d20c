"""What a trace can hold: the window of time, and how coarse slices must be to stay below the budget."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple, TypeVar

from kernbench.common.errors import UsageError
from kernbench.common.units import Fs, format_time
from kernbench.telemetry.rows import KernelRow, OperationRow, PacketRow, PhaseRow
from kernbench.telemetry.trace_records import RunRecords
from kernbench.telemetry.trace_track import Lanes

Row = TypeVar("Row", OperationRow, KernelRow, PhaseRow, PacketRow)
WIDTHS = (0, *(10**8 * 4**step for step in range(12)))
"""Grains that are tried, finest first: 0 is every row for itself, then buckets of 100 ns, 400 ns and so on."""
GROUPS = 3
"""Groups above a track at most: SIP, cube, PE."""
OPERATIONS_SHARE = 60
"""Percent of what is left that operations may take when there are packets too."""


class Window(NamedTuple):
    """A stretch of simulated time; `end` None is the end of the run. A row belongs to it, whole, if it reaches in."""

    start: Fs = 0
    end: Fs | None = None

    def holds(self, start: Fs, end: Fs) -> bool:
        """Whether a stretch of time reaches into the window."""
        return (end > self.start or start == end >= self.start) and (self.end is None or start < self.end)

    def rows(self, rows: Iterable[Row]) -> Iterable[Row]:
        """Those rows that reach into it."""
        return (row for row in rows if self.holds(row.start, row.end))


def phase_window(records: RunRecords, name: str) -> Window:
    """From the first begin to the last end of the phases of this name, over all SIPs."""
    phases = list(records.phases())
    found = [phase for phase in phases if phase.name == name]
    if found:
        return Window(min(phase.start for phase in found), max(phase.end for phase in found))
    names = list(dict.fromkeys(phase.name for phase in phases))
    if not names:
        raise UsageError(f"--phase {name}: the run recorded no phases; choose by --from and --to")
    near = get_close_matches(name, names, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names[:8])}"
    raise UsageError(f"unknown phase {name!r}; {hint}")


class Grain(NamedTuple):
    """How rows become slices: `width` fs of a bucket (0: each row is a slice) and how many slices that makes."""

    width: Fs
    slices: int

    def __str__(self) -> str:
        return "each for itself" if self.width == 0 else f"merged within {format_time(self.width)}"


class Survey:
    """Counts, in one pass, the slices that rows become at every grain."""

    def __init__(self) -> None:
        self.rows = 0
        self._lanes = Lanes()
        self._last: list[dict[str, Fs]] = [{} for _ in WIDTHS]
        self._slices = [0] * len(WIDTHS)

    @property
    def tracks(self) -> int:
        """Lanes that the rows need when each is a slice, and groups above them, at most."""
        return self._lanes.count + GROUPS * len(self._last[1])

    def add(self, track: str, start: Fs, end: Fs) -> None:
        """Count a row."""
        self.rows += 1
        self._lanes.lane(track, start, end)
        self._slices[0] += 1
        for number in range(1, len(WIDTHS)):
            bucket = end // WIDTHS[number]
            last = self._last[number]
            if last.get(track) != bucket:
                last[track] = bucket
                self._slices[number] += 1

    def grain(self, room: int, slice_bytes: int) -> Grain:
        """The finest grain whose slices fit into `room` bytes, else the coarsest."""
        for width, slices in zip(WIDTHS, self._slices, strict=True):
            if slices * slice_bytes <= room:
                return Grain(width, slices)
        return Grain(WIDTHS[-1], self._slices[-1])


class Plan(NamedTuple):
    """What goes into a trace: grains of operations and packets, and the messages of which both ends are in it."""

    operations: Grain
    packets: Grain
    operation_rows: int
    packet_rows: int
    flows: frozenset[str]


def plan(records: RunRecords, window: Window, room: int, slice_bytes: int, track_bytes: int) -> Plan:
    """Read operations and packets once and choose their grains for `room` bytes."""
    operations, packets = Survey(), Survey()
    sends: set[str] = set()
    both: set[str] = set()
    for row in window.rows(records.operations()):
        operations.add(row.unit, row.start, row.end)
        if row.flow:
            (both if row.flow in sends else sends).add(row.flow)
    for packet in window.rows(records.packets()):
        packets.add(packet.link, packet.start, packet.end)
    room = max(0, room - (operations.tracks + packets.tracks) * track_bytes)
    share = room * OPERATIONS_SHARE // 100 if packets.rows else room
    operation_grain = operations.grain(share, slice_bytes)
    packet_grain = packets.grain(max(0, room - operation_grain.slices * slice_bytes), slice_bytes)
    flows = frozenset(both) if operation_grain.width == 0 else frozenset()
    return Plan(operation_grain, packet_grain, operations.rows, packets.rows, flows)
