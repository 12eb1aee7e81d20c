"""A recorded run: its digest, its records, and what they add up to."""

import csv
import json
import re
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from unittest.mock import ANY

import pytest

from actors.publisher import Publisher
from actors.simulation import Simulation
from kernbench.common.errors import UsageError
from kernbench.common.messages.recording import Recording
from kernbench.common.units import FS_PER_S
from kernbench.reporting.summary import summarise
from kernbench.telemetry.frame import FULL
from kernbench.telemetry.link_log import LinkLog
from kernbench.telemetry.reader import RunReader
from kernbench.telemetry.row_log import PacketLog, RowLog

SMALL = ("sip.cube_mesh=2x1", "sip.cube.pes=2")
SIZES = "64KiB"


def run(telemetry=None, workers=1, sips=2):
    return Simulation(sips=sips, workers=workers, overrides=SMALL, telemetry=telemetry).run(
        "allreduce", sizes=SIZES, channels=2
    )


@pytest.fixture(scope="module", params=[1, 2], ids=["one worker", "two workers"])
def recorded(request, tmp_path_factory):
    """A run, its directory, and what it is without records."""
    directory = tmp_path_factory.mktemp("run") / "records"
    recording = Recording(str(directory), period_s=0.01)
    return run(recording, request.param), RunReader(directory), request.param


@pytest.fixture(scope="module")
def plain():
    return run()


def test_the_digest_is_the_same_with_and_without_records(recorded, plain):
    result, _, _ = recorded
    assert (result.digest, result.rows, result.sim_time) == (plain.digest, plain.rows, plain.sim_time)


def test_utilisation_adds_up_to_the_books_of_every_link(recorded):
    result, reader, _ = recorded
    found = reader.utilisation()
    busy = {name: sum(column) for name, column in found.busy.items() if any(column)}
    moved = {name: sum(column) for name, column in found.moved.items() if any(column)}
    assert busy == {link.name: link.busy for link in result.links}
    assert moved == {link.name: link.bytes_in for link in result.links}


def test_no_bucket_but_the_last_holds_more_than_its_width(recorded):
    _, reader, _ = recorded
    found = reader.utilisation()
    assert all(0 <= amount <= found.width for column in found.busy.values() for amount in column[:-1])


def test_the_books_of_the_links_are_those_of_the_result(recorded):
    result, reader, _ = recorded
    books = {row.name: (row.packets, row.moved, row.busy, sum(row.blocked.values())) for row in reader.links()}
    assert books == {link.name: (link.packets, link.bytes_in, link.busy, sum(link.blocked)) for link in result.links}


def test_every_link_and_engine_of_a_row_has_its_place_in_the_layout(recorded):
    _, reader, workers = recorded
    layout = reader.layout
    links, units = {link.name for link in layout.links}, {unit.name for unit in layout.units}
    assert {row.name for row in reader.links()} <= links
    assert {row.unit for row in reader.operations()} <= units
    assert {name for row in reader.kernels() for name in row.engines} <= units
    assert (layout.sips, layout.rows * layout.cols, layout.pes, len(layout.workers)) == (2, 2, 2, workers)


def test_the_kinds_of_links_are_those_that_a_picture_knows(recorded):
    _, reader, _ = recorded
    kinds = {"pcie", "io", "noc", "ucie", "xbar", "hbm", "pe", "fabric"}
    assert {link.kind for link in reader.layout.links} == kinds


def test_an_operation_is_issued_ready_started_and_ended_in_this_order(recorded):
    _, reader, _ = recorded
    rows = reader.operations()
    assert all(row.issued <= row.ready <= row.start < row.end and row.start < row.freed for row in rows)
    assert {row.kind for row in rows} >= {"load", "store", "send", "recv", "math"}


def test_an_engine_holds_one_operation_at_a_time(recorded):
    _, reader, _ = recorded
    spans = {}
    for row in reader.operations():
        spans.setdefault(row.unit, []).append((row.start, row.freed))
    for unit in spans.values():
        unit.sort()
        assert all(one[1] <= other[0] for one, other in pairwise(unit))


