"""Everything that a run left in its directory or is leaving there now, read back; a run that was killed reads too."""

import fcntl
import heapq
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kernbench.common.errors import UsageError
from kernbench.telemetry.chunks import batches, damage
from kernbench.telemetry.commands import CAPTURE
from kernbench.telemetry.feed import FeedReader, feed_path
from kernbench.telemetry.frame import Frame
from kernbench.telemetry.layout import SCHEMA, Layout
from kernbench.telemetry.link_log import NAME as LINKS
from kernbench.telemetry.link_log import LinkBatch, SkimmedBatch, links_path
from kernbench.telemetry.meter import merge, utilisation
from kernbench.telemetry.record import RecordReader, record_path
from kernbench.telemetry.row_log import NAME as ROWS
from kernbench.telemetry.row_log import PACKETS_NAME, Batch, PacketBatch, packets_path, rows_path
from kernbench.telemetry.rows import KernelRow, LinkRow, OperationRow, PacketRow, PhaseRow, Utilisation
from kernbench.telemetry.run_document import checked

LAYOUT, DOCUMENT, LOCK = "layout.json", "run.json", "lock"
"""Files of a run's directory. Who simulates holds an exclusive lock on the last one until all records are there, and
leaves `ENDED` in it: workers whose coordinator was killed end as well, so their frames do not tell.

Who writes run.json locks the directory itself, from the moment it is made until that is written.
"""
ENDED = b"ended\n"

LARGEST_TEXT = 1 << 28
LONGEST_S = 1e9
"""No run lasts 30 years: a frame that says so is a forgery."""


