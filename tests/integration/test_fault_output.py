"""Output that cannot be written ends with its own code, in silence if there is nowhere left to say it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kernbench.cli import execute


@pytest.mark.parametrize(
    ("arguments", "code"), [(["list"], 5), (["list", "--json"], 5), (["run", "nothing-like-it", "--json"], 5)]
)
def test_a_command_that_can_write_neither_result_nor_error_exits_with_5(arguments, code):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run([sys.executable, "-m", "kernbench", *arguments], stdout=full, stderr=full, check=False)
    assert done.returncode == code


def test_a_run_that_cannot_write_its_layout_leaves_no_half_of_it(tmp_path):
    program = (
        "import resource, sys; from kernbench.cli import execute;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY));"
        "sys.exit(execute(['run', '--sips', '2', '--set', 'cube_mesh=1x1', '--size', '1KiB', '--out', 'out']))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    lines = [line for line in done.stderr.splitlines() if line.startswith("kernbench: error: ")]
    assert (done.returncode, len(lines), [path.name for path in (tmp_path / "out").iterdir()]) == (5, 1, ["lock"])


@pytest.mark.parametrize(
    ("name", "said"),
    [("absent/x.pftrace", "there is no folder absent"), (".", "it is a folder"), ("pipe", "it is no ordinary file")],
)
def test_a_trace_that_could_not_be_written_is_refused_before_the_run(tmp_path, monkeypatch, capsys, name, said):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert execute(["run", "--sips", "2", "--perfetto", name]) == 5
    assert said in capsys.readouterr().err
    assert not (tmp_path / ".kernbench").exists()


def test_streams_that_were_closed_at_the_start_harm_neither_workers_nor_the_report(tmp_path):
    kernbench = f"{sys.executable} -m kernbench"
    line = f"{kernbench} run --sips 2 --workers 2 --set cube_mesh=1x1 --size 1KiB --out out"
    for command in (f"{line} 2>&-", f"{kernbench} report out >&-", f"{kernbench} report out <&- >&- 2>&-"):
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
