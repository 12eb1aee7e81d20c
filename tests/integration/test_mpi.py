"""Runs over MPI: the same digest as one process, and an end on every rank whatever happens to one of them."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("mpi4py")
BIN = Path(sys.executable).parent
ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
RUN = [sys.executable, "-m", "mpi4py", "-m", "kernbench", "run"]
SMALL = ["allreduce", "--sips", "4", "--size", "4KiB", "--json"]


def kernbench(*arguments, cwd):
    command = [sys.executable, "-m", "kernbench", "run", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=50, check=False)


def mpi(ranks, *arguments, cwd):
    """The finished process of a run on so many ranks of this machine."""
    command = [str(BIN / "mpiexec"), "--oversubscribe", "-n", str(ranks), *RUN, *arguments, "--transport", "mpi"]
    environment = {**os.environ, **ROOT, "TMPDIR": str(cwd)}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=50, check=False)


@pytest.mark.parametrize("ranks", [2, pytest.param(1, marks=pytest.mark.slow), pytest.param(4, marks=pytest.mark.slow)])
def test_the_digest_is_that_of_one_process(tmp_path, ranks):
    alone = json.loads(kernbench(*SMALL, "--workers", "1", cwd=tmp_path).stdout)
    done = mpi(ranks, *SMALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    spread = json.loads(done.stdout)
    assert (spread["transport"], spread["workers"]["used"], spread["wrong"]) == ("mpi", ranks, 0)
    assert (spread["digest"], spread["sim_time_fs"]) == (alone["digest"], alone["sim_time_fs"])
    assert ("more ranks than cores" in spread["workers"]["reason"]) == (ranks > os.cpu_count())


@pytest.mark.slow
def test_a_large_payload_goes_in_two_messages_and_arrives(tmp_path):
    size = ["allreduce", "--sips", "2", "--size", "1MiB", "--set", "fabric.latency_ns=20000",
            "--set", "fabric.credit_ns=20000", "--set", "fabric.buffer_bytes=4MiB", "--json"]  # fmt: skip
    alone = json.loads(kernbench(*size, "--workers", "1", cwd=tmp_path).stdout)
    assert json.loads(mpi(2, *size, cwd=tmp_path).stdout)["digest"] == alone["digest"]


def test_a_wrong_option_is_told_once_and_ends_every_rank(tmp_path):
    done = mpi(2, *SMALL, "--nope", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("unknown option --nope")) == (2, 1)


NOTE = (
    "import time\nfrom pathlib import Path\n\n\ndef note():\n    Path('when').write_text(str(time.monotonic()))\n\n\n"
)
WITHIN_S = 5
"""From the fault to the end of the whole job."""


def since_the_fault(folder):
    return time.monotonic() - float((folder / "when").read_text())


def test_a_rank_program_that_raises_ends_the_job_with_its_message(tmp_path):
    (tmp_path / "bad.py").write_text(
        f"{NOTE}def bench(torch):\n    if torch.distributed.init_process_group() or torch.distributed.get_rank() == 1:\n"
        "        note()\n        raise RuntimeError('out of luck')\n    torch.distributed.barrier()\n"
    )
    done = mpi(2, "bad.py", "--sips", "2", cwd=tmp_path)
    took = since_the_fault(tmp_path)
    assert (done.returncode, done.stderr.count("RuntimeError: out of luck")) == (3, 1), done.stderr
    assert took < WITHIN_S


def test_a_rank_that_dies_ends_the_job_on_every_rank(tmp_path):
    (tmp_path / "dies.py").write_text(
        f"import os, signal\n{NOTE}def bench(torch):\n    dist = torch.distributed\n    dist.init_process_group()\n"
        "    if dist.get_rank() == 1:\n        note()\n        os.kill(os.getpid(), signal.SIGKILL)\n    dist.barrier()\n"
    )
    done = mpi(2, "dies.py", "--sips", "2", cwd=tmp_path)
    took = since_the_fault(tmp_path)
    assert (done.returncode != 0, "signal 9" in done.stderr) == (True, True), done.stderr
    assert took < WITHIN_S