def is_locked(path: Path) -> bool:
    """Whether some process holds an exclusive lock on a file or directory."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


class RunReader:
    """The records of one run. Rows come in the order in which each SIP wrote them, SIP by SIP, times in fs.

    `records` are the workers' frames for replay; `dropped` counts rows that had no room in the records.
    """

    def __init__(self, directory: Path, layout: Layout | None = None) -> None:
        self.directory = directory
        self._layout = layout  # read when it is asked for, unless it is known
        self._feeds: list[FeedReader] = []
        self._records: list[RecordReader] = []

    @property
    def layout(self) -> Layout:
        """What stands where; raises UsageError for a directory that holds no recorded run."""
        if self._layout is None:
            path = self.directory / LAYOUT
            try:
                layout = msgspec.json.decode(_text(path), type=Layout)
            except FileNotFoundError as error:
                raise UsageError(f"{self.directory}: no run was recorded here; run without --no-record") from error
            except (OSError, ValueError, msgspec.MsgspecError, RecursionError) as error:
                raise UsageError(f"{path}: cannot be read: {error}") from error
            if layout.schema != SCHEMA:
                raise UsageError(f"{path}: schema {layout.schema!r}, this kernbench reads {SCHEMA!r}")
            if not all(0 <= sip < layout.sips for block in layout.workers for sip in block):
                raise UsageError(f"{path}: a worker has a SIP that is not there")
            self._layout = layout
        return self._layout

    @property
    def document(self) -> dict[str, Any] | None:
        """run.json, or None while the run goes on or when it was killed."""
        try:
            return checked(json.loads(_text(self.directory / DOCUMENT)))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise UsageError(f"{self.directory / DOCUMENT}: cannot be read: {error}") from error

    @property
    def live(self) -> bool:
        """Whether the run goes on, run.json still to be written: the system frees the locks of a process that dies."""
        return is_locked(self.directory / LOCK) or is_locked(self.directory)

    @property
    def killed(self) -> bool:
        """Whether the run died: nobody holds its locks, it has no run.json, and who held the lock left nothing in it.

        A program that runs a Simulation of its own writes no run.json. Of a copy without the lock nobody knows.
        """
        if self.live or self.document is not None:
            return False
        lock = self.directory / LOCK
        return lock.is_file() and not lock.stat().st_size

    @property
    def capturing(self) -> bool:
        """Whether every packet is kept now, whoever asked for it."""
        return (self.directory / CAPTURE).exists()

    @property
    def records(self) -> list[RecordReader]:
        """The record of each worker; `refresh` them while the run goes on."""
        if not self._records:
            self._records = [RecordReader(record_path(self.directory, n)) for n in range(len(self.layout.workers))]
        return self._records

    def poll(self) -> list[Frame]:
        """The newest frame of each worker that has published one."""
        if not self._feeds:
            self._feeds = [FeedReader(feed_path(self.directory, n)) for n in range(len(self.layout.workers))]
        frames = [feed.read() for feed in self._feeds]
        return [frame for number, frame in enumerate(frames) if frame is not None and self._fits(frame, number)]

    def frames(self) -> Iterator[Frame]:
        """All recorded frames of all workers in order of real time."""
        fitting = [self._fitting(number, record) for number, record in enumerate(self.records)]
        return heapq.merge(*fitting, key=lambda frame: (frame.wall_s, frame.worker))

    def batches(self) -> Iterator[Batch]:
        """Rows of all kinds as they were written, SIP by SIP: who wants several kinds reads the files once."""
        for sip in range(self.layout.sips):
            yield from batches(rows_path(self.directory, sip), ROWS, Batch)

    def operations(self) -> list[OperationRow]:
        """Operations of kernels, in order of their ends."""
        return [row for batch in self.batches() for row in batch.operations]

    def kernels(self) -> list[KernelRow]:
        """What each PE ran of each launch."""
        return [row for batch in self.batches() for row in batch.kernels]

    def phases(self) -> list[PhaseRow]:
        """Phases of the ranks, in order of their ends."""
        return [row for batch in self.batches() for row in batch.phases]

    def packets(self) -> list[PacketRow]:
        """Packets that were captured."""
        found = (
            batch
            for sip in range(self.layout.sips)
            for batch in batches(packets_path(self.directory, sip), PACKETS_NAME, PacketBatch)
        )
        return [row for batch in found for row in batch.packets]

    @property
    def dropped(self) -> int:
        """Operations and kernels that had no room."""
        return sum(
            max((batch.dropped for batch in batches(rows_path(self.directory, sip), ROWS, Batch)), default=0)
            for sip in range(self.layout.sips)
        )

    @property
    def dropped_packets(self) -> int:
        """Captured packets that had no room."""
        return sum(
            max(
                (batch.dropped for batch in batches(packets_path(self.directory, sip), PACKETS_NAME, PacketBatch)),
                default=0,
            )
            for sip in range(self.layout.sips)
        )

    @property
    def damaged(self) -> list[str]:
        """What is wrong with files of rows and links, a sentence each; those of a run that goes on or died end anywhere."""
        if self.live or self.killed:
            return []
        files = [(rows_path(self.directory, sip), ROWS) for sip in range(self.layout.sips)]
        files += [(links_path(self.directory, sip), LINKS) for sip in range(self.layout.sips)]
        return [f"{path.name} {said}" for path, name in files if (said := damage(path, name))]

    def links(self) -> list[LinkRow]:
        """The books of each link that carried something; of a run that was killed, those last written."""
        rows: list[LinkRow] = []
        for sip in range(self.layout.sips):
            books = b""
            for batch in batches(links_path(self.directory, sip), LINKS, SkimmedBatch):
                if len(batch.books) > 1:  # an empty list is one byte
                    books = bytes(batch.books)
            if books:
                try:
                    rows += msgspec.msgpack.decode(books, type=list[LinkRow])
                except (msgspec.DecodeError, RecursionError) as error:
                    path = links_path(self.directory, sip)
                    raise UsageError(
                        f"{path}: the books of its links cannot be read: {error}; name another run"
                    ) from error
        return rows

    def utilisation(self) -> Utilisation:
        """Busy time and bytes of every used link in buckets of simulated time."""
        return merge(
            [
                utilisation(reading for batch in self._link_batches(sip) for reading in batch.readings)
                for sip in range(self.layout.sips)
            ]
        )

    def _link_batches(self, sip: int) -> Iterator[LinkBatch]:
        return batches(links_path(self.directory, sip), LINKS, LinkBatch)

    def _fitting(self, worker: int, record: RecordReader) -> Iterator[Frame]:
        return (frame for frame in record if self._fits(frame, worker))

    def _fits(self, frame: Frame, worker: int) -> bool:
        """Whether a frame is one of this layout: a viewer may index by it."""
        layout = self.layout
        return (
            (frame.worker, len(frame.links), len(frame.units))
            == (worker, len(layout.links_of(worker)), len(layout.units_of(worker)))
            and len(frame.queues) in (0, len(frame.units))
            and all(0 <= link.link < len(frame.links) for link in frame.hot)
            and all(0 <= sip < layout.sips for sip in _sips(frame))
            and all(0 <= count < 1 << 63 for count in _counts(frame))
            and all(0 <= each < LONGEST_S for each in (frame.wall_s, frame.wait_s, frame.cpu_s))  # no NaN is
        )


def _text(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(LARGEST_TEXT + 1)
    if len(text) > LARGEST_TEXT:
        raise OSError(f"larger than {LARGEST_TEXT} bytes")
    return text


def _sips(frame: Frame) -> list[int]:
    """The numbers of SIPs that a frame names."""
    return [state.sip for state in frame.sips] + [mark.sip for mark in frame.phases]


def _counts(frame: Frame) -> Iterator[int]:
    """The whole numbers of a frame that are no places: none is negative, all fit an int64."""
    yield from (frame.sequence, frame.since, frame.now, frame.events, frame.windows, frame.messages, frame.rss)
    yield frame.lookahead
    for state in frame.sips:
        yield from (state.now, state.events, state.kernels)
    for hot in frame.hot:
        yield from (hot.queue, hot.blocked, hot.moved)
    for mark in frame.phases:
        yield from (mark.start, mark.start if mark.end is None else mark.end)
