"""What a rank's program may be and do: tensors there and back, time without values, files, functions, refusals."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kernbench.common.errors import UsageError

SMALL = ("sip.cube_mesh=1x1",)

SCRIPT = f"""
from actors.simulation import Simulation
result = Simulation(sips=2, workers=2, overrides={SMALL!r}).run("allreduce", sizes="4KiB")
print(result.digest, result.sim_time, result.wrong)
"""

FILE = '''
"""A bench of the user's own."""

from __future__ import annotations


def bench(torch, *, size: Bytes = "4KiB", times: int = 1):
    """Reduce a few times."""
    torch.distributed.init_process_group()
    for _ in range(times):
        x = torch.ones(size // 4)
        yield torch.distributed.row(torch.distributed.all_reduce(x), x, "sum")


def verify(torch, row):
    return int((row.results[0].peek() != torch.distributed.get_world_size()).sum())
'''


def round_trip(torch, *, dtypes: str = "float32 float16 bfloat16 int64 int32 int16 int8"):
    """Write, read back and compare tensors of odd shapes, spread over slices and on one."""
    differ = 0
    for name in dtypes.split():
        kind = torch.dtype_named(name).numpy
        for shape in ((), (1,), (5000,), (3, 5, 7)):
            values = np.arange(np.prod(shape, dtype=int)).reshape(shape).astype(kind)
            for placement in (torch.Interleaved(), torch.Local()):
                back = torch.from_numpy(values, placement=placement).numpy()
                differ += int(back.dtype != values.dtype) + int(back.tobytes() != values.tobytes())
    return torch.Row({"differ": differ}, 0, 0)


def two_sizes(torch):
    return [torch.Row({"rank": torch.distributed.get_rank()}, 0, size) for size in (1, 2)]


def nothing(torch):
    """A program without rows."""


def text(torch):
    return "done"


@pytest.mark.parametrize("sips", [1, 2])
def test_a_tensor_comes_back_from_the_device_as_it_was_written(sim, sips):
    result = sim(sips=sips, overrides=SMALL).run(round_trip)
    assert [report.rows[0]["differ"] for report in result.reports] == [0] * sips


@pytest.mark.parametrize("channels", [1, 4])
def test_time_without_values_is_the_same_to_the_femtosecond(sim, channels):
    arguments = {"sizes": "64KiB", "channels": channels, "dtype": "float16"}
    full = sim(sips=3, overrides=SMALL).run("allreduce", **arguments)
    time_only = sim(sips=3, overrides=SMALL, values=False).run("allreduce", **arguments)
    assert (time_only.sim_time, time_only.digest_time, time_only.wrong) == (full.sim_time, full.digest_time, None)


def test_a_file_of_the_user_s_own_is_a_bench(sim, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    result = sim(sips=2, workers=2, overrides=SMALL).run(path, size="1KiB", times=3)
    assert (result.bench, [row.columns["size_bytes"] for row in result.rows], result.wrong) == ("mine", [1024] * 3, 0)


def test_a_function_s_rows_keep_their_order_and_one_without_rows_is_fine(sim):
    made = sim(sips=2, overrides=SMALL)
    assert ([row.time for row in made.run(two_sizes).rows], made.run(nothing).rows) == ([1, 2], ())


def test_a_simulation_may_be_run_again_and_gives_the_same(sim):
    made = sim(sips=2, overrides=SMALL)
    assert made.run("allreduce", sizes="4KiB").digest == made.run("allreduce", sizes="4KiB").digest


def test_a_bench_that_returns_no_rows_is_told_so(sim):
    with pytest.raises(Exception, match="a bench returns or yields rows"):
        sim(sips=1, overrides=SMALL).run(text)


@pytest.mark.parametrize("kind", ["closure", "lambda", "builtin"])
def test_what_cannot_travel_is_refused_with_the_reason(sim, kind):
    def closure(torch):
        return None

    bench = {"closure": closure, "lambda": lambda torch: None, "builtin": len}[kind]
    with pytest.raises(UsageError, match="a bench is a function at the top level of a file"):
        sim(sips=1, overrides=SMALL).run(bench)


@pytest.mark.parametrize(
    ("bench", "arguments", "message"),
    [
        ("alreduce", {}, "unknown bench 'alreduce'; did you mean 'allreduce'"),
        ("missing.py", {}, "missing.py: no such bench file"),
        ("allreduce", {"chanels": 2}, "allreduce: unknown argument 'chanels'; did you mean channels"),
        ("allreduce", {"channels": "two"}, "allreduce: channels is of type int, got 'two'"),
        ("allreduce", {"sizes": "4XB"}, "4XB"),
    ],
)
def test_a_wrong_bench_or_argument_is_refused_with_the_nearest(sim, bench, arguments, message):
    with pytest.raises(UsageError, match=message):
        sim(sips=1, overrides=SMALL).run(bench, **arguments)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sips": 0}, "--sips 0: expected 1 to 64"),
        ({"sips": 1000}, "--sips 1000: expected 1 to 64"),
        ({"workers": 0}, "--workers 0: expected a number from 1"),
        ({"device": 4, "sips": 4}, "--device sip:4: the topology has 4 SIPs"),
    ],
)
def test_a_wrong_machine_is_refused_before_anything_runs(sim, options, message):
    with pytest.raises(UsageError, match=message):
        sim(overrides=SMALL, **options)


def test_more_workers_than_sips_are_one_per_sip_and_it_says_so(sim):
    result = sim(sips=2, workers=8, overrides=SMALL).run("allreduce", sizes="4KiB")
    assert (len(result.stats.workers), result.workers_reason) == (2, "8 asked for: one per SIP is the most")


def test_one_device_of_several_runs_one_rank_and_leaves_the_others_idle(sim):
    result = sim(sips=4, device=2, overrides=SMALL).run(two_sizes)
    assert [[row["rank"] for row in report.rows] for report in result.reports] == [[], [], [0, 0], []]


def test_hash_seeds_do_not_change_a_run():
    """Two interpreters whose sets and dictionaries of strings hash differently, each with two workers."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
        )
        for seed in ("1", "2")
    ]
    first, second = (process.communicate(timeout=50)[0].split() for process in processes)
    assert (first, first[2]) == (second, "0")
