"""The benches of kernels, all of them: right values, digests that know no workers, times that know no values."""

from pathlib import Path

import pytest

from kernbench.common.errors import KernelError
from kernbench.runtime_api.bench import find_bench

TINY = ["sip.cube_mesh=1x1"]
SMALL = {
    "vector_add": {"n": 3000, "block": 256},
    "softmax": {"rows": 9, "columns": 100},
    "gemm": {"m": 65, "n": 40, "k": 70, "block_m": 32, "block_n": 32, "block_k": 32},
    "qkv_gemm": {"tokens": 33, "hidden": 64, "block": 32, "block_k": 32},
    "qkv_gemm_multi_pe": {"tokens": 33, "hidden": 64, "block": 32, "block_k": 32},
    "layer_norm": {"rows": 10, "columns": 100, "block": 64, "groups": 3},
    "flash_attention": {"heads": 2, "length": 70, "dim": 16, "block_m": 32, "block_n": 16},
}
"""Sizes at which a run takes a moment and every edge has a rest."""
TIME_ONLY = {**SMALL, "layer_norm": {**SMALL["layer_norm"], "backward": False}}
"""The backward pass of layer_norm branches on a lock, so it needs values."""


def run(sim, name, arguments, **options):
    return sim(overrides=TINY, **options).run(name, **arguments)


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("sips", [1, 2])
def test_a_bench_has_no_wrong_element(sim, name, sips):
    result = run(sim, name, SMALL[name], sips=sips)
    assert [row.wrong for row in result.rows] == [0] * len(result.rows)
    assert result.rows
    assert all(row.time > 0 for row in result.rows)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
@pytest.mark.parametrize("name", SMALL)
@pytest.mark.slow
def test_a_bench_has_no_wrong_element_of_any_type(sim, name, dtype):
    assert run(sim, name, {**SMALL[name], "dtype": dtype}, sips=1).wrong == 0


FAULTS = {
    "vector_add": ("x + y, mask", "x - y, mask"),
    "softmax": ("numerator / tl.sum(numerator", "numerator / tl.max(numerator"),
    "gemm": ("tl.dot(a, b, acc)", "tl.dot(a, b)"),
    "qkv_gemm": ("w_ptrs + 2 * part", "w_ptrs + part"),
    "layer_norm": ("dw += tl.load(dw_ptrs, mask=mask)", "pass"),
    "flash_attention": ("weight * keep + ", "weight + "),
}
"""A line of each kernel, and what a slip would make of it."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_slip_in_a_kernel_is_found_by_its_verify(sim, name, tmp_path):
    right, slip = FAULTS[name]
    source = Path(find_bench(name).file).read_text()
    assert right in source
    (tmp_path / f"{name}.py").write_text(source.replace(right, slip))
    assert run(sim, tmp_path / f"{name}.py", SMALL[name], sips=1).wrong > 0


def test_programs_behind_locks_have_one_digest_for_one_worker_and_two(sim):
    runs = [run(sim, "layer_norm", SMALL["layer_norm"], sips=2, workers=workers) for workers in (1, 2)]
    assert runs[0].digest == runs[1].digest
    assert runs[0].rows == runs[1].rows


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_bench_has_one_digest_for_any_number_of_workers(sim, name):
    runs = [run(sim, name, SMALL[name], sips=4, workers=workers) for workers in (1, 2, 4)]
    assert len({run.digest for run in runs}) == 1
    assert runs[0].rows == runs[1].rows == runs[2].rows


@pytest.mark.parametrize("name", TIME_ONLY)
def test_a_bench_takes_the_same_time_without_values(sim, name):
    on, off = (run(sim, name, TIME_ONLY[name], sips=1, values=values) for values in (True, False))
    assert (off.sim_time, off.digest_time) == (on.sim_time, on.digest_time)
    assert [row.time for row in off.rows] == [row.time for row in on.rows]
    assert off.wrong is None


def test_a_lock_needs_values_and_says_so_at_its_line(sim):
    with pytest.raises(KernelError, match="the kernel needs this value to go on") as caught:
        run(sim, "layer_norm", SMALL["layer_norm"], sips=1, values=False)
    file, _, line = caught.value.where.rpartition(":")
    assert "atomic_cas" in Path(file).read_text().splitlines()[int(line) - 1]
