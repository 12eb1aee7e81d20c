"""The critical path: from the last end back, through operations, messages and launches, to the start of the run."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, NamedTuple

from kernbench.common.units import Fs, to_ns
from kernbench.reporting.share import percents
from kernbench.telemetry.rows import KernelRow, OperationRow

LONGEST = 12
LAUNCH, PROGRAM, MESSAGE, CREDIT, ENGINE = "launch", "program", "message", "slot credit", "wait for engine"
MEANINGS = {
    LAUNCH: "outside kernels: host, copies, launch and completion",
    PROGRAM: "a kernel's own code between operations, its start and its end",
    MESSAGE: "from the last byte sent until the receive ends",
    CREDIT: "from a slot's release at the receiver until the send that waited for it starts",
    ENGINE: "ready, but the engine was taken or had no buffer",
}
"""Kinds of pieces that are no operation; the others are named after the kind of operation that ran."""


class Piece(NamedTuple):
    """A stretch of the path: what it was spent on, and where."""

    kind: str
    where: str
    start: Fs
    end: Fs
    detail: str = ""


class _Pe:
    """The operations of one PE, to be found by number, by end and by issue."""

    def __init__(self, rows: list[OperationRow]) -> None:
        self.by_sequence = {row.sequence: row for row in rows}
        self.by_end = sorted(rows, key=lambda row: (row.end, row.sequence))
        self.ends = [row.end for row in self.by_end]
        self.by_issue = sorted(rows, key=lambda row: (row.issued, row.sequence))
        self.places = {row.sequence: place for place, row in enumerate(self.by_issue)}

    def ended_by(self, time: Fs) -> OperationRow | None:
        """The operation that ended last, at `time` or before."""
        place = bisect_right(self.ends, time)
        return self.by_end[place - 1] if place else None

    def issued_before(self, row: OperationRow) -> OperationRow | None:
        """The operation that the program issued before this one."""
        place = self.places[row.sequence]
        return self.by_issue[place - 1] if place else None


class CriticalPath:
    """Walks back. Each step ends where the one before it began, so the pieces fill the time without a gap."""

    def __init__(self, operations: Iterable[OperationRow], kernels: Iterable[KernelRow]) -> None:
        rows: dict[str, list[OperationRow]] = {}
        self._sends: dict[str, OperationRow] = {}
        self._receivers: dict[str, str] = {}
        for row in operations:
            rows.setdefault(row.pe, []).append(row)
            if row.flow and row.kind != "recv":
                self._sends[row.flow] = row
            elif row.flow:
                self._receivers[row.flow] = row.pe
        self._pes = {pe: _Pe(each) for pe, each in rows.items()}
        self._kernels = sorted(kernels, key=lambda row: (row.end, row.pe))
        self._starts: dict[str, list[KernelRow]] = {}
        for kernel in sorted(self._kernels, key=lambda row: (row.pe, row.start)):
            self._starts.setdefault(kernel.pe, []).append(kernel)
        self._ends: dict[str, list[KernelRow]] = {}
        for kernel in self._kernels:
            self._ends.setdefault(_sip(kernel.pe), []).append(kernel)
        self._pieces: list[Piece] = []
        self._at: Fs = 0
        self._seen: set[tuple[str, int]] = set()

    def pieces(self) -> list[Piece]:
        """All pieces in order of time, from 0 to the last end; none when nothing ran."""
        self._pieces.clear()
        self._seen.clear()
        if self._kernels:
            last = self._kernels[-1]
            self._at = last.end
            kernel: KernelRow | None = last
            while kernel is not None:
                kernel = self._through(kernel)
        else:
            self._without_kernels()
        return [piece for piece in reversed(self._pieces) if piece.start < piece.end]

    def _without_kernels(self) -> None:
        """A run that was cut short may have operations of kernels that never ended."""
        last = max((each.by_end[-1] for each in self._pes.values()), key=lambda row: (row.end, row.pe), default=None)
        if last is not None:
            self._at = last.end
            self._walk(last)
            self._spend(LAUNCH, _sip(last.pe), 0)

    def _through(self, kernel: KernelRow) -> KernelRow | None:
        """Back from a kernel's end to the launch that the path came from; the kernel before it, if there was one."""
        pe = kernel.pe
        found = self._pes.get(pe)
        last = None if found is None else found.ended_by(self._at)
        if last is not None and last.end >= kernel.start and (pe, last.sequence) not in self._seen:
            self._spend(PROGRAM, pe, last.end, f"end of {kernel.kernel}")
            pe = self._walk(last)
        started = self._started(pe, self._at)
        if started is None:
            self._spend(LAUNCH, _sip(pe), 0)
            return None
        self._spend(PROGRAM, pe, started.start, f"start of {started.kernel}")
        ended = self._ends[_sip(pe)]
        place = bisect_right(ended, self._at, key=lambda row: row.end)
        # A kernel of no length would be found for ever; nothing is gained by its piece of nothing.
        before = next((each for each in reversed(ended[:place]) if each.start < started.start), None)
        if before is None:
            self._spend(LAUNCH, _sip(pe), 0)
            return None
        self._spend(LAUNCH, _sip(pe), before.end)
        return before

    def _started(self, pe: str, time: Fs) -> KernelRow | None:
        """The kernel that ran on a PE at a time."""
        own = self._starts.get(pe, [])
        place = bisect_right(own, time, key=lambda row: row.start)
        return own[place - 1] if place else None

    def _walk(self, row: OperationRow) -> str:
        """From an operation's end back to where its kernel's program issued the first of the chain; the PE there."""
        operation: OperationRow | None = row
        pe = row.pe
        while operation is not None and (operation.pe, operation.sequence) not in self._seen:
            pe = operation.pe
            self._seen.add((pe, operation.sequence))
            operation = self._before(operation)
        return pe

    def _before(self, row: OperationRow) -> OperationRow | None:
        """Spend what an operation took; what it waited for."""
        send = self._sends.get(row.flow) if row.kind == "recv" and row.flow else None
        if send is not None:
            left = send.end if send.end <= row.end else send.start
            arrived = left if row.arrived < 0 else row.arrived
            if max(row.ready, 0) < arrived and left <= self._at:
                self._spend(MESSAGE, row.unit, left, f"{send.pe} to {row.pe}")
                return send if left == send.end else self._issued(send)
        emptied = self._held(row)
        if emptied is not None:
            return emptied
        cause = self._pes[row.pe].by_sequence.get(row.cause) if row.cause >= 0 else None
        if cause is not None and cause.end <= self._at:
            self._spend(PROGRAM, row.pe, cause.end)
            return cause
        return self._issued(row)

    def _held(self, row: OperationRow) -> OperationRow | None:
        """Spend what an operation took and waited for its engine, or for a slot: then what emptied that is given back."""
        self._spend(row.kind, row.unit, row.start)
        emptied = self._emptied(row)
        if emptied is None:
            self._spend(ENGINE, row.unit, row.ready, row.kind)
        return emptied

    def _emptied(self, row: OperationRow) -> OperationRow | None:
        """What emptied the slot that a send waited for, at its receiver; the credit's way is spent."""
        receiver = self._receivers.get(row.flow) if max(row.ready, 0) < row.released else None
        if receiver is None or row.released >= self._at:
            return None
        found = self._pes[receiver].ended_by(row.released)
        if found is not None:
            self._spend(CREDIT, row.unit, row.released, f"{receiver} to {row.pe}")
            self._spend(PROGRAM, receiver, found.end)
        return found

    def _issued(self, row: OperationRow) -> OperationRow | None:
        """Back along the program: to what ended while it stood still, else to what it issued before."""
        pe = self._pes[row.pe]
        each: OperationRow | None = row
        while each is not None:
            emptied = self._held(each)
            if emptied is not None:
                return emptied
            self._spend(PROGRAM, each.pe, each.issued)
            kernel = self._started(row.pe, self._at)
            begun = 0 if kernel is None else kernel.start
            before = pe.issued_before(each)
            if before is not None and before.issued < begun:
                before = None
            ended = pe.ended_by(self._at)
            if ended is not None and ended.end >= begun and (before is None or ended.end > before.issued):
                self._spend(PROGRAM, row.pe, ended.end)
                return ended
            if before is not None:
                self._spend(PROGRAM, row.pe, before.issued)
            each = before
        return None

    def _spend(self, kind: str, where: str, start: Fs, detail: str = "") -> None:
        start = max(start, 0)
        if start < self._at:
            self._pieces.append(Piece(kind, where, start, self._at, detail))
            self._at = start


