"""Perfetto's protobuf, packet by packet: the file grows, the memory does not."""

from typing import IO, Any

from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import TracePacket, TrackDescriptor, TrackEvent
from perfetto.trace_builder.proto_builder import StreamingTraceProtoBuilder

from kernbench.common.units import FS_PER_NS, Fs
from kernbench.telemetry.trace_track import Slice, Track, track_number

SEQUENCE = 1


class PerfettoWriter:
    """Writes slices and counters; a track, a name and a key are described where they are first used.

    Perfetto counts whole ns: a time is rounded down, which keeps order and nesting, and `start_fs` and `end_fs` of each
    slice hold it exactly.
    """

    slice_bytes = 176
    """What a slice takes at most with six arguments, names apart."""
    track_bytes = 150
    counter_bytes = 48

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._builder = StreamingTraceProtoBuilder(file)
        self._tracks: set[int] = set()
        self._names: dict[str, int] = {}
        self._keys: dict[str, int] = {}
        self._texts: dict[str, int] = {}
        first = self._packet()
        first.sequence_flags = TracePacket.SequenceFlags.SEQ_INCREMENTAL_STATE_CLEARED
        first.first_packet_on_sequence = True
        self._builder.write_packet(first)

    @property
    def written(self) -> int:
        """Bytes so far."""
        return self._file.tell()

    @property
    def tracks(self) -> int:
        """Tracks so far, groups among them."""
        return len(self._tracks)

    def slice(self, track: Track, lane: int, each: Slice) -> None:
        """Write a slice; within a lane they come in order of time."""
        number = self._track(track, lane)
        begin = self._event(number, each.start // FS_PER_NS, TrackEvent.Type.TYPE_SLICE_BEGIN)
        begin.track_event.name_iid = self._intern(begin.interned_data.event_names, self._names, each.name)
        self._annotate(begin, "start_fs", each.start)
        self._annotate(begin, "end_fs", each.end)
        for key, value in each.arguments:
            self._annotate(begin, key, value)
        if each.departs:
            begin.track_event.flow_ids.append(track_number(each.departs))
        self._builder.write_packet(begin)
        end = self._event(number, each.end // FS_PER_NS, TrackEvent.Type.TYPE_SLICE_END)
        if each.arrives:  # at the end: a receive often begins before the send that it waits for
            end.track_event.terminating_flow_ids.append(track_number(each.arrives))
        self._builder.write_packet(end)

    def counter(self, track: Track, time: Fs, percent: float) -> None:
        """Write that a counter has this value from `time` on."""
        number = self._track(track, 0, counter=True)
        event = self._event(number, time // FS_PER_NS, TrackEvent.Type.TYPE_COUNTER)
        event.track_event.double_counter_value = percent
        self._builder.write_packet(event)

    def close(self) -> None:
        """End the trace: nothing is missing, each packet is whole."""

    def _packet(self) -> Any:
        packet = self._builder.create_packet()
        packet.trusted_packet_sequence_id = SEQUENCE
        return packet

    def _event(self, number: int, time_ns: int, kind: int) -> Any:
        packet = self._packet()
        packet.timestamp = time_ns
        packet.sequence_flags = TracePacket.SequenceFlags.SEQ_NEEDS_INCREMENTAL_STATE
        packet.track_event.type = kind
        packet.track_event.track_uuid = number
        return packet

    def _annotate(self, packet: Any, key: str, value: int | str) -> None:
        annotation = packet.track_event.debug_annotations.add()
        interned = packet.interned_data
        annotation.name_iid = self._intern(interned.debug_annotation_names, self._keys, key)
        if isinstance(value, int):
            annotation.int_value = value
            return
        iid = self._texts.get(value)
        if iid is None:
            iid = self._texts[value] = len(self._texts) + 1
            entry = interned.debug_annotation_string_values.add()
            entry.iid = iid
            entry.str = value.encode()
        annotation.string_value_iid = iid

    @staticmethod
    def _intern(entries: Any, table: dict[str, int], text: str) -> int:
        iid = table.get(text)
        if iid is None:
            iid = table[text] = len(table) + 1
            entry = entries.add()
            entry.iid = iid
            entry.name = text
        return iid

    def _track(self, track: Track, lane: int, *, counter: bool = False) -> int:
        number = track_number(track.name, lane)
        if number in self._tracks:
            return number
        parent = 0
        for group in track.groups:
            parent = self._describe(track_number(group), group, parent)
        return self._describe(number, track.name, parent, counter=counter)

    def _describe(self, number: int, name: str, parent: int, *, counter: bool = False) -> int:
        if number in self._tracks:
            return number
        self._tracks.add(number)
        packet = self._packet()
        descriptor = packet.track_descriptor
        descriptor.uuid = number
        descriptor.name = name
        if parent:
            descriptor.parent_uuid = parent
        if counter:
            descriptor.counter.unit_name = "%"
        else:
            descriptor.child_ordering = TrackDescriptor.ChildTracksOrdering.LEXICOGRAPHIC
        self._builder.write_packet(packet)
        return number
