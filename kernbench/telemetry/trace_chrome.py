"""Chrome's trace events as JSON, event by event: for tools that do not read Perfetto's protobuf."""

import json
from typing import IO, Any

from kernbench.common.units import Fs
from kernbench.telemetry.trace_track import Slice, Track, track_number

HEAD = '{"displayTimeUnit": "ns", "otherData": {"clock": "simulated time; ts and dur in us, exact to the fs"}, "traceEvents": [\n'
FS_PER_US = 10**9


class ChromeWriter:
    """Writes slices and counters; a SIP is a process and a lane of a track a thread of it."""

    slice_bytes = 560
    track_bytes = 300
    counter_bytes = 160

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._threads: dict[tuple[str, int], tuple[int, int]] = {}
        self._processes: dict[str, int] = {}
        self._comma = ""
        file.write(HEAD.encode())

    @property
    def written(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    @property
    def tracks(self) -> int:
        """Threads so far."""
        return len(self._threads)

    def slice(self, track: Track, lane: int, each: Slice) -> None:
        """Write a slice; a message leaves at its begin and arrives at its end."""
        pid, tid = self._thread(track, lane)
        arguments: dict[str, Any] = {"start_fs": each.start, "end_fs": each.end, **dict(each.arguments)}
        event = {"ph": "X", "name": each.name, "pid": pid, "tid": tid, "args": arguments}
        self._write(event, ts=each.start, dur=each.end - each.start)
        common = {"cat": "message", "name": "message", "pid": pid, "tid": tid}
        if each.departs:
            self._write({"ph": "s", "id": f"{track_number(each.departs):x}", **common}, ts=each.start)
        if each.arrives:
            self._write({"ph": "f", "bp": "e", "id": f"{track_number(each.arrives):x}", **common}, ts=each.end)

    def counter(self, track: Track, time: Fs, percent: float) -> None:
        """Write that a counter has this value from `time` on."""
        pid = self._process(track.groups[0])
        self._write({"ph": "C", "name": track.name, "pid": pid, "args": {"%": percent}}, ts=time)

    def close(self) -> None:
        """Close the document."""
        self._file.write(b"\n]}\n")

    def _thread(self, track: Track, lane: int) -> tuple[int, int]:
        key = track.name, lane
        found = self._threads.get(key)
        if found is None:
            pid = self._process(track.groups[0])
            found = self._threads[key] = pid, len(self._threads) + 1
            name = track.name if lane == 0 else f"{track.name} ({lane + 1})"
            self._write({"ph": "M", "name": "thread_name", "pid": pid, "tid": found[1], "args": {"name": name}})
        return found

    def _process(self, group: str) -> int:
        found = self._processes.get(group)
        if found is None:
            found = self._processes[group] = len(self._processes) + 1
            self._write({"ph": "M", "name": "process_name", "pid": found, "args": {"name": group}})
        return found

    def _write(self, event: dict[str, Any], **times: Fs) -> None:
        text = json.dumps(event)
        for key, time in times.items():  # as digits: a float has not all of a long run's femtoseconds
            text = f'{text[:-1]}, "{key}": {time // FS_PER_US}.{time % FS_PER_US:09d}}}'
        self._file.write((self._comma + text).encode())
        self._comma = ",\n"