def test_the_cause_of_an_operation_is_an_earlier_one_that_ended_when_it_became_ready(recorded):
    _, reader, _ = recorded
    ends = {(row.pe, row.sequence): row.end for row in reader.operations()}
    caused = [row for row in reader.operations() if row.cause >= 0]
    assert len(caused) >= 10
    assert [ends[row.pe, row.cause] for row in caused] == [row.ready for row in caused]


def test_every_message_has_one_send_and_one_recv(recorded):
    _, reader, _ = recorded
    ends = {}
    for row in reader.operations():
        if row.flow:
            ends.setdefault(row.flow, []).append(row.kind)
    assert Counter(tuple(sorted(kinds)) for kinds in ends.values()).keys() == {("recv", "send")}


def test_a_message_is_received_after_it_is_sent(recorded):
    _, reader, _ = recorded
    sent = {row.flow: row.start for row in reader.operations() if row.kind == "send"}
    assert all(row.end > sent[row.flow] for row in reader.operations() if row.kind == "recv")


def test_the_parts_of_every_engine_sum_to_its_kernel(recorded):
    result, reader, _ = recorded
    kernels = reader.kernels()
    assert len(kernels) == result.kernels
    assert {sum(parts) - (row.end - row.start) for row in kernels for parts in row.engines.values()} == {0}


def test_every_operation_belongs_to_a_kernel_that_ran_then(recorded):
    _, reader, _ = recorded
    spans = {(row.pe, row.kernel): [] for row in reader.kernels()}
    for row in reader.kernels():
        spans[row.pe, row.kernel].append((row.start, row.end))
    assert all(
        any(start <= row.issued and row.end <= end for start, end in spans[row.pe, row.kernel])
        for row in reader.operations()
    )
    assert sum(row.operations for row in reader.kernels()) == len(reader.operations())


def test_phases_of_a_sip_nest(recorded):
    _, reader, _ = recorded
    for sip in range(2):
        own = [row for row in reader.phases() if row.sip == sip]
        assert [re.match(r"\w+", row.name)[0] for row in own] == ["barrier", "barrier", "all_reduce", "row"]
        assert own[-1].start <= min(row.start for row in own)


def test_frames_fit_the_layout_and_the_last_one_says_that_the_run_ended(recorded):
    result, reader, workers = recorded
    last = {frame.worker: frame for frame in reader.frames()}
    assert [(frame.state, frame.worker) for frame in reader.poll()] == [("ended", n) for n in range(workers)]
    assert [last[n] for n in range(workers)] == reader.poll()
    assert sum(frame.events for frame in reader.poll()) == result.stats.events
    assert max(frame.now for frame in reader.poll()) == result.sim_time
    assert sum(frame.messages for frame in reader.poll()) == result.stats.messages


def test_shares_are_at_most_full_and_some_link_and_engine_was_busy(recorded):
    _, reader, _ = recorded
    frames = list(reader.frames())
    assert max(max(frame.links) for frame in frames) in range(1, FULL + 1)
    assert max(max(frame.units) for frame in frames) in range(1, FULL + 1)


def test_no_link_is_shown_with_more_than_it_moved(recorded):
    result, reader, workers = recorded
    moved, shown = {link.name: link.bytes_in for link in result.links}, Counter()
    for worker in range(workers):
        links = [reader.layout.links[number] for number in reader.layout.links_of(worker)]
        before = Counter()
        for frame in reader.records[worker]:
            now = {state.sip: state.now for state in frame.sips}
            for link, share in zip(links, frame.links, strict=True):
                shown[link.name] += Fraction(share * link.bw * (now[link.sip] - before[link.sip]), FULL * FS_PER_S)
            before = Counter(now)
    assert {name for name, amount in shown.items() if amount > moved.get(name, 0)} == set()
    assert sum(shown.values()) > sum(moved.values()) / 2


def test_frames_come_in_order_of_real_time(recorded):
    _, reader, _ = recorded
    walls = [frame.wall_s for frame in reader.frames()]
    assert walls == sorted(walls)


