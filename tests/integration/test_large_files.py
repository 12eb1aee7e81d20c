"""Files larger than any of their kind: refused by their size, before a byte of them is in memory."""

import resource

import pytest

from kernbench.cli import execute

SIZE = 3 << 30
"""Of a sparse file: nothing on the disk, and more than a test may take."""
LINES = {
    "list.csv": ["validate", "gemm", "--shapes", "{}"],
    "times.csv": ["validate", "nccl", "--data", "{}", "--simulate", "none"],
    "weights.txt": ["validate", "mesh", "--traffic", "matrix:{}"],
    "config.json": ["run", "megatron_tp", "--sips", "2", "--model", "{}"],
    "work.txt": ["run", "--sips", "2", "--workload", "{}"],
    "trace.0.et": ["run", "--chakra", "{}"],
    "bench.py": ["run", "{}"],
    "topology.yaml": ["run", "--topology", "{}"],
}


@pytest.mark.parametrize("name", LINES)
def test_a_file_that_is_too_large_is_refused_with_the_limit(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / name
    with file.open("wb") as sparse:
        sparse.truncate(SIZE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code = execute([word.format(str(file).removesuffix(".0.et")) for word in LINES[name]])
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("kernbench: error:")]
    assert (code, len(errors), str(file) in errors[0]) == (2, 1, True), errors
    assert "over the limit of" in errors[0] or "is larger than 1 MiB" in errors[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 << 10, "KiB"
