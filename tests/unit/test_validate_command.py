"""`kernbench validate`: its documents, its exit code, and its rows against the docs."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from kernbench.cli import execute
from kernbench.cli.validate import command
from kernbench.common.units import gbs
from kernbench.components.hbm_ctrl import HbmCtrlConfig
from kernbench.oracles import table
from kernbench.oracles.array import cycles
from kernbench.oracles.hbm import measure_hbm, parse_pattern
from kernbench.oracles.store_and_forward import FlooredLink, all_to_all
from kernbench.oracles.table import Effort, ask, figures, oracles
from kernbench.runtime_api.shapes import read_shapes
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


@pytest.mark.parametrize("pattern", ["sequential", "mixed:0.67", "mixed:0.5"])
def test_the_banked_memory_is_near_ramulators_share_of_peak_over_one_refresh(pattern):
    row = ask(next(oracle for oracle in oracles() if oracle.name == f"HBM3 banks, {pattern}"), Effort(refreshes=1))
    assert (row.verdict, row.tolerance) == ("pass", 0.1)


def test_random_bursts_get_what_four_activations_in_tfaw_leave():
    """On one pseudo-channel: 4 bursts of 1.25 ns in 15 ns, but while it refreshes."""
    config = HbmCtrlConfig(mode="banked", pseudo_channels=1)
    share = measure_hbm(parse_pattern("random"), gbs("25.6"), 4, 1, config).share_of_peak
    assert share == pytest.approx(4 * 1.25 / 15 * (1 - 350 / 3900), rel=0.02)


def test_a_memory_document_has_the_share_of_the_peak():
    given = document("hbm", "--pattern", "copy:0.5", "--refreshes", "1")
    assert (given["schema"], given["pattern"], given["slice_gbs"]) == ("kernbench/validate-hbm/1", "copy:0.5", 204.8)
    assert given["gbs"] == pytest.approx(given["share_of_peak"] * 204.8)
    assert given["read_gbs"] + given["write_gbs"] == pytest.approx(given["gbs"])


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
        (["gemm", "--shapes", "absent.csv"], "--shapes absent.csv: No such file or directory; name a readable file"),
        (["link", "--load", "1"], "--load 1.0: expected above 0 and below 1"),
        (["link", "--load", "much"], "--load much: expected a number"),
        (["link", "--arrivals", "bernoulli", "--sources", "2"], "--sources 2: Geo/D/1"),
        (["gemm", "--shapes", "{empty}"], "--shapes {empty}: there is no layer"),
        (["gemm", "--shapes", "{short}"], "--shapes {short}:2: expected Layer,M,N,K, got A,1,2"),
        (["link", "--packets", "1"], "--packets 1: expected at least 2"),
        (["mesh", "--packets", "0"], "--packets 0: expected at least 2"),
        (["mesh", "--warmup", "-1"], "--warmup -1: expected at least 0"),
        (["mesh", "--mesh", "0x4"], "--mesh 0x4: expected columns x rows"),
        (["mesh", "--flits", "0"], "--flits 0: expected sizes of at least 1 flit"),
        (["mesh", "--rate", "0"], "--rate 0.0: expected flits per node and cycle above 0"),
        (["mesh", "--rate", "nan"], "--rate nan: expected flits per node and cycle above 0"),
        (["mesh", "--traffic", "matrix:absent"], "--traffic matrix:absent: No such file"),
        (["mesh", "--traffic", "matrix:{binary}"], "--traffic matrix:{binary}: the file cannot be read: it is no text"),
        (["mesh", "--traffic", "matrix:{short}"], "--traffic matrix:{short}: expected a number, got 'Layer'"),
        (["mesh", "--traffic", "hotspot:99=3"], "--traffic hotspot:99=3: expected a node of 0..15"),
        (["hbm", "--pattern", "mixed:2"], "--pattern mixed:2: expected sequential, random, mixed:SHARE or copy:SHARE"),
        (["hbm", "--pattern", "walk:0.5"], "--pattern walk:0.5: expected"),
        (["hbm", "--slice-gbs", "fast"], "--slice-gbs fast: expected"),
        (["hbm", "--slice-gbs", "0"], "--slice-gbs 0: expected above 0"),
        (
            ["hbm", "--slice-gbs", "1e99999999"],
            "--slice-gbs 1e99999999: expected a number whose exponent has at most 3 digits",
        ),
        (
            ["mesh", "--traffic", "hotspot:1=1e999"],
            "--traffic hotspot:1=1e999: expected a weight from 0 to 1000000000, got '1e999'; expected node=weight",
        ),
        (["mesh", "--traffic", "matrix:/dev/zero"], "--traffic matrix:/dev/zero: it is no regular file"),
    ],
)
def test_what_cannot_be_asked_is_exit_2_with_the_remedy(arguments, words, tmp_path, capsys):
    paths = {name: tmp_path / name for name in ("empty", "short", "binary")}
    for name, content in (("empty", b""), ("short", b"Layer,M,N,K\nA,1,2\n"), ("binary", bytes(range(256)))):
        paths[name].write_bytes(content)
    assert execute(["validate", *(argument.format(**paths) for argument in arguments)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"kernbench: error: {words.format(**paths)}")
    assert printed.count("\n") == 1


def test_a_packet_that_comes_very_late_is_waited_for_at_once():
    """Nothing happens for most of the time, and nothing is computed for it."""
    assert document("link", "--load", "1e-12", "--packets", "2", "--warmup", "0")["mean_wait_cycles"] == 0.0