def _sip(pe: str) -> str:
    return pe.partition(".")[0]


def path_document(pieces: list[Piece]) -> dict[str, Any] | None:
    """The path for a report: its total, its parts by kind, which sum to it exactly, and its longest pieces."""
    if not pieces:
        return None
    kinds: dict[str, list[Fs]] = {}
    for piece in pieces:
        kinds.setdefault(piece.kind, []).append(piece.end - piece.start)
    order = sorted(kinds, key=lambda kind: (-sum(kinds[kind]), kind))
    shares = percents([sum(kinds[kind]) for kind in order])
    total = sum(piece.end - piece.start for piece in pieces)
    longest = sorted(pieces, key=lambda piece: (piece.start - piece.end, piece.start))[:LONGEST]
    return {
        "total_fs": total,
        "total_ns": to_ns(total),
        "pieces": len(pieces),
        "by_kind": [
            {
                "kind": kind,
                "meaning": MEANINGS.get(kind, f"{kind} operations on their engines"),
                "pieces": len(kinds[kind]),
                "time_fs": sum(kinds[kind]),
                "time_ns": to_ns(sum(kinds[kind])),
                "percent": share,
            }
            for kind, share in zip(order, shares, strict=True)
        ],
        "longest": [
            {
                "kind": piece.kind,
                "where": piece.where,
                "detail": piece.detail,
                "start_ns": to_ns(piece.start),
                "end_ns": to_ns(piece.end),
                "time_fs": piece.end - piece.start,
                "time_ns": to_ns(piece.end - piece.start),
            }
            for piece in longest
        ],
    }
