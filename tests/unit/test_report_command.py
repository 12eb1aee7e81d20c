"""`kernbench report`, `kernbench trace` and the choice of a run on a command line."""

import json
from contextlib import chdir
from importlib.resources import files

import msgspec
import pytest
from jsonschema import Draft202012Validator

from kernbench.cli import execute
from kernbench.cli.report_plot import plot
from kernbench.cli.run_choice import find_run
from kernbench.common.errors import UsageError
from kernbench.telemetry.layout import Layout
from kernbench.telemetry.rows import Utilisation


def make_run(folder, name, time=1000.0, size=64):
    """The folder of a run that was not recorded."""
    path = folder / ".kernbench" / "runs" / name
    path.mkdir(parents=True)
    row = {"size_bytes": size, "count": 16, "dtype": "float32", "redop": "sum", "time_ns": time, "launch_ns": 1.0}
    row |= {"algbw_gbs": size / time, "busbw_gbs": 1.5 * size / time, "wrong": 0, "queue_ns": 0.0, "overlap_ns": 0.0}
    document = {
        "bench": "allreduce", "sips": 2, "sim_time_fs": round(2 * time) * 10**6, "digest": "d", "rows": [row],
        "status": {"exit": 0, "kind": "ok", "message": ""}, "topology": {"file": "topology.yaml", "overrides": []},
    }  # fmt: skip
    (path / "run.json").write_text(json.dumps(document))
    return path


GUARD = "write a product (queue>1.1*base), or ask before (base.queue>0 & ...)"
OLD, NEW = "20260101T000000Z-allreduce-aaaa", "20260102T000000Z-allreduce-bbbb"


@pytest.fixture
def folder(tmp_path):
    """A folder with two runs below it."""
    make_run(tmp_path, OLD)
    make_run(tmp_path, NEW, 2000.0)
    with chdir(tmp_path):
        yield tmp_path


@pytest.fixture
def recorded(folder):
    """The same folder; the latest run was recorded, and nothing happened in it."""
    layout = Layout("allreduce", {}, 2, 1, 1, 1, (), (), ((0, 1),))
    (folder / ".kernbench" / "runs" / NEW / "layout.json").write_bytes(msgspec.json.encode(layout))
    return folder


@pytest.mark.parametrize(
    ("text", "name"),
    [(None, NEW), ("latest", NEW), ("20260101", OLD), (OLD, OLD), (f".kernbench/runs/{OLD}", OLD), (f".kernbench/runs/{OLD}/run.json", OLD)],
)  # fmt: skip
def test_a_run_is_a_path_the_beginning_of_a_name_or_the_latest(folder, text, name):
    assert find_run(text).resolve() == (folder / ".kernbench" / "runs" / name).resolve()


def test_the_link_latest_says_which_run_is_the_latest(folder):
    (folder / ".kernbench" / "runs" / "latest").symlink_to(OLD)
    assert find_run(None).name == OLD


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2026", f"run '2026' is the beginning of 2 names: {OLD}, {NEW}; give more of one"),
        ("aaaa", f"unknown run 'aaaa'; did you mean {OLD!r}?"),
        ("20260102T000000Z-allreduze", f"unknown run '20260102T000000Z-allreduze'; did you mean {NEW!r}?"),
        (".", ".: holds no run (run.json or layout.json); name the folder that --out or a run's head gave"),
    ],
)
def test_a_wrong_run_is_exit_2_with_the_nearest(folder, text, message, capsys):
    assert (execute(["report", text]), capsys.readouterr().err) == (2, f"kernbench: error: {message}\n")


def test_without_any_run_the_remedy_is_named(tmp_path):
    with chdir(tmp_path):
        for text, words in (
            (None, "there is no run below"),
            ("x", "run 'x': no such folder, and there is no run below"),
        ):
            with pytest.raises(UsageError, match=words):
                find_run(text)


def test_a_run_without_records_gives_its_rows_and_says_what_is_missing(folder, capsys):
    assert execute(["report"]) == 0
    out = capsys.readouterr().out
    assert "missing     layout: the run was not recorded (--no-record)" in out
    assert "  64     16  float32  sum    2.00" in out


def test_several_runs_are_reported_one_after_the_other_and_in_one_document(folder, capsys):
    assert execute(["report", "20260101", "20260102"]) == 0
    assert capsys.readouterr().out.count("run         .kernbench/runs/2026") == 2
    assert execute(["report", "20260101", "20260102", "--json"]) == 0
    assert [run["sim_time_ns"] for run in json.loads(capsys.readouterr().out)["runs"]] == [2000.0, 4000.0]


