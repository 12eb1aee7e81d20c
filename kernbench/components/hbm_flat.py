"""Memory at a flat rate: a slice serves in order of arrival at its share of the raw bandwidth, whatever the addresses."""

from kernbench.common.messages.memory import Segment
from kernbench.common.units import FS_PER_S, BytesPerSecond, Fs
from kernbench.components.hbm_timing import Served, Started


class Slice:
    """One slice: it serves in order of arrival, back to back, so that a run ends where the sum of its bytes ends."""

    __slots__ = ("_bw", "_bytes", "_start", "busy", "free_at")

    def __init__(self, bw: BytesPerSecond) -> None:
        self._bw = bw
        self._start: Fs = 0
        self._bytes = 0
        self.free_at: Fs = 0
        self.busy: Fs = 0

    def serve(self, now: Fs, size: int) -> Fs:
        """Queue `size` bytes and return when they are done."""
        begin = self.free_at
        if now > begin:
            self._start = begin = now
            self._bytes = 0
        self._bytes += size
        self.free_at = end = self._start - (-self._bytes * FS_PER_S // self._bw)
        self.busy += end - begin
        return end

    def worked(self, now: Fs) -> Fs:
        """How long it has served until `now`: it is busy from `now` to `free_at` without a break.

        Read in this order, because `serve` may run meanwhile and sets `busy` last: never more than it did.
        """
        busy = self.busy
        ahead = self.free_at - now
        return busy if ahead <= 0 else max(0, busy - ahead)


class FlatTiming:
    """The simple mode: every end is known at arrival, because nothing later comes first."""

    def __init__(self, slices: int, bw: BytesPerSecond, quantum: int) -> None:
        self._bw = bw
        self._quantum = quantum
        self._slices = [Slice(bw) for _ in range(slices)]

    def read(self, _key: int, segments: tuple[Segment, ...], now: Fs, started: Started, served: Served) -> None:
        """Serve segments in order; quanta of the answer are there as their last bytes are served."""
        ready: list[Fs] = []
        slices, bw, quantum = self._slices, self._bw, self._quantum
        loads = [0] * len(slices)
        end, left = now, quantum
        for segment in segments:
            number, length = segment.slice, segment.length
            loads[number] += length
            done = slices[number].serve(now, length)
            # Quanta that end inside this segment are there before its last byte.
            while length >= left:
                length -= left
                left = quantum
                end = max(end, done - length * FS_PER_S // bw)
                ready.append(end)
            left -= length
            end = max(end, done)
        if left < quantum:
            ready.append(end)
        # What the slices take when nobody else is served.
        alone = -(-max(loads) * FS_PER_S // bw)
        served(end, _parts(end - now, alone))
        started(ready)

    def write(self, _key: int, segments: tuple[Segment, ...]) -> "FlatWrite":
        """Serve data as it arrives."""
        return FlatWrite(segments, self._bw, self._slices)

    def worked(self, now: Fs) -> list[Fs]:
        """How long each slice has served until `now`."""
        return [each.worked(now) for each in self._slices]

    def rests(self, now: Fs) -> bool:
        """Whether all that has arrived is served."""
        return all(each.free_at <= now for each in self._slices)

    def audit(self, now: Fs) -> list[str]:
        """No slice was busy longer than time went on."""
        return [
            f"slice {number} busy {each.busy} fs of {now} fs"
            for number, each in enumerate(self._slices)
            if each.busy > now
        ]


class FlatWrite:
    """How far a stream of write data has come through its segments."""

    __slots__ = ("_alone", "_at", "_end", "_end_alone", "_segments", "_slices", "_within")

    def __init__(self, segments: tuple[Segment, ...], bw: BytesPerSecond, slices: list[Slice]) -> None:
        self._segments = segments
        self._slices = slices
        self._at = 0
        self._within = 0
        self._end: Fs = 0
        self._end_alone: Fs = 0
        self._alone = [Slice(bw) for _ in slices]  # what the same data would take with nobody else served

    def take(self, size: int, now: Fs) -> None:
        """Serve the next `size` bytes."""
        while size:
            segment = self._segments[self._at]
            length = min(size, segment.length - self._within)
            self._end = max(self._end, self._slices[segment.slice].serve(now, length))
            self._end_alone = max(self._end_alone, self._alone[segment.slice].serve(now, length))
            size -= length
            self._within += length
            if self._within == segment.length:
                self._at += 1
                self._within = 0

    def close(self, now: Fs, served: Served) -> None:
        """Tell when the last byte is served."""
        served(self._end, _parts(self._end - now, self._end_alone - now))


def _parts(time: Fs, alone: Fs) -> dict[str, Fs]:
    """What the bytes alone take is serialisation, the rest queueing."""
    serialisation = min(alone, time)
    return {"serialisation": serialisation, "hbm_busy": time - serialisation}
