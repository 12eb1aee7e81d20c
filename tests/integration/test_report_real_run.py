"""Reports and traces of real runs: they say what the run's own books say, of a run that was cut short too."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

from actors.simulation import Simulation
from kernbench.reporting.summary import summarise
from kernbench.runtime_api.bench import find_bench
from kernbench.telemetry.reader import RunReader
from kernbench.telemetry.trace import write_trace


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """An all-reduce over two SIPs, recorded."""
    directory = tmp_path_factory.mktemp("report") / "run"
    simulation = Simulation(None, sips=2, workers=1, telemetry=str(directory))
    result = simulation.run(find_bench("allreduce").file, sizes="16K")
    return directory, result


def test_the_links_of_the_report_are_those_of_the_result(recorded):
    directory, result = recorded
    report = summarise(RunReader(directory), directory)
    busy = {link.name: (link.bytes_in, link.busy / 10**6) for link in result.links}
    assert {each["name"]: (each["bytes"], each["busy_ns"]) for each in report["links"]} == busy


def test_the_critical_path_fills_the_time_to_the_last_kernels_end(recorded):
    directory, _ = recorded
    records = RunReader(directory)
    path = summarise(records, directory)["critical_path"]
    assert path["total_fs"] == max(row.end for row in records.kernels())
    assert sum(part["time_fs"] for part in path["by_kind"]) == path["total_fs"]
    assert {"launch", "message", "send"} <= {part["kind"] for part in path["by_kind"]}


def test_engines_divide_the_time_of_kernels_and_reasons_sum_to_a_hundred(recorded):
    directory, _ = recorded
    records = RunReader(directory)
    lines = summarise(records, directory)["engines"]
    total = sum((row.end - row.start) * len(row.engines) for row in records.kernels())
    assert sum(lines[-1]["parts_fs"].values()) == total
    assert {round(sum(line["percent"].values()), 1) for line in lines} == {100.0}


def test_every_message_of_the_run_is_an_arrow_of_its_trace(recorded, tmp_path):
    directory, _ = recorded
    records = RunReader(directory)
    summary = write_trace(records, tmp_path / "t.pftrace")
    trace = Trace()
    trace.ParseFromString((tmp_path / "t.pftrace").read_bytes())
    events = [packet.track_event for packet in trace.packet if packet.HasField("track_event")]
    departs = sorted(flow for event in events for flow in event.flow_ids)
    arrives = sorted(flow for event in events for flow in event.terminating_flow_ids)
    sends = [row for row in records.operations() if row.kind == "send"]
    assert (departs == arrives, len(departs), summary.flows) == (True, len(sends), len(sends))
    rows = sum(len([*each]) for each in (records.operations(), records.kernels(), records.phases()))
    assert summary.slices == sum(event.type == 1 for event in events) == rows


def test_a_run_that_was_killed_has_a_report_of_what_it_left(recorded, tmp_path):
    directory, _ = recorded
    for path in directory.iterdir():
        if path.suffix not in (".csv", ".sock"):
            content = b"" if path.name == "lock" else path.read_bytes()
            whole = path.name == "layout.json"
            (tmp_path / path.name).write_bytes(content if whole else content[: len(content) * 2 // 3])
    report = summarise(RunReader(tmp_path), Path("killed"))
    assert report["missing"][0] == "run.json: the run was killed, so rows, totals and digest are not there"
    assert report["sim_time_fs"] <= summarise(RunReader(directory), directory)["sim_time_fs"]


def test_a_run_that_a_program_made_was_not_killed_though_it_has_no_document(recorded):
    directory, _ = recorded
    sentences = summarise(RunReader(directory), directory)["missing"]
    assert sentences == ["run.json: the run wrote none, so rows, totals and digest are not there"]


def test_a_run_that_goes_on_is_not_said_to_be_killed(recorded, tmp_path):
    directory, _ = recorded
    (tmp_path / "layout.json").write_bytes((directory / "layout.json").read_bytes())
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        live = summarise(RunReader(tmp_path), tmp_path)["missing"][0]
    dead = summarise(RunReader(tmp_path), tmp_path)["missing"][0]
    assert [each.partition(",")[0] for each in (live, dead)] == [
        "run.json: the run goes on",
        "run.json: the run was killed",
    ]


def test_a_report_names_a_file_of_the_records_that_is_cut_or_gone(recorded, tmp_path):
    directory, _ = recorded
    damaged = tmp_path / "run"
    shutil.copytree(directory, damaged)
    os.truncate(damaged / "rows-0", 100)
    (damaged / "links-1").unlink()
    assert [line for line in summarise(RunReader(directory), directory)["missing"] if "held" in line] == []
    told = [line for line in summarise(RunReader(damaged), damaged)["missing"] if "held" in line]
    assert told == [
        "rows-0 cannot be read to its end, the last 84 bytes are cut or damaged: what it held is missing here",
        "links-1 is not there: what it held is missing here",
    ]


def test_a_receive_ends_a_fixed_time_after_its_message_or_its_begin_whichever_is_later(recorded):
    directory, _ = recorded
    receives = [row for row in RunReader(directory).operations() if row.kind == "recv"]
    assert {row.end - max(row.start, row.arrived) for row in receives} == {10 * 10**6}
