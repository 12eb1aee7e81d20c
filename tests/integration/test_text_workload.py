"""ASTRA-sim text workloads: what a reader makes of the lines, in which order a replay runs them, and what is wrong with a file."""

import json
import os
from itertools import combinations
from pathlib import Path

import pytest

from actors.simulation import Simulation
from kernbench.cli import execute
from kernbench.common.errors import UsageError
from kernbench.common.units import ns
from kernbench.runtime_api.bench import Sweep
from kernbench.runtime_api.workload.astra_text import read_text
from kernbench.runtime_api.workload.astra_text_tasks import tasks_of
from kernbench.runtime_api.workload.chakra_tasks import read_chakra
from kernbench.telemetry.reader import RunReader
from kernbench.telemetry.trace import write_trace

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "megatron"
SMALL = ("sip.cube_mesh=1x1",)
TRANSFORMER = "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 checkpoints: 0 checkpoint_initiates: 0"
ATTENTION = "attention -1 30 ALLREDUCE 4096 20 ALLREDUCE 4096 10 ALLREDUCE 1024 0"
MLP = "mlp -1 300 ALLREDUCE 8192 200 NONE 0 100 NONE 0 0"


@pytest.fixture
def written(tmp_path):
    def write(*lines):
        (tmp_path / "w.txt").write_text("\n".join(lines))
        return str(tmp_path / "w.txt")

    return write


def tasks(file, ranks=2, *, unit="ns", layers="", gather="total", overlap=True):
    return tasks_of(read_text(file), ranks, unit, layers, gather, overlap=overlap)


def named(workload, rank=0):
    """Each task in short, with what it comes after."""
    listed = workload.ranks[rank]
    short = [f"{task.name} {task.action}".replace("layer ", "").replace(" compute", "") for task in listed]
    return [(name, [short[place] for place in task.after]) for name, task in zip(short, listed, strict=True)]


def real(name):
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there")
    return str(next(DATA.glob(name)))


def test_a_transformer_goes_forward_then_back_and_hides_gradients_behind_weights(written):
    """Two model-parallel ranks: weight gradients have nobody to be reduced with."""
    assert named(tasks(written(TRANSFORMER, "2", ATTENTION, MLP))) == [
        ("0 attention, forward", []),
        ("0 attention, forward all_reduce", ["0 attention, forward"]),
        ("1 mlp, forward", ["0 attention, forward all_reduce"]),
        ("1 mlp, forward all_reduce", ["1 mlp, forward"]),
        ("1 mlp, input-gradient", ["1 mlp, forward all_reduce"]),
        ("1 mlp, weight-gradient", ["1 mlp, input-gradient"]),
        ("0 attention, input-gradient", ["1 mlp, input-gradient", "1 mlp, weight-gradient"]),
        ("0 attention, input-gradient all_reduce", ["0 attention, input-gradient"]),
        ("0 attention, weight-gradient", ["0 attention, input-gradient"]),
    ]


def test_without_overlap_weight_gradients_wait_for_the_collective(written):
    waits = dict(named(tasks(written(TRANSFORMER, "1", ATTENTION), overlap=False)))
    assert waits["0 attention, weight-gradient"] == ["0 attention, input-gradient all_reduce"]


def test_four_ranks_of_groups_of_two_reduce_weights_across_groups(written):
    workload = tasks(written(TRANSFORMER, "1", ATTENTION), 4)
    assert workload.groups == {
        "model-parallel of 0": (0, 1), "model-parallel of 2": (2, 3),
        "data-parallel of 0": (0, 2), "data-parallel of 1": (1, 3),
    }  # fmt: skip
    assert [(task.group, task.size) for task in workload.ranks[3] if task.action == "all_reduce"] == [
        ("model-parallel of 2", 4096), ("model-parallel of 2", 4096), ("data-parallel of 1", 1024),
    ]  # fmt: skip


@pytest.mark.parametrize(("policy", "sizes"), [("DATA", [1024]), ("MODEL", [4096, 4096]), ("MICRO", [1024])])
def test_a_policy_says_which_passes_communicate(written, policy, sizes):
    (rank, _, _) = tasks(written(policy, "1", ATTENTION), 3).ranks
    assert [task.size for task in rank if task.action == "all_reduce"] == sizes
    assert (policy == "MICRO") == (not any(task.action == "compute" for task in rank))


