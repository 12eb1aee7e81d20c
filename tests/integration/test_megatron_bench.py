"""The bench megatron_tp as a user runs it: rows, books that balance, phases, presets and files, refusals."""

import json
from collections import Counter
from itertools import pairwise

import pytest

from kernbench.cli import execute
from kernbench.telemetry.trace_records import read_run

SMALL = ["--set", "sip.cube_mesh=1x1", "--set", "sip.cube.pes=2", "--workers", "1"]
COLLECTIVES = {"collective", "ring_barrier", "all_reduce"}


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(capsys):
    def invoke(*arguments, code=0):
        assert execute(["run", "megatron_tp", *SMALL, *arguments, "--json"]) == code
        return json.loads(capsys.readouterr().out)

    return invoke


def recorded(directory):
    """Bytes and operations of the compute kernels of a run, by kind, as its engines carried them out."""
    found = Counter()
    for row in read_run(directory).operations():
        if row.kernel not in COLLECTIVES:
            found[row.kind] += row.amount
    return found


@pytest.mark.parametrize(
    "arguments",
    [["--sips", "1", "--phase", "train", "--batch", "2", "--seq", "37", "--dtype", "float32"],
     ["--sips", "2", "--phase", "decode", "--seq", "50", "--batch", "3"],
     ["--sips", "2", "--phase", "train", "--sp", "--seq", "16", "--layers", "2"]],
)  # fmt: skip
def test_rows_are_right_and_their_bytes_and_operations_are_what_the_engines_did(run, tmp_path, arguments):
    document = run(*arguments, "--out", "r")
    *parts, whole = document["rows"]
    found = recorded(tmp_path / "r")
    sips = document["sips"]
    assert document["wrong"] == 0
    for column, kind in (("load_bytes", "load"), ("store_bytes", "store"), ("gemm_flop", "gemm")):
        assert (sum(part[column] for part in parts), whole[column] * sips) == (whole[column], found[kind])
    for row in document["rows"]:
        assert row["communication_ns"] == pytest.approx(row["exposed_ns"] + row["hidden_ns"])
        assert row["compute_ns"] + row["exposed_ns"] + row["launch_ns"] <= row["time_ns"] * (1 + 1e-12)


def test_messages_have_megatrons_order_and_bytes_and_those_of_dx_hide_behind_dw(run):
    """2 s b h bytes each: 64 positions x 1 x 128 in bfloat16."""
    *rows, whole = run("--sips", "2", "--phase", "train", "--seq", "64", "--sp")["rows"]
    gather, scatter = "all_gather 16384 B", "reduce_scatter 16384 B"
    assert [(row["part"], row["messages"]) for row in rows] == [
        ("layer 0 attention forward", f"{gather}, {scatter}"),
        ("layer 0 mlp forward", f"{gather}, {scatter}"),
        ("layer 0 mlp backward", f"{gather}, {gather}, {scatter}"),
        ("layer 0 attention backward", f"{gather}, {gather}, {scatter}"),
    ]
    assert [row["hidden_ns"] > 0 for row in rows] == [False, False, True, True]
    assert whole["messages"] == "10 in all"


def test_phases_of_layers_are_recorded_and_nest(run, tmp_path):
    run("--sips", "2", "--out", "r", "--seq", "8", "--phase", "train")
    phases = [row for row in read_run(tmp_path / "r").phases() if row.sip == 1]
    forward = ["all_reduce", "mlp_row_layer", "layer 0 mlp forward", "all", "row 0"]
    backward = ["exposed communication", "dW", "attention_column_layer", "layer 0 attention backward", "all"]
    for inner, outer in [*pairwise(forward), *pairwise(backward)]:
        assert any(
            out.start <= each.start <= each.end <= out.end
            for each in phases if each.name == inner for out in phases if out.name == outer
        ), (inner, outer)  # fmt: skip


def test_the_same_layers_have_the_same_results_and_times_for_any_workers_and_without_values(sim):
    arguments, small = {"seq": 8, "phase": "train", "sp": True}, (SMALL[1], SMALL[3])
    sims = [sim(sips=2, overrides=small, workers=workers) for workers in (1, 2)]
    one, two = (each.run("megatron_tp", **arguments) for each in sims)
    still = sim(sips=2, overrides=small, values=False).run("megatron_tp", **arguments)
    assert one.digest == two.digest
    assert (still.digest_time, still.wrong) == (one.digest_time, None)


def test_packets_of_4_kib_change_the_time_of_a_layer_by_less_than_two_percent(sim):
    times = []
    for more in ((), ("quantum_bytes=4KiB",)):
        result = sim(sips=2, overrides=(SMALL[1], SMALL[3], *more), values=False).run("megatron_tp", seq=64)
        times.append(result.rows[-1].time)
    assert 0 < times[1] - times[0] < 0.02 * times[0]


def test_a_config_of_hugging_face_runs(run, tmp_path):
    config = {"n_embd": 32, "n_head": 4, "n_layer": 1, "vocab_size": 64, "activation_function": "gelu_new"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert run("--sips", "2", "--model", "config.json", "--seq", "8")["wrong"] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--model", "gpt-14b"], "unknown model 'gpt-14b'; there are gpt-13b"),
        (["--model", "absent.json"], "absent.json: No such file"),
        (["--phase", "test"], "--phase test: there are prefill, decode, train"),
        (["--layers", "3"], "--layers 3: tiny has 2"),
        (["--seq", "0"], "--seq 0: expected a number from 1"),
        (["--sips", "3"], "the number of key-value heads 4 is not divisible by the tensor-parallel size 3"),
        (["--sips", "2", "--sp", "--seq", "7"], "sequence x batch 7 is not divisible by the tensor-parallel size 2"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_a_usage_error_with_the_value(run, arguments, said):
    status = run(*arguments, code=2)["status"]
    assert (status["exit"], said in status["message"]) == (2, True), status["message"]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_llama3_8b_decodes_a_position_on_four_sips_with_right_values(sim):
    result = sim(sips=4, workers=2).run("megatron_tp", model="llama3-8b", phase="decode")
    *_, whole = result.rows
    assert (result.wrong, whole.columns["messages"]) == (0, "2 in all")


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_gpt_13b_at_full_size_sends_megatrons_messages_and_skips_nothing(sim, tmp_path):
    """One layer forward, TP=8, 2048 positions: two all-reduces of 2 s b h bytes; the model's operations at the least."""
    result = sim(sips=8, workers=2, values=False, overrides=("quantum_bytes=4KiB",)).run(
        "megatron_tp", model="gpt-13b", seq=2048
    )
    *parts, whole = result.rows
    assert [part.columns["messages"] for part in parts] == ["all_reduce 20971520 B"] * 2
    # 24 s b h^2 of products and 2 s^2 h of causal attention, an eighth each; padding adds to what the arrays do.
    s, h = 2048, 5120
    assert whole.columns["gemm_flop"] * 8 >= 24 * s * h * h + 2 * s * s * h
    assert (whole.columns["gemm_flop"], whole.columns["load_bytes"]) == (166_765_527_040, 1_768_161_280)
