"""The grid of a sweep, its folder, its figures and its front, without a run."""

import json
import re

import pytest

from kernbench.cli.sweep_figures import asked, check_names, check_point
from kernbench.cli.sweep_points import Axis, Point, SweepFolder, axes, points
from kernbench.cli.sweep_report import figures, front, plot, speedups, table
from kernbench.common.errors import OutputError, UsageError
from kernbench.runtime_api.bench import find_bench

IDENTITY = {"bench": "allreduce", "arguments": ["-b", "1K"]}


def document(sim_time_ns, busbw=None, exit_code=0):
    row = {"time_ns": sim_time_ns / 2} | ({} if busbw is None else {"busbw_gbs": busbw})
    return {"status": {"exit": exit_code, "kind": "ok" if not exit_code else "failed"}, "sim_time_ns": sim_time_ns,
            "digest": None if exit_code else "d", "rows": [row], "links": {"hottest": [{"name": "sip0->sip1"}]}}  # fmt: skip


def point(number, **settings):
    return Point(number, tuple(settings.items()))


def test_the_last_key_changes_fastest():
    grid = points(axes(["a=1,2", "b=x, y"]))
    assert [each.overrides for each in grid] == [["a=1", "b=x"], ["a=1", "b=y"], ["a=2", "b=x"], ["a=2", "b=y"]]


@pytest.mark.parametrize("text", ["a", "a=", "=1,2", "a=1,,2", "a=1,1"])
def test_an_axis_that_cannot_be_read_is_quoted(text):
    with pytest.raises(UsageError, match=f"--set {text}"):
        axes([text])


def test_a_grid_that_is_too_large_is_refused():
    with pytest.raises(UsageError, match="40000 points"):
        points([Axis(key, tuple(map(str, range(200)))) for key in "ab"])


def test_the_same_sweep_finds_its_folder_again_and_another_one_is_refused(tmp_path):
    folder = SweepFolder.open(tmp_path / "s", IDENTITY)
    assert SweepFolder.open(tmp_path / "s", IDENTITY).path == folder.path
    with pytest.raises(OutputError, match="holds another sweep"):
        SweepFolder.open(tmp_path / "s", {**IDENTITY, "arguments": []})


def test_a_sweep_that_was_killed_while_it_made_its_folder_finds_it_again(tmp_path):
    (tmp_path / ".sweep.json").write_text('{"sch')
    folder = SweepFolder.open(tmp_path, IDENTITY)
    assert [path.name for path in folder.path.iterdir()] == ["sweep.json"]


def test_a_folder_with_other_things_in_it_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not empty"):
        SweepFolder.open(tmp_path, IDENTITY)


@pytest.mark.parametrize(("code", "done"), [(0, True), (3, True), (4, False), (130, False)])
def test_a_run_that_was_stopped_is_not_done(tmp_path, code, done):
    folder = SweepFolder.open(tmp_path / "s", IDENTITY)
    folder.of(point(0)).mkdir()
    (folder.of(point(0)) / "run.json").write_text(json.dumps(document(5.0, exit_code=code)))
    assert (folder.document(point(0)) is not None) == done


@pytest.mark.parametrize("text", ["", "[]", '{"status": 3}', "{"])
def test_a_damaged_record_is_not_done(tmp_path, text):
    folder = SweepFolder.open(tmp_path / "s", IDENTITY)
    folder.of(point(0)).mkdir()
    (folder.of(point(0)) / "run.json").write_text(text)
    assert folder.document(point(0)) is None


def test_figures_are_numbers_whatever_their_unit():
    found = figures(point(0, bw="50", mesh="4x2", latency="8ns", kind="ring"), document(10.0))
    assert (found["bw"], found["mesh"], found["latency"], "kind" in found) == (50.0, 8.0, 8.0, False)


def test_rows_of_a_run_that_did_not_come_to_its_end_are_no_figures():
    assert figures(point(0, bw="50"), document(10.0, exit_code=4)) == {"bw": 50.0, "sim_time_ns": 10.0}


def test_the_front_keeps_what_no_other_point_beats():
    done = [(point(0, bw="1"), document(9.0)), (point(1, bw="2"), document(5.0)), (point(2, bw="3"), document(5.0)),
            (point(3, bw="4"), document(1.0, exit_code=3))]  # fmt: skip
    assert front(done, "bw", "sim_time_ns") == [0, 1]