def test_layers_since_a_checkpoint_are_computed_anew(written):
    header = "HYBRID_TRANSFORMER_FWD_IN_BCKWD model_parallel_NPU_group: 2 checkpoints: 1 0 checkpoint_initiates: 1 2"
    names = [name for name, _ in named(tasks(written(header, "3", MLP, MLP, MLP)))]
    assert [name.split()[0] for name in names if "forward" in name and "all_reduce" not in name] == list("01201")
    assert names.index("2 mlp, input-gradient") > max(place for place, name in enumerate(names) if "forward" in name)


def test_layers_that_are_computed_anew_without_end_are_refused(written, monkeypatch):
    monkeypatch.setattr("kernbench.runtime_api.workload.astra_text_tasks.MOST_TASKS", 100)
    header = f"MODEL checkpoints: 1 0 checkpoint_initiates: 20 {' '.join(map(str, range(20)))}"
    with pytest.raises(UsageError, match=r"w\.txt: more than 100 tasks a rank; replay some of it with --layers"):
        tasks(written(header, "20", *[MLP] * 20))


def test_an_all_gather_counts_all_blocks_unless_asked_otherwise(written):
    file = written("MODEL", "1", "gather -1 0 ALLGATHER 4096 0 NONE 0 0 NONE 0 7")
    assert [[task.size for task in tasks(file, gather=each).ranks[0]] for each in ("total", "block")] == [
        [2048, 0], [4096, 0],
    ]  # fmt: skip
    assert [task.time for task in tasks(file, unit="us").ranks[0]] == [0, ns(7000)]


def test_what_is_ignored_is_counted_with_its_reason(written):
    header = TRANSFORMER.replace("checkpoints", "ep: 1 checkpoints", 1)
    assert tasks(written(header, "2", ATTENTION, MLP)).notes == (
        "ASTRA-sim text workload, policy HYBRID_TRANSFORMER_FWD_IN_BCKWD, 2 layers, on 2 ranks",
        "replays 6 all_reduce, 12 compute",
        "ignores 2 all_reduce: its group has one rank",
        "ignores on line 1: ep",
        "compute times are in ns; input-gradient collectives run beside weight-gradient compute",
        "an all-gather's size is that of all blocks",
    )


def test_the_replay_takes_the_compute_and_hides_a_collective(written):
    """Both are launched at once, and a launch is at the collective's PE 2.02 ns before it is at the others."""
    file = written(TRANSFORMER, "1", "layer -1 0 NONE 0 10 ALLREDUCE 4096 50 NONE 0 0")
    one, two = (
        Simulation(sips=2, workers=workers, overrides=SMALL).run("workload", file=file, compute_unit="us")
        for workers in (1, 2)
    )
    assert one.digest == two.digest
    row = one.rows[0]
    assert (row.columns["compute_fs"] > ns(60_000), row.columns["exposed_fs"], row.columns["tasks"]) == (
        True, ns("2.02"), 3,
    )  # fmt: skip


def test_layers_and_what_overlaps_in_them_are_phases_of_report_and_trace(written, tmp_path):
    """What is left of a layer when the next begins is named in the phases of that one."""
    machine = Simulation(sips=4, overrides=SMALL, telemetry=str(tmp_path / "r"))
    lines = (TRANSFORMER, "2", ATTENTION, "mlp -1 300 ALLREDUCE 8192 200 NONE 0 100 ALLREDUCE 65536 0")
    recorded = machine.run("workload", file=written(*lines), compute_unit="us")
    assert (
        recorded.digest
        == Simulation(sips=4, overrides=SMALL).run("workload", file=written(*lines), compute_unit="us").digest
    )
    reader = RunReader(tmp_path / "r")
    phases = sorted((row for row in reader.phases() if row.sip == 1), key=lambda row: (row.start, -row.end))
    names = [row.name for row in phases if row.name.startswith("layer")]
    assert names == [
        "layer 0 attention, forward", "layer 0 attention, forward compute", "layer 0 attention, forward all_reduce",
        "layer 1 mlp, forward", "layer 1 mlp, forward compute", "layer 1 mlp, forward all_reduce",
        "layer 1 mlp, backward", "layer 1 mlp, input-gradient compute", "layer 1 mlp, weight-gradient compute",
        "layer 0 attention, backward",
        "layer 1 mlp, weight-gradient all_reduce + layer 0 attention, input-gradient compute",
        "layer 0 attention, input-gradient compute",
        "layer 0 attention, input-gradient all_reduce + layer 0 attention, weight-gradient compute",
        "layer 0 attention, weight-gradient compute",
        "layer 0 attention, weight-gradient all_reduce",
    ]  # fmt: skip
    nest(phases)
    named = {row.name: row for row in phases}
    inside = [row for row in phases if "compute" in row.name and "forward" not in row.name and "layer 1" in row.name]
    assert [named["layer 1 mlp, backward"].start, named["layer 0 attention, backward"].start] == [
        inside[0].start, inside[2].start,
    ]  # fmt: skip
    assert execute(["report", str(tmp_path / "r"), "--html", str(tmp_path / "page.html")]) == 0
    page = (tmp_path / "page.html").read_text()
    assert all(f"<title>{name}: " in page for name in names)
    write_trace(reader, tmp_path / "t.pftrace")
    trace = (tmp_path / "t.pftrace").read_bytes()
    assert all(name.encode() in trace for name in names)