def test_a_difference_names_what_changed(folder, capsys):
    assert execute(["report", "--diff", "20260101"]) == 0
    out = capsys.readouterr().out
    assert f"against     .kernbench/runs/{OLD}\n" in out
    assert "64 B float32 sum  time        1 us   2 us   +1 us     2.000" in out


def test_a_condition_that_is_true_is_exit_1_with_the_figures(folder, capsys):
    arguments = ["report", "--diff", "20260101", "--fail-if", "busbw<0.9*base"]
    assert execute(arguments) == 1
    said = "--fail-if 'busbw<0.9*base' is true of 1 row"
    line = "64 B float32 sum: busbw<0.9*base (0.048 < 0.0864)"
    assert capsys.readouterr().err == f"kernbench: error: {said}\n  {line}\n"
    assert execute([*arguments, "--json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["status"]["exit"], document["fail_if"]["true_of"]) == (1, [line])


def test_a_condition_that_is_false_is_exit_0(folder):
    assert execute(["report", "--diff", "20260101", "--fail-if", "busbw<0.4*base"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--csv", "--json"], "--csv and --json both want stdout; choose one"),
        (["20260101", "20260102", "--html", "x"], "--html shows one run, got 2; write a page for each"),
        (["--fail-if", "busbw<base"], "--fail-if 'busbw<base': there is no base; give --diff BASE"),
        (
            ["--fail-if", "time>1/0"],
            f"--fail-if 'time>1/0': division by zero in 64 B float32 sum of .kernbench/runs/{NEW}; {GUARD}",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(folder, arguments, message, capsys):
    assert execute(["report", *arguments]) == 2
    assert f"kernbench: error: {message}\n" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_exit_5(folder, capsys):
    assert execute(["report", "--html", "none/page.html"]) == 5
    assert "--html none/page.html: cannot be written: No such file or directory; name a file" in capsys.readouterr().err


def test_csv_is_a_line_for_each_figure(folder, capsys):
    assert execute(["report", "--csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "run,table,name,figure,value"
    assert f".kernbench/runs/{NEW},row,1,time_ns,2000.0" in lines


def test_a_document_of_a_failure_keeps_to_the_schema(folder, capsys):
    schema = json.loads((files("kernbench") / "data" / "report.schema.json").read_text())
    assert execute(["report", "nothing", "--json"]) == 2
    Draft202012Validator(schema).validate(json.loads(capsys.readouterr().out))
    assert execute(["report", "--json"]) == 0
    Draft202012Validator(schema).validate(json.loads(capsys.readouterr().out))


def test_the_plot_of_the_most_used_link_fits_the_width_and_needs_room():
    most = {"link_in_kernels": {"name": "a->b", "share": 0.5}, "link": None}
    report = {"bottleneck": most, "links": [{"name": "a->b", "bw_gbs": 1.0}]}
    drawn = plot(report, Utilisation(10**9, {"a->b": [10**9, 0, 5 * 10**8]}, {"a->b": [1000, 0, 500]}), 60)
    assert "a->b: used (%), each point 1 us" in drawn
    assert (max(map(len, drawn.splitlines())) <= 60, "\x1b" in drawn) == (True, False)
    assert plot(report, Utilisation(10**9, {"a->b": [1]}, {"a->b": [1]}), 49) == ""
    assert plot(report, None, 80) == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "missing option '-o' / '--output'"),
        (["-o", "t", "--from", "2us", "--to", "1us"], "--to 1us: expected a time after --from 2us"),
        (["-o", "t", "--from", "soon"], "--from soon: expected a time such as 8ns, got 'soon'"),
        (["-o", "t", "--from", "-1ns"], "--from -1ns: expected a time from 0 on"),
        (["-o", "t", "--phase", "x", "--to", "1us"], "--phase is a time of its own; leave out --from and --to"),
        (["-o", "t", "--phase", "x"], "--phase x: the run recorded no phases; choose by --from and --to"),
        (["-o", "t", "--budget", "1K"], "a trace of 1KiB holds nothing; give --budget 64KiB"),
        (["-o", "t", "--budget", "much"], "--budget much: expected a size such as 64KiB, got 'much'"),
    ],
)
def test_a_trace_that_cannot_be_is_refused_with_the_remedy(recorded, arguments, message, capsys):
    assert execute(["trace", *arguments]) == 2
    assert capsys.readouterr().err == f"kernbench: error: {message}\n"


def test_a_trace_says_what_it_holds(recorded, capsys):
    assert execute(["trace", "-o", "t.pftrace", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["format"], document["slices"], document["from_ns"], document["to_ns"]) == (
        "perfetto",
        0,
        0.0,
        None,
    )
    assert document["bytes"] == (recorded / "t.pftrace").stat().st_size
    assert execute(["trace", "-o", "t.json", "--format", "json"]) == 0
    assert "note      the run recorded no kernels in this time" in capsys.readouterr().out
