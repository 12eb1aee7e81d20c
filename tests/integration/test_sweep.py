"""A sweep as a user runs it: a table, a front, and going on after a kill."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SWEEP = [
    sys.executable,
    "-m",
    "kernbench",
    "sweep",
    "allreduce",
    "--sips",
    "2",
    "--set",
    "sip.cube_mesh=1x1",
    "-b",
    "1K",
    "-e",
    "1K",
]
GRID = ["--set", "fabric.bw_gbs=25,50", "--json"]


def sweep(*arguments, cwd):
    return subprocess.run([*SWEEP, *arguments], cwd=cwd, capture_output=True, text=True, timeout=50, check=False)


def test_a_sweep_runs_every_point_and_a_second_one_runs_none(tmp_path):
    first = sweep(*GRID, "--jobs", "2", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    document = json.loads(first.stdout)
    times = [point["figures"]["sim_time_ns"] for point in document["points"]]
    assert (times[0] > times[1], document["pareto"]["front"]) == (True, [0, 1])
    again = sweep(*GRID, cwd=tmp_path)
    assert (json.loads(again.stdout), again.stderr) == (document, "")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_was_ended_leaves_no_process_and_goes_on(tmp_path, how):
    arguments = ["--set", "fabric.latency_ns=400,500", "--out", "s", "-e", "64K", "-f", "2", "--json"]
    process = subprocess.Popen([*SWEEP, *arguments], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while process.poll() is None and not (found := children.read_text().split()):
        pass
    process.send_signal(how)
    process.communicate(timeout=20)
    assert process.returncode == (-9 if how == signal.SIGKILL else 130)
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}/fd/1").exists() for pid in found):
        assert time.monotonic() < deadline, f"{found} outlive the sweep"
    again = sweep(*arguments, cwd=tmp_path)
    assert (again.returncode, len(json.loads(again.stdout)["points"])) == (0, 2), again.stderr
    short = sweep("--set", "fabric.latency_ns=400,500", "--out", "s", cwd=tmp_path)
    assert (short.returncode, "holds another sweep" in short.stderr) == (5, True)


def test_each_point_has_a_trace_of_its_own(tmp_path):
    done = sweep(*GRID, "--perfetto", "all.pftrace", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    traces = [tmp_path / "all-0000.pftrace", tmp_path / "all-0001.pftrace"]
    assert (sorted(tmp_path.glob("*.pftrace")), min(each.stat().st_size for each in traces) > 1000) == (traces, True)
    lost = sweep(*GRID, "--perfetto", "absent/all.pftrace", cwd=tmp_path)
    assert (lost.returncode, lost.stderr) == (
        5, "kernbench: error: --perfetto absent/all.pftrace: there is no folder absent; make it first\n",
    )  # fmt: skip


def test_a_value_that_one_point_cannot_have_fails_that_point_alone(tmp_path):
    done = sweep(
        "--set", "sip.cube.hbm_ctrl.capacity_bytes=1KiB,1GiB", "--json", "-b", "64K", "-e", "64K", cwd=tmp_path
    )
    document = json.loads(done.stdout)
    kinds = [point["status"]["kind"] for point in document["points"]]
    assert (done.returncode, kinds, document["status"]["message"]) == (1, ["usage", "ok"], "1 of 2 points failed: 0")
    assert "sip.cube.hbm_ctrl.capacity_bytes=1KiB: usage: tensor1: 64KiB do not fit" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "fabric.bw_gbs=50"], "a key with several values"),
        (["--set", "fabric.bw_gbx=50,100"], "did you mean fabric.bw_gbs?"),
        (["--set", "fabric.bw_gbs=50,100", "--jobs", "0"], "--jobs 0: expected at least 1"),
        (["--set", "fabric.bw_gbs=50,100", "--pareto", "x"], "--pareto x: expected two figures"),
        (["--set", "fabric.bw_gbs=50,100", "--nope", "1"], "error: unknown option --nope"),
        (
            ["--set", "fabric.bw_gbs=50,100", "--iters", "x"],
            "error: allreduce: iters is of type int, got 'x'",
        ),
        (
            ["--set", "fabric.bw_gbs=50,100", "--pareto", "fabric.bw_gbs,cost"],
            "no run of allreduce has the figure 'cost'",
        ),
        (["--set", "fabric.bw_gbs=50,100", "--tui"], "a sweep has no screen of its own: leave out --tui"),
    ],
)
def test_a_wrong_sweep_is_one_line(tmp_path, arguments, message):
    done = sweep(*arguments, cwd=tmp_path)
    assert (done.returncode, message in done.stderr, len(done.stderr.splitlines())) == (2, True, 1), done.stderr
