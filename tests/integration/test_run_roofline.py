"""`kernbench run --roofline`: counts, times and the division of engines' time, from a real run."""

import json
from importlib.resources import files

import jsonschema
import pytest

from kernbench.cli import execute

SCHEMA = json.loads((files("kernbench") / "data" / "run.schema.json").read_text())
ALONE = ["--sips", "1", "--set", "cube_mesh=1x1"]
BATCHED = """
import torch
import triton
import triton.language as tl

@triton.jit
def products(x_ptr, BLOCK: tl.constexpr):
    at = tl.arange(0, 2 * 16 * 16)
    x = tl.load(x_ptr + at).reshape(2, 16, 16)
    tl.store(x_ptr + at, tl.dot(x, x).reshape(512))

products[(1,)](torch.ones(512), BLOCK=1)
"""


HEARD = 1
"""A PE tells of its end 1 fs after it: the row's time ends there, the engines' before."""


def fs(row):
    """The exact time of a row."""
    return round(row["time_ns"] * 10**6)


@pytest.fixture
def document(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        assert execute(["run", *ALONE, *arguments, "--roofline", "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        jsonschema.validate(found, SCHEMA, jsonschema.Draft202012Validator)
        return found

    return run


def test_a_product_s_counts_are_those_of_its_loop(document):
    found = document("gemm", "--m", "64", "--n", "64", "--k", "128", "--pes", "1", "--block-m", "64", "--block-n", "64")
    (line,), (row,) = found["roofline"], found["rows"]
    tiles = 2 * 2 * 64 * 64 * 2
    assert (line["matrix_flops"], line["read_bytes"], line["written_bytes"]) == (2 * 64 * 64 * 128, tiles, 64 * 64 * 2)
    assert (line["time_fs"] + HEARD, line["pes"], line["complete"]) == (fs(row), row["pes"], True)
    assert (line["peak_tflops"], line["peak_gbs"]) == (2 * 32 * 32 * 10**9 / 10**12, 256)
    assert line["tflops"] * line["time_ns"] == pytest.approx((line["matrix_flops"] + line["vector_flops"]) / 1000)


def test_every_engine_s_time_is_that_of_its_pe_to_the_femtosecond(document):
    found = document("layer_norm", "--rows", "10", "--columns", "100", "--block", "64", "--groups", "3")
    assert [line["kernel"] for line in found["roofline"]] == ["forward", "backward_rows", "backward_sums"]
    for line, row in zip(found["roofline"], found["rows"], strict=True):
        *kinds, everything = line["engines"]
        per_pe = {"dma_read": 2, "dma_write": 2}
        times = {sum(each["parts_fs"].values()) // per_pe.get(each["engines"], 1) for each in kinds}
        assert len(times) == 1
        assert sum(everything["parts_fs"].values()) == sum(sum(each["parts_fs"].values()) for each in kinds)
        assert times.pop() <= line["pes"] * line["time_fs"]
        assert line["time_fs"] + HEARD == fs(row)


def test_a_batch_of_products_counts_each(document, tmp_path):
    (tmp_path / "batched.py").write_text(BATCHED)
    (line,) = document("batched.py")["roofline"]
    assert line["matrix_flops"] == 2 * 2 * 16 * 16 * 16


@pytest.mark.parametrize(
    "line",
    [
        "vector_add --n 4096",
        "softmax --rows 16",
        "layer_norm --rows 8 --columns 128 --block 64",
        "flash_attention --length 70 --dim 16",
        "qkv_gemm --tokens 33 --hidden 64",
    ],
)
def test_no_kernel_beats_its_roof_or_does_less_than_its_row_says_is_the_least(document, line):
    found = document(*line.split())
    rows, lines = found["rows"], found["roofline"]
    assert all(each["roof_share"] <= 1 for each in (*rows, *lines))
    done = [
        sum(line[field] for line in lines) for field in ("matrix_flops", "vector_flops", "read_bytes", "written_bytes")
    ]
    assert sum(row["flops"] for row in rows) <= sum(done[:2])
    assert sum(row["moved_bytes"] for row in rows) <= sum(done[2:])


def test_a_kernel_on_two_sips_is_a_line_of_two_launches(document):
    arguments = ["vector_add", "--n", "4096", "--workers", "1"]
    (alone,) = document(*arguments)["roofline"]
    (both,) = document(*arguments, "--sips", "2")["roofline"]
    assert [both[field] for field in ("launches", "time_fs", "read_bytes")] == [
        2,
        2 * alone["time_fs"],
        2 * alone["read_bytes"],
    ]
    assert [both[field] for field in ("pes", "tflops", "roof_share")] == [
        alone[field] for field in ("pes", "tflops", "roof_share")
    ]


def test_a_reader_gets_two_tables_and_a_sentence_a_kernel(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute(["run", "vector_add", *ALONE, "--n", "4096", "--roofline"]) == 0
    out = capsys.readouterr().out
    assert "\nroofline  PEs  launches" in out
    assert "\ntime of engines" in out
    assert "\nadd on 4 PEs: moving the bytes alone would take " in out


def test_a_report_shows_what_the_run_said(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute(["run", "vector_add", *ALONE, "--n", "4096", "--roofline", "--out", "run"]) == 0
    said = capsys.readouterr().out.split("\nroofline  PEs")[1].split("\n\nhottest")[0]
    assert execute(["report", "run"]) == 0
    assert said in capsys.readouterr().out
    document = json.loads((tmp_path / "run" / "run.json").read_text())
    document["roofline"][0]["engines"][0]["parts_fs"] = {"busy": "all"}
    (tmp_path / "run" / "run.json").write_text(json.dumps(document))
    assert execute(["report", "run"]) != 70
    assert "parts_fs" in capsys.readouterr().err


def test_a_run_without_the_option_says_nothing_of_it(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute(["run", "vector_add", *ALONE, "--n", "64", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["roofline"] is None