def test_of_a_bandwidth_more_is_better():
    done = [(point(0, bw="1"), document(9.0, 10.0)), (point(1, bw="2"), document(9.0, 20.0))]
    assert front(done, "sim_time_ns", "busbw_gbs") == [1]


def test_two_sweeps_at_a_time_do_not_share_a_folder(tmp_path):
    folder, other = SweepFolder.open(tmp_path / "s", IDENTITY), SweepFolder.open(tmp_path / "s", IDENTITY)
    with folder.alone(), pytest.raises(OutputError, match="the same sweep runs there already"), other.alone():
        pass
    with other.alone():
        assert other.path == folder.path


AXES = axes(["fabric.bw_gbs=1,2", "fabric.kind=ring,mesh"])
ALLREDUCE = find_bench("allreduce").file


@pytest.mark.parametrize(
    ("bench", "name"),
    [
        *(
            (ALLREDUCE, name)
            for name in ("fabric.bw_gbs", "sim_time_ns", "time_ns", "busbw_gbs", "closed_form_ns", "wrong")
        ),
        (find_bench("gemm").file, "M"),
        (find_bench("megatron_tp").file, "exposed_ns"),
        (find_bench("megatron_tp").file, "tokens_per_s"),
        (find_bench("workload").file, "communication_ns"),
        ("mine.py", "what_it_makes_up"),
    ],
)
def test_a_figure_that_a_run_may_have_is_asked_for(bench, name):
    check_names([name], AXES, bench)


@pytest.mark.parametrize(
    ("bench", "name", "said"),
    [
        (
            ALLREDUCE,
            "cost",
            "no run of allreduce has the figure 'cost'; there are: busbw_gbs, fabric.bw_gbs, sim_time_ns",
        ),
        (ALLREDUCE, "tiem_ns", "no run of allreduce has the figure 'tiem_ns'"),
        (
            ALLREDUCE,
            "sip.cube_mesh",
            "sip.cube_mesh is no key of --set with numbers; there are: fabric.bw_gbs, sim_time_ns",
        ),
        ("mine.py", "fabric.kind", "fabric.kind is no key of --set with numbers"),
    ],
)
def test_a_figure_that_no_run_has_is_refused_before_any(bench, name, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        check_names([name, "time_ns"], AXES, bench)


def test_a_figure_that_the_first_point_lacks_is_refused_there_and_one_without_a_number_is_not():
    made = point(0, bw="1"), document(9.0) | {"rows": [{"time_ns": 4.5, "mfu": None}]}
    check_point(["bw", "mfu"], *made)
    check_point(["cost", "bw"], made[0], document(9.0, exit_code=3))
    with pytest.raises(UsageError, match="no point has the figure 'cost'; there are: bw, sim_time_ns, time_ns"):
        check_point(["bw", "cost"], *made)


@pytest.mark.parametrize("text", ["x", "x,", ",y", "x,y,z", ","])
def test_two_figures_are_asked_for(text):
    with pytest.raises(UsageError, match=f"--pareto {text}: expected two figures"):
        asked(text, "bw")
    assert (asked(None, "bw"), asked(" a, b ", "bw")) == (("bw", "sim_time_ns"), ("a", "b"))


def test_an_unknown_figure_lists_those_that_exist():
    with pytest.raises(UsageError, match="no point has the figure 'cost'; there are: bw, sim_time_ns, time_ns"):
        front([(point(0, bw="1"), document(9.0))], "cost", "time_ns")


def test_the_table_has_a_line_for_each_point_and_names_the_fastest():
    done = [(point(0, bw="1"), document(8000.0)), (point(1, bw="2"), document(4000.0))]
    text = table([Axis("bw", ("1", "2"))], done)
    assert [line.split()[:4] for line in text.splitlines()[-2:]] == [
        ["0", "1", "4.00", "8.00"],
        ["1", "2", "2.00", "4.00"],
    ]
    assert speedups(done) == "fastest: point 1 (bw=2), 2.00 x the first"


def test_the_plot_shows_every_point_and_marks_the_front():
    done = [(point(0, bw="1"), document(9.0)), (point(1, bw="2"), document(5.0)), (point(2, bw="3"), document(7.0))]
    drawn = plot(done, "bw", "sim_time_ns", 60, 15).partition("\n")[2]
    assert (drawn.count("#"), drawn.count("o")) == (2, 1), drawn