def test_a_run_that_has_ended_is_not_live_and_has_no_socket(recorded):
    _, reader, _ = recorded
    assert (reader.live, (reader.directory / "control.sock").exists()) == (False, False)


def test_the_tables_hold_the_rows_with_all_their_decimals(recorded):
    result, reader, _ = recorded
    tables = {}
    for name in ("links", "operations", "kernels", "phases"):
        with (reader.directory / f"{name}.csv").open(newline="") as file:
            tables[name] = list(csv.DictReader(file))
    busy = {row["link"]: Fraction(row["busy_ns"]) * 10**6 for row in tables["links"]}
    assert busy == {link.name: link.busy for link in result.links}
    assert sum(Fraction(row["end_ns"]) for row in tables["operations"]) * 10**6 == sum(
        row.end for row in reader.operations()
    )
    assert (len(tables["kernels"]), len(tables["phases"])) == (
        sum(len(row.engines) for row in reader.kernels()),
        len(reader.phases()),
    )


def test_rows_beyond_the_limit_are_counted(tmp_path):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run(Recording(str(whole)))
    run(Recording(str(cut), rows=10))
    kept = [len(RunReader(each).operations()) for each in (whole, cut)]
    assert (kept[1] + RunReader(cut).dropped, RunReader(whole).dropped) == (kept[0], 0)
    assert kept[1] == 20
    assert len(RunReader(cut).kernels()) == len(RunReader(whole).kernels())
    assert len(RunReader(cut).phases()) == len(RunReader(whole).phases())
    said = [[line for line in summarise(RunReader(each), each)["missing"] if "room" in line] for each in (whole, cut)]
    assert said == [[], [ANY]]
    assert said[1][0].startswith(f"rows: {RunReader(cut).dropped} of operations and kernels had no room in the records")


def test_frames_come_no_faster_than_they_were_asked_for(recorded):
    _, reader, workers = recorded
    last = [[*reader.records[worker]][-1] for worker in range(workers)]
    assert all(2 <= frame.sequence <= frame.wall_s / 0.01 + 2 for frame in last)


def test_parquet_holds_what_the_tables_hold(recorded):
    parquet = pytest.importorskip("pyarrow.parquet")
    _, reader, _ = recorded
    for name in ("links", "operations", "kernels", "phases"):
        with (reader.directory / f"{name}.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        found = parquet.read_table(reader.directory / f"{name}.parquet").to_pylist()
        assert [[*row] for row in found] == [[*row] for row in rows]
        times = [key for key in rows[0] if key.endswith("_ns")]
        assert [[round(row[key] * 10**6) for key in times] for row in found] == [
            [int(Fraction(row[key]) * 10**6) for key in times] for row in rows
        ]


def test_a_directory_without_a_run_is_refused_by_name(tmp_path):
    with pytest.raises(UsageError, match="no run was recorded here"):
        _ = RunReader(tmp_path).layout
    (tmp_path / "layout.json").write_text(json.dumps({"schema": "kernbench/layout/9"}))
    with pytest.raises(UsageError, match=r"layout\.json"):
        _ = RunReader(tmp_path).layout


def test_a_run_tells_its_sinks_little(tmp_path, monkeypatch):
    """The cost that a noisy machine cannot show: calls to sinks, readings and ticks per 1,000 events."""
    calls = Counter()
    for kind, name in ((RowLog, "take"), (LinkLog, "keep"), (PacketLog, "take")):
        original = getattr(kind, name)

        def counted(self, row, original=original, kind=kind):
            calls[kind.__name__] += 1
            original(self, row)

        monkeypatch.setattr(kind, name, counted)
    monkeypatch.setattr(Publisher, "tick", lambda _: calls.update(ticks=1))
    result = run(Recording(str(tmp_path)))
    per_thousand = {name: count * 1000 // result.stats.events for name, count in calls.items()}
    assert (per_thousand["RowLog"] <= 40, per_thousand["LinkLog"] <= 20, calls["PacketLog"]) == (True, True, 0)
    assert 0 < calls["ticks"] <= result.stats.events / 2000
