"""`kernbench validate`: its documents, its exit code, and its rows against the docs."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from kernbench.cli import execute
from kernbench.cli.validate import command
from kernbench.oracles import table
from kernbench.oracles.array import cycles, read_shapes
from kernbench.oracles.store_and_forward import FlooredLink, all_to_all
from kernbench.oracles.table import Effort, ask, figures, oracles
from kernbench.sim_engine.link import Link

ROOT = Path(__file__).resolve().parents[2]
SHAPES = ROOT.parent / "shared" / "data" / "gemm"
EXACT = [oracle.name for oracle in oracles() if oracle.tolerance == 0]


def document(*arguments):
    return json.loads(CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False).stdout)


@pytest.mark.parametrize("name", EXACT)
def test_an_exact_oracle_is_met_exactly(name):
    row = ask(next(oracle for oracle in oracles() if oracle.name == name), Effort(rounds=16))
    assert (row.got, row.error, row.verdict) == (row.expected, 0, "pass")


def test_a_statistical_oracle_of_each_kind_passes_with_few_packets():
    effort = Effort(mesh=1000, queue=1000, recursion=4_000_000)
    names = ("mesh 4x4 uniform rate 0.1", "M/D/1 wait at load 0.8", "Geo/D/1 wait at load 0.5")
    rows = [ask(oracle, effort) for oracle in oracles() if oracle.name in names]
    assert [row.verdict for row in rows] == ["pass"] * 3


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_whole_table_passes():
    given = document()
    assert (given["status"]["exit"], given["failed"], len(given["oracles"])) == (0, 0, len(oracles()))


def test_only_rows_above_85_percent_of_saturation_are_not_judged():
    assert [oracle.name for oracle in oracles() if oracle.tolerance is None] == ["mesh 4x4 uniform rate 0.6"]


def test_names_are_unique_and_every_family_of_figures_says_where_it_is_from():
    names = [oracle.name for oracle in oracles()]
    assert len(names) == len(set(names))
    assert [
        name for name, family in figures().items() if not {"source", "configuration", "licence"} <= family.keys()
    ] == []


def test_the_docs_show_the_table_of_the_command():
    text = (ROOT / "docs" / "validation.md").read_text("utf-8")
    shown = [line[:48].rstrip() for line in text.splitlines() if "  pass  " in line or "  reported  " in line]
    assert shown == [oracle.name for oracle in oracles()]


def test_a_ring_of_16_is_astra_sims_to_the_nanosecond_with_and_without_cut_serialisation():
    given = (16, 2**20, 50 * 2**30, 500 * 10**6)
    assert (all_to_all(*given, FlooredLink), all_to_all(*given, Link)) == (704_116 * 10**6, 704_125 * 10**6)


def test_a_row_that_fails_is_exit_1_in_text_and_in_the_document(monkeypatch, capsys):
    wrong = [
        msgspec.structs.replace(oracle, expected=oracle.expected * 2) for oracle in oracles() if "1 hop" in oracle.name
    ]
    monkeypatch.setattr(table, "oracles", lambda: wrong)
    assert execute(["validate"]) == 1
    text = capsys.readouterr()
    assert "  FAIL  " in text.out
    assert text.err == ("kernbench: error: 1 of 1 oracles failed: ASTRA-sim store-and-forward, 1 hop\n")
    assert execute(["validate", "--json"]) == 1
    given = json.loads(capsys.readouterr().out)
    assert (given["status"]["exit"], given["failed"], given["oracles"][0]["verdict"]) == (1, 1, "FAIL")


def test_a_mesh_document_has_the_promised_fields():
    given = document("mesh", "--packets", "300", "--mesh", "6x1", "--flits", "1:0.5,16:0.5")
    assert given["schema"] == "kernbench/validate-mesh/1"
    assert {
        "mean_latency_cycles", "p50", "p99", "accepted_rate", "per_source_accepted", "packets", "ci95",
    } <= given.keys()  # fmt: skip
    assert (given["packets"], len(given["per_source_accepted"])) == (300, 6)


def test_a_sample_too_small_for_an_interval_has_none():
    assert document("mesh", "--packets", "10")["ci95"] is None


def test_a_link_document_has_the_closed_form_beside_the_measurement():
    given = document("link", "--arrivals", "poisson", "--load", "0.8", "--packets", "500")
    assert (given["expected_wait_cycles"], given["packets"], given["load"]) == (16.0, 500, 0.8)


def test_gemm_counts_cycles_of_one_product():
    given = document("gemm", "--array", "32x32", "--flow", "os", "--mnk", "128,128,128")
    assert given["cycles"] == 16 * (32 + 32 + 128 - 2) - 1


def test_gemm_counts_cycles_of_a_list(tmp_path):
    (tmp_path / "list.csv").write_text("Layer,M,N,K,\nA,32,32,8,\nB,33,32,8,\n")
    given = document("gemm", "--shapes", str(tmp_path / "list.csv"))
    assert [layer["cycles"] for layer in given["layers"]] == [69, 139]


def test_lists_of_others_count_by_the_formula():
    if not SHAPES.is_dir():
        pytest.skip("shared/data/gemm is not beside the repository")
    shapes = [shape for file in sorted(SHAPES.glob("*.csv")) for _, shape in read_shapes(file)]
    expected = [-(-m // 32) * -(-n // 32) * (32 + 32 + k - 2) - 1 for m, n, k in shapes]
    assert [cycles("32x32", "os", shape) for shape in shapes] == expected
    weights = [-(-k // 32) * -(-n // 32) * (2 * 32 + 32 + m - 2) - 1 for m, n, k in shapes]
    assert [cycles("32x32", "ws", shape) for shape in shapes] == weights


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--only", "nothing"], "--only nothing: no oracle's name contains it"),
        (["gemm"], "give one of --mnk"),
        (["gemm", "--mnk", "1,2"], "--mnk 1,2: expected M,N,K"),
        (["gemm", "--array", "0x4", "--mnk", "1,2,3"], "--array 0x4: expected rows x columns"),
        (["gemm", "--shapes", "absent.csv"], "--shapes absent.csv: expected"),
        (["link", "--load", "1"], "--load 1.0: expected above 0 and below 1"),
        (["link", "--load", "much"], "--load much: expected a number"),
        (["link", "--arrivals", "bernoulli", "--sources", "2"], "--sources 2: Geo/D/1"),
        (["mesh", "--packets", "0"], "--packets 0"),
    ],
)
def test_what_cannot_be_asked_is_exit_2_with_the_remedy(arguments, words, capsys):
    assert execute(["validate", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"kernbench: error: {words}")
