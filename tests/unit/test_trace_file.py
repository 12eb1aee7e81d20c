"""Traces are read back with Perfetto's own protos: slices nest, arrows have two ends, sums are the rows'."""

import json
import os
from collections import defaultdict

import msgspec
import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

from kernbench.cli import execute
from kernbench.common.errors import OutputError, UsageError
from kernbench.telemetry.rows import KernelRow, OperationRow, PacketRow, PhaseRow, Utilisation
from kernbench.telemetry.trace import write_trace
from kernbench.telemetry.trace_plan import Window, phase_window
from kernbench.telemetry.trace_records import HeldRecords

NS = 10**6
BEGIN, END, COUNTER = 1, 2, 4


def operation(pe, unit, kind, sequence, start, end, flow=""):
    return OperationRow(pe, f"{pe}.{unit}", kind, sequence, "ring", start - 5, start - 1, start, end, -1, 0, 4096, flow)


def ring_run(steps=20):
    """Two PEs that send to each other; receives of one engine are outstanding together, and times have fractions."""
    rows = []
    pes = ["sip0.cube00.pe0", "sip1.cube00.pe0"]
    for step in range(steps):
        for me, pe in enumerate(pes):
            start = step * 1000 * NS + me * 333 + 10
            rows += [
                operation(pe, "dma.0", "send", 3 * step + 1, start, start + 640 * NS + 1, f"{pe}>{pes[1 - me]}#{step}"),
                operation(pe, "ipcq", "recv", 3 * step + 2, start - 7, start + 1800 * NS, f"{pes[1 - me]}>{pe}#{step}"),
                operation(pe, "math", "math", 3 * step + 3, start + 100, start + 101),
            ]
    rows.sort(key=lambda row: (row.end, row.pe))
    last = max(row.end for row in rows)
    return HeldRecords(
        operation_rows=tuple(rows),
        kernel_rows=tuple(KernelRow(pe, "ring", 0, 1, last + 5, 3 * steps, {}) for pe in pes),
        phase_rows=(
            PhaseRow(0, "row 4096", 0, last + 10), PhaseRow(0, "ring", 0, last + 9), PhaseRow(1, "row 8192", 5, 9000 * NS),
        ),
        packet_rows=tuple(PacketRow("sip0->sip1", at * 10**5, at * 10**5 + 90_000, 1024) for at in range(300)),
        buckets=Utilisation(
            1000 * NS, {"sip0->sip1": [10**9, 5 * 10**8, 0], "sip0.host->io.pcie_ep": [0, 1, 1]}, {}
        ),
    )  # fmt: skip


