"""A run that fails or is cut short keeps the rows that all of its ranks finished, with the figures that they have."""

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from actors.simulation import Simulation
from kernbench.cli import execute
from kernbench.reporting.summary import summarise
from kernbench.telemetry.trace_records import read_run

SMALL = ("cube_mesh=1x1",)
ARGUMENTS = ("--sips", "4", "--set", *SMALL)
SCHEMA = json.loads((files("kernbench") / "data" / "run.schema.json").read_text())

BENCH = """
def bench(torch, *, how: str = "well"):
    dist = torch.distributed
    dist.init_process_group()
    for number in range(3):
        x = torch.ones(1024 << number)
        dist.align()
        yield dist.row([dist.all_reduce(x)], x, "sum")
        if number == 1 and dist.get_rank() == 2 and how != "well":
            if how == "raises":
                raise ValueError("out of luck")
            return


def verify(torch, row):
    return 1
"""


@pytest.fixture
def run(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(BENCH)

    def invoke(how, *more):
        out = tmp_path / f"run{len([*tmp_path.iterdir()])}"
        code = execute(["run", str(tmp_path / "mine.py"), *ARGUMENTS, "--how", how, "--out", str(out), *more])
        return code, capsys.readouterr(), json.loads((out / "run.json").read_text())

    return invoke


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("how", ["raises", "returns"])
def test_a_failed_run_keeps_the_rows_that_all_ranks_finished(run, how, workers):
    code, _, found = run(how, "--workers", workers)
    whole = run("well", "--workers", "1")[2]
    jsonschema.validate(found, SCHEMA)
    assert (code, found["rows"], found["wrong"], found["digest"]) == (3, whole["rows"][:2], 8, None)


def test_a_failed_run_and_its_report_end_at_its_last_event(run):
    found = [run("raises", "--workers", workers)[2] for workers in ("1", "2")]
    report = summarise(read_run(Path(found[0]["run_dir"])), Path(found[0]["run_dir"]))
    times = {each["sim_time_fs"] for each in found}
    assert times == {report["sim_time_fs"]}
    assert report["sim_time_ns"] >= found[0]["status"]["sim_time_ns"]


def test_a_failed_run_prints_its_rows_and_its_report_has_them(run):
    _, printed, found = run("raises", "--workers", "1")
    assert [line.split()[0] for line in printed.out.splitlines() if "float32" in line] == ["4096", "8192"]
    assert summarise(read_run(Path(found["run_dir"])), Path(found["run_dir"]))["rows"] == found["rows"]


def test_a_run_that_failed_in_its_first_row_has_no_rows(tmp_path, capsys):
    (tmp_path / "none.py").write_text("def bench(torch):\n    1 / 0\n")
    assert execute(["run", str(tmp_path / "none.py"), *ARGUMENTS, "--out", str(tmp_path / "none"), "--json"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["wrong"]) == ([], None)


def test_a_broadcast_that_is_cut_short_has_no_row_of_the_ranks_that_ended_first():
    whole = [row.time for row in Simulation(sips=4, overrides=SMALL).run("broadcast").rows]
    for events in range(1500, 2700, 200):
        rows = Simulation(sips=4, overrides=SMALL, max_events=events).run("broadcast").rows
        assert [row.time for row in rows] == whole[: len(rows)]
