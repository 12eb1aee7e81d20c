"""Files that use what Triton's public tutorials use, as their users write them, each comparing itself with numpy."""

from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "triton_files").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_file_runs_unmodified_and_agrees_with_numpy(sim, file):
    result = sim(sips=1, overrides=["sip.cube_mesh=1x1"]).run(file)
    assert result.rows
    assert all(row.time > 0 for row in result.rows)


def test_a_file_takes_the_same_time_in_a_worker_process(sim):
    file = next(file for file in FILES if file.stem == "seeded_dropout")
    runs = [sim(sips=2, workers=workers, overrides=["sip.cube_mesh=1x1"]).run(file) for workers in (1, 2)]
    assert runs[0].digest == runs[1].digest
    assert runs[0].sim_time == runs[1].sim_time
