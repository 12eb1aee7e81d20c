"""The compiled engine gives the bytes of the interpreted one: `make test-native`, in an environment of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INTERPRETED = ROOT / ".venv" / "bin" / "python"
RUNS = {
    "an all-reduce over two workers": ["allreduce", "--sips", "4", "--workers", "2", "--size", "64KiB"],
    "an all-to-all": ["all_to_all", "--sips", "3", "--workers", "1", "--size", "16KiB"],
    "kernels": ["layer_norm", "--sips", "1", "--rows", "32", "--columns", "512"],
    "a layer": [
        "megatron_tp",
        "--sips",
        "2",
        "--workers",
        "2",
        "--model",
        "llama3-8b",
        "--seq",
        "1",
        "--values",
        "off",
    ],
    "banked memory": ["softmax", "--sips", "1", "--set", "hbm_ctrl.mode=banked"],
}


def told(python, folder, *words):
    done = subprocess.run(
        [str(python), "-m", "kernbench", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_it_is_compiled_and_says_so(tmp_path):
    assert told(sys.executable, tmp_path, "--version").endswith(", compiled engine\n")
    assert "compiled" not in told(INTERPRETED, tmp_path, "--version")


@pytest.mark.parametrize("words", RUNS.values(), ids=RUNS)
def test_the_digest_is_that_of_the_interpreted_engine(words, tmp_path):
    compiled, interpreted = (
        json.loads(told(python, tmp_path, "run", *words, "--json")) for python in (sys.executable, INTERPRETED)
    )
    for part in ("digest", "digest_time", "sim_time_fs", "events", "rows", "links"):
        assert compiled[part] == interpreted[part], part


def test_the_model_passes_its_oracles(tmp_path):
    assert "fail" not in told(sys.executable, tmp_path, "validate", "link").lower()
