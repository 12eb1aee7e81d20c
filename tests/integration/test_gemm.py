"""The bench gemm: lists of shapes, tiles on any number of PEs, a K-loop as fast as its slower engine, wrong options."""

import json
from pathlib import Path

import pytest

from kernbench.cli import execute

TINY = ["sip.cube_mesh=1x1"]
ALONE = ["--sips", "1", "--set", "cube_mesh=1x1", "--no-record"]
LISTS = Path(__file__).parents[3] / "shared" / "data" / "gemm"


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def invoke(*arguments):
        code = execute(["run", "gemm", *ALONE, *arguments])
        return code, *capsys.readouterr()

    return invoke


def test_each_shape_of_a_list_is_a_row(run, tmp_path):
    (tmp_path / "list.csv").write_text("Layer, M, N, K,\nA,33,20,64,\n\nB,1,2,3\n")
    code, out, _ = run("--shapes", "list.csv", "--json")
    rows = json.loads(out)["rows"]
    assert code == 0
    assert [(row["layer"], row["M"], row["N"], row["K"], row["wrong"]) for row in rows] == [
        ("A", 33, 20, 64, 0), ("B", 1, 2, 3, 0),
    ]  # fmt: skip
    assert [row["flops"] for row in rows] == [2 * 33 * 20 * 64, 2 * 1 * 2 * 3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "Layer,M,N,K,\nA,33,20,0,\n",
            "list.csv:2: 33,20,0: expected M,N,K such as 128,128,128, whole numbers from 1 to 999999999",
        ),
        ("Layer,M,N,K,\nA,33,20\n", "list.csv:2: expected Layer,M,N,K, got A,33,20"),
        ("A,33,20,64,\n", "list.csv:1: expected the header Layer,M,N,K, got A,33,20,64,"),
        ("Layer,M,K,N,\nA,33,20,64,\n", "list.csv:1: expected the header Layer,M,N,K, got Layer,M,K,N,"),
        ("Layer,M,N,K,\n", "list.csv: there is no layer; expected the header Layer,M,N,K and a line for each"),
    ],
)
def test_a_bad_list_is_refused_at_its_line(run, tmp_path, text, message):
    (tmp_path / "list.csv").write_text(text)
    code, _, err = run("--shapes", "list.csv")
    assert (code, err) == (2, f"kernbench: error: --shapes {message}\n")


def test_a_product_that_fits_no_memory_is_refused_before_the_host_draws_it(run, tmp_path):
    (tmp_path / "list.csv").write_text("Layer,M,N,K,\nA,99999999,99999999,99999999,\n")
    code, _, err = run("--shapes", "list.csv")
    assert (code, "19999999600000002B do not fit: slice 0 holds" in err) == (2, True), err


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--shapes none.csv", "--shapes none.csv: No such file or directory; name a readable file"),
        ("--block-m 48", "gemm: block_m is a power of two, or 0 to have it chosen, got '48'"),
        ("--block-k 0", "gemm: block_k is a power of two, got '0'"),
        ("--m 0", "gemm: m is a whole number from 1, got '0'"),
        ("--dtype int8", "gemm: dtype is one of float16, bfloat16, float32, got 'int8'"),
        ("--pes -1", "gemm: pes is the number of PEs of a launch, or 0 for all, got '-1'"),
        ("--pes 5", "matmul: pes is 1 to 4, the PEs of the device, got 5"),
        ("--no-record --roofline", "--roofline writes what was recorded; leave out --no-record"),
    ],
)
def test_a_wrong_option_is_one_line_and_exit_2(run, option, message):
    code, _, err = run(*option.split())
    assert (code, err.splitlines()[-1]) == (2, f"kernbench: error: {message}")


@pytest.mark.skipif(not LISTS.is_dir(), reason="the lists of shapes of others lie beside the checkout")
@pytest.mark.slow
def test_the_layers_of_a_real_model_have_no_wrong_element(sim):
    result = sim(sips=1).run("gemm", shapes=str(LISTS / "vit_s.csv"))
    assert [row.columns["layer"] for row in result.rows] == ["L0", "L1", "L2", "L3", "L4"]
    assert [row.wrong for row in result.rows] == [0] * 5


STEPS, TILE = 16, 128
PORT = 256
"""GB/s, that is bytes a ns, between a PE and its router."""


@pytest.mark.parametrize(("clock_ghz", "slower"), [("1", "the array"), ("12", "neither"), ("40", "the loads")], ids=str)
def test_a_k_loop_costs_the_slower_engine_and_one_fill(sim, clock_ghz, slower):
    """One program, tiles of 128 x 128 x 128: a run of one step is the fill; the serial sum would fail when they balance."""

    def took(steps):
        result = sim(sips=1, overrides=[*TINY, f"pe_gemm.clock_ghz={clock_ghz}"]).run(
            "gemm", m=TILE, n=TILE, k=TILE * steps, block_m=TILE, block_n=TILE, block_k=TILE
        )
        (row,) = result.rows
        assert row.wrong == 0
        return row.time

    cycles = 16 * (32 + 32 + TILE - 2) - 1
    array = STEPS * cycles * 10**6 // int(clock_ghz)
    loads = STEPS * 2 * TILE * TILE * 2 * 10**6 // PORT
    fill, whole = took(1), took(STEPS)
    assert {array > 1.2 * loads: "the array", loads > 1.2 * array: "the loads"}.get(True, "neither") == slower
    assert max(array, loads) <= whole <= max(array, loads) * 115 // 100 + fill
    print(f"{slower} bounds: {whole / max(array, loads):.3f} x max, {fill / 10**6:.0f} ns fill")


def test_a_tile_that_is_not_given_is_the_largest_that_leaves_each_pe_a_program(sim):
    def tile(**arguments):
        return sim(sips=1, overrides=TINY).run("gemm", k=16, **arguments).rows[0].columns["tile"]

    assert tile(m=512, n=512) == "256x256x64"
    assert tile(m=512, n=511, pes=1) == "256x256x64"
    assert tile(m=300, n=64) == "64x64x64"
    assert tile(m=8, n=8) == "32x32x64"
    assert tile(m=64, n=64, block_n=16) == "32x16x64"


def test_more_pes_are_quicker_and_the_bytes_are_the_same(sim):
    runs = [
        sim(sips=1, overrides=TINY).run("gemm", m=128, n=128, k=64, block_m=64, block_n=64, pes=pes)
        for pes in (1, 2, 4, 0)
    ]
    times = [run.rows[0].time for run in runs]
    assert times[0] > times[1] > times[2] == times[3]
    assert len({run.digest_values for run in runs}) == 1
    assert [run.rows[0].columns["pes"] for run in runs] == [1, 2, 4, 4]