class Read:
    """A Perfetto trace, understood as the trace processor does it."""

    def __init__(self, path):
        trace = Trace()
        trace.ParseFromString(path.read_bytes())
        self.tracks, self.parents = {}, {}
        self.slices, self.counters = [], defaultdict(list)
        self.departs, self.arrives = defaultdict(int), defaultdict(int)
        names, keys, texts, stacks = {}, {}, {}, defaultdict(list)
        for packet in trace.packet:
            names.update({each.iid: each.name for each in packet.interned_data.event_names})
            keys.update({each.iid: each.name for each in packet.interned_data.debug_annotation_names})
            texts.update({each.iid: each.str.decode() for each in packet.interned_data.debug_annotation_string_values})
            if packet.HasField("track_descriptor"):
                described = packet.track_descriptor
                assert described.uuid not in self.tracks
                assert described.parent_uuid in {0, *self.tracks}
                self.tracks[described.uuid] = described.name
                self.parents[described.name] = self.tracks.get(described.parent_uuid)
        events = [packet for packet in trace.packet if packet.HasField("track_event")]
        for packet in sorted(events, key=lambda packet: packet.timestamp):  # stable, as the trace processor sorts
            event = packet.track_event
            if event.type == COUNTER:
                self.counters[self.tracks[event.track_uuid]].append((packet.timestamp, event.double_counter_value))
            elif event.type == BEGIN:
                arguments = {
                    keys[each.name_iid]: texts[each.string_value_iid] if each.string_value_iid else each.int_value
                    for each in event.debug_annotations
                }
                stacks[event.track_uuid].append((packet.timestamp, names[event.name_iid], arguments))
                self._count(self.departs, event.flow_ids)
            else:
                begin, name, arguments = stacks[event.track_uuid].pop()
                assert (begin, packet.timestamp) == (arguments["start_fs"] // NS, arguments["end_fs"] // NS)
                self.slices.append((self.tracks[event.track_uuid], name, arguments))
                self._count(self.arrives, event.terminating_flow_ids)
        assert not any(stacks.values())

    @staticmethod
    def _count(table, flows):
        for flow in flows:
            table[flow] += 1


def took(slices, name):
    return sum(each["end_fs"] - each["start_fs"] for _, found, each in slices if found == name)


def test_every_slice_nests_and_sums_are_those_of_the_rows(tmp_path):
    run = ring_run()
    summary = write_trace(run, tmp_path / "t.pftrace")
    read = Read(tmp_path / "t.pftrace")
    kinds = ("send", "recv", "math")
    expected = {kind: sum(row.end - row.start for row in run.operation_rows if row.kind == kind) for kind in kinds}
    assert ({kind: took(read.slices, kind) for kind in kinds}, took(read.slices, "packet")) == (expected, 300 * 90_000)
    rows = (*run.operation_rows, *run.packet_rows, *run.kernel_rows, *run.phase_rows)
    assert (len(read.slices), summary.slices, summary.notes) == (len(rows), len(rows), ())


def test_every_arrow_has_a_send_and_a_receive(tmp_path):
    summary = write_trace(ring_run(), tmp_path / "t.pftrace")
    read = Read(tmp_path / "t.pftrace")
    assert (dict(read.departs), summary.flows) == (dict(read.arrives), 40)
    assert set(read.departs.values()) == {1}


def test_tracks_stand_below_their_pe_cube_and_sip(tmp_path):
    write_trace(ring_run(), tmp_path / "t.pftrace")
    read = Read(tmp_path / "t.pftrace")
    chain, name = [], "sip0.cube00.pe0.dma.0"
    while name is not None:
        chain.append(name)
        name = read.parents[name]
    assert chain == ["sip0.cube00.pe0.dma.0", "sip0.cube00.pe0", "sip0.cube00", "sip0"]
    assert (read.parents["sip0->sip1"], read.parents["sip0.phases"]) == ("sip0.fabric", "sip0")


def test_counters_say_percent_where_they_change(tmp_path):
    write_trace(ring_run(), tmp_path / "t.pftrace")
    assert Read(tmp_path / "t.pftrace").counters == {
        "sip0->sip1 busy": [(0, 100.0), (1000, 50.0), (2000, 0.0)],
        "sip0.host->io.pcie_ep busy": [(0, 0.0)],
    }


def test_one_run_gives_one_file_byte_for_byte(tmp_path):
    for name in ("a", "b"):
        write_trace(ring_run(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_small_budget_merges_slices_says_so_and_holds(tmp_path):
    run = ring_run(400)
    summary = write_trace(run, tmp_path / "t.pftrace", budget=2**16)
    read = Read(tmp_path / "t.pftrace")
    merged = sum(
        each.get("total_fs", each["end_fs"] - each["start_fs"])
        for track, _, each in read.slices
        if "pe0." in track and "kernels" not in track
    )
    assert (tmp_path / "t.pftrace").stat().st_size == summary.bytes <= 2**16
    assert merged == sum(row.end - row.start for row in run.operation_rows)
    assert (summary.flows, read.departs, summary.notes[0][:30]) == (0, {}, "2400 operations are merged wit")
    assert "merged operations have no arrows" in summary.notes


def test_a_window_keeps_whole_rows_that_reach_into_it_and_arrows_with_both_ends(tmp_path):
    run = ring_run()
    summary = write_trace(run, tmp_path / "t.pftrace", window=Window(3000 * NS, 5000 * NS))
    read = Read(tmp_path / "t.pftrace")
    inside = [row for row in run.operation_rows if row.end > 3000 * NS and row.start < 5000 * NS]
    assert (summary.operations, dict(read.departs)) == (len(inside), dict(read.arrives))
    assert (0 < summary.flows < 40, took(read.slices, "math")) == (
        True, sum(row.end - row.start for row in inside if row.kind == "math"),
    )  # fmt: skip


def test_a_phase_is_a_window_over_all_sips():
    assert phase_window(ring_run(), "row 8192") == Window(5, 9000 * NS)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (ring_run(), "unknown phase 'row 4097'; did you mean 'row 4096'?"),
        (HeldRecords(), "--phase row 4097: the run recorded no phases; choose by --from and --to"),
    ],
)
def test_an_unknown_phase_is_told_with_the_nearest(run, message):
    with pytest.raises(UsageError) as caught:
        phase_window(run, "row 4097")
    assert str(caught.value) == message


def test_chrome_json_has_the_same_slices_with_times_exact_to_the_femtosecond(tmp_path):
    run = ring_run()
    summary = write_trace(run, tmp_path / "t.json", form="json")
    text = (tmp_path / "t.json").read_text()
    events = json.loads(text, parse_float=lambda digits: round(float(digits) * 10**9))["traceEvents"]
    found = sorted((each["ts"], each["dur"]) for each in events if each["ph"] == "X" and each["name"] == "recv")
    assert found == sorted((row.start, row.end - row.start) for row in run.operation_rows if row.kind == "recv")
    starts, ends = ({each["id"] for each in events if each["ph"] == phase} for phase in "sf")
    assert (starts, len(starts), summary.bytes) == (ends, 40, len(text))


def test_a_run_without_kernels_gives_a_trace_that_says_what_is_missing(tmp_path):
    summary = write_trace(HeldRecords(), tmp_path / "t.pftrace")
    assert (Read(tmp_path / "t.pftrace").slices, summary.notes) == (
        [], ("the run recorded no operations in this time", "the run recorded no kernels in this time"),
    )  # fmt: skip


def test_a_run_that_was_not_recorded_has_no_trace(tmp_path, capsys):
    run = tmp_path / "run"
    line = ["run", "--sips", "2", "--workers", "1", "--set", "cube_mesh=1x1", "--size", "1KiB", "--no-record"]
    assert execute([*line, "--out", str(run)]) == 0
    capsys.readouterr()
    assert execute(["trace", str(run), "-o", str(tmp_path / "t.pftrace")]) == 2
    said = f"kernbench: error: {run}: no run was recorded here, so there is nothing to draw; run without --no-record\n"
    assert (capsys.readouterr().err, (tmp_path / "t.pftrace").exists()) == (said, False)


def test_a_folder_is_no_file_for_a_trace(tmp_path):
    with pytest.raises(OutputError, match="is a folder; name a file"):
        write_trace(ring_run(), tmp_path)
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        write_trace(ring_run(), tmp_path / "none" / "t.pftrace")
    assert [*tmp_path.iterdir()] == []


def test_a_pipe_stays_a_pipe_and_a_link_a_link(tmp_path):
    pipe, kept, link = tmp_path / "pipe", tmp_path / "kept.pftrace", tmp_path / "link.pftrace"
    os.mkfifo(pipe)
    link.symlink_to(kept.name)
    with pytest.raises(OutputError, match="pipe is no ordinary file, and a trace would take its place; name another"):
        write_trace(ring_run(), pipe)
    write_trace(ring_run(), link)
    assert (pipe.is_fifo(), link.is_symlink(), kept.is_file()) == (True, True, True)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["kept.pftrace", "link.pftrace", "pipe"]


def test_a_trace_says_what_had_no_room_in_the_records(tmp_path):
    records = msgspec.structs.replace(ring_run(), dropped=7, dropped_packets=2)
    notes = write_trace(records, tmp_path / "t.pftrace").notes
    assert [note for note in notes if "room" in note] == [
        "7 operations and kernels had no room in the records; the trace has the earlier ones",
        "2 packets had no room in the records; the trace has the earlier ones",
    ]