def test_a_replay_that_is_cut_short_keeps_the_phases_of_what_it_did(written, tmp_path):
    file = written(TRANSFORMER, "2", ATTENTION, MLP)

    def phases(name, **limits):
        machine = Simulation(sips=2, overrides=SMALL, telemetry=str(tmp_path / name), **limits)
        result = machine.run("workload", file=file, compute_unit="us")
        return result, [row for row in RunReader(tmp_path / name).phases() if row.sip == 0]

    whole, told = phases("whole")
    cut, kept = phases("cut", max_events=whole.stats.events // 2)
    assert (whole.stopped, cut.stopped != "", cut.rows) == ("", True, ())
    assert kept == told[: len(kept)]
    assert "layer 0 attention, forward" in [row.name for row in kept]
    assert len(kept) < len(told)


def nest(phases):
    """Each of two phases that overlap is inside the other."""
    for one, two in combinations(phases, 2):
        first, second = sorted((one, two), key=lambda row: (row.start, -row.end))
        assert second.start >= first.end or second.end <= first.end, (first, second)


# -- files that others made --------------------------------------------------------------------------------------------


def test_the_sweep_is_nineteen_all_reduces_of_doubling_sizes():
    (rank, _) = tasks(real("all_reduce_sweep.txt")).ranks
    sizes = [task.size for task in rank if task.action == "all_reduce"]
    assert sizes == [4096 << step for step in range(19)]


def test_the_sweep_s_first_sizes_take_what_they_take_alone():
    machine = Simulation(sips=2, overrides=SMALL, values=False)
    replayed = machine.run("workload", file=real("all_reduce_sweep.txt"), layers="0:4").rows
    plain = machine.run("allreduce", sizes=Sweep.of("4KiB", "32KiB")).rows
    assert [row.time for row in replayed if row.columns["size_bytes"]] == [row.time for row in plain]


@pytest.mark.parametrize(
    ("name", "layers", "kinds"),
    [
        ("*C01*A100.txt", "4:6", {("all_reduce", 20971520): 4}),
        ("*C02*A100.txt", "4:8", {("all_gather", 20971520 // 8): 4, ("reduce_scatter", 20971520): 4}),
    ],
)
def test_a_layer_of_gpt_13b_communicates_what_megatron_does(name, layers, kinds):
    """Two all-reduces forward and two backward; with sequence parallelism an all-gather and a reduce-scatter for each."""
    file = real(name)
    (rank, *_) = tasks(file, 8, layers=layers).ranks
    counts = {}
    for task in rank:
        if task.action != "compute":
            counts[task.action, task.size] = counts.get((task.action, task.size), 0) + 1
    assert (read_text(file).group, counts) == (8, kinds)


# -- what is wrong -----------------------------------------------------------------------------------------------------

GOOD = [TRANSFORMER, "2", ATTENTION, MLP]
BROKEN = {
    "empty": ([""], r"w\.txt:1: expected a policy on line 1"),
    "policy": (["DLRM", *GOOD[1:]], r"w\.txt:1: policy 'DLRM'; this reader knows MICRO, DATA, MODEL"),
    "no key": (["MODEL 8", *GOOD[1:]], r"w\.txt:1: '8' where a key with a colon is expected"),
    "group": ([TRANSFORMER.replace("2", "x"), *GOOD[1:]], r"w\.txt:1: model_parallel_NPU_group: 'x'; expected a whole"),
    "no group": ([TRANSFORMER.replace("2", "0"), *GOOD[1:]], r"a group has at least 1 rank"),
    "no group at all": (["HYBRID_TRANSFORMER", *GOOD[1:]], r"HYBRID_TRANSFORMER needs model_parallel_NPU_group: N; say how"),
    "list cut": (["MODEL checkpoints: 5 1 2", *GOOD[1:]], r"w\.txt:1: checkpoints: ''; expected a whole number"),
    "list beyond": (["MODEL checkpoints: 1 2", *GOOD[1:]], r"w\.txt:1: checkpoints names layer 2; there are 0 to 1"),
    "count": ([TRANSFORMER, "3", *GOOD[2:]], r"w\.txt:2: it says 3 layers, and 2 follow; is the file cut"),
    "no count": ([TRANSFORMER, "two", *GOOD[2:]], r"w\.txt:2: number of layers: 'two'"),
    "none": ([TRANSFORMER, "0"], r"a workload has at least 1"),
    "fields": ([*GOOD[:3], "mlp -1 3"], r"w\.txt:4: 3 fields, expected 12: name, dependency"),
    "number": ([*GOOD[:3], MLP.replace("300", "-3")], r"w\.txt:4: field 3 \(forward compute\): '-3'; expected a whole"),
    "digits": ([*GOOD[:3], MLP.replace("300", "٣")], r"w\.txt:4: field 3 \(forward compute\)"),
    "huge": ([*GOOD[:3], MLP.replace("8192", "9" * 5000)], r"w\.txt:4: field 5 \(forward bytes\): '9{40}'; expected"),
    "type": ([*GOOD[:3], MLP.replace("NONE", "ALLREDUCE_EP")], r"w\.txt:4: field 7 \(input-gradient type\): 'ALLREDUCE_EP'"),
    "hour": ([*GOOD[:3], MLP.replace("300", str(2**59))], r"layer 1 \(mlp\): forward takes 5\d+, more than an hour"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_one_error_with_line_and_field(written, name):
    lines, words = BROKEN[name]
    with pytest.raises(UsageError, match=words):
        tasks(written(*lines))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ranks": 3}, r"model_parallel_NPU_group is 2, and the run has 3 ranks; use --sips 2 or a"),
        ({"layers": "1:1"}, r"--layers 1:1: the file has layers 0 to 1"),
        ({"layers": "2"}, r"--layers 2: expected FIRST:LAST"),
        ({"gather": "half"}, r"--gather-size half: expected one of total, block"),
        ({"unit": "m"}, r"--compute-unit m: expected one of ns, us, ms"),
    ],
)
def test_a_choice_that_the_file_does_not_allow_is_refused(written, given, words):
    with pytest.raises(UsageError, match=words):
        tasks(written(*GOOD), **given)


def test_the_command_takes_as_many_sips_as_the_file_s_group_has_ranks(written, capsys, tmp_path):
    line = [
        "run",
        "--workload",
        written(TRANSFORMER, "1", MLP),
        "--set",
        SMALL[0],
        "--out",
        str(tmp_path / "run"),
        "--workers",
        "1",
        "--json",
    ]
    assert execute(line) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["sips"], document["notes"][1]) == (2, "replays 2 all_reduce, 6 compute")


def test_a_pipe_and_a_device_have_no_end_and_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for file in (str(tmp_path / "pipe"), "/dev/zero", str(tmp_path)):
        with pytest.raises(UsageError, match="it is no regular file"):
            read_text(file)
    os.mkfifo(tmp_path / "t.0.et")
    with pytest.raises(UsageError, match=r"t\.0\.et: it is no regular file"):
        read_chakra(str(tmp_path / "t"))


def test_a_file_that_is_not_there_is_exit_2(capsys, tmp_path):
    assert execute(["run", "--workload", str(tmp_path / "none.txt")]) == 2
    assert "none.txt: No such file or directory; name a readable file" in capsys.readouterr().err
