"""What a bench prints stays out of the result on stdout."""

import json
import subprocess
import sys

import pytest

BENCH = """
def bench(torch):
    print("hello from rank", torch.distributed.get_rank())
    return torch.Row({}, 0, 1)
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_json_is_one_document_even_if_the_bench_prints(tmp_path, workers):
    (tmp_path / "talks.py").write_text(BENCH)
    command = ["-m", "kernbench", "run", "talks.py", "--sips", "2", "--workers", workers, "--json"]
    done = subprocess.run([sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["status"]["exit"] == 0
    assert done.stderr.count("hello from rank") == 2  # whole lines are not promised: ranks print at once
