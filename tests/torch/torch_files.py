"""The scripts of the tests without torch, on torch itself: what the one that stands in gives is what torch gives."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1] / "integration"
FILES = sorted([*(TESTS / "torch_files").glob("*.py"), *(TESTS / "triton_files").glob("*.py")])


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_the_script_says_the_same_with_torch(sim, file):
    sim(sips=1, overrides=["sip.cube_mesh=1x1"]).run(file)
