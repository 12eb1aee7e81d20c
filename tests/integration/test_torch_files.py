"""Scripts that ask torch's names for what numpy gives too, run on the torch that stands in; `make test-torch` has the same."""

from pathlib import Path

import pytest

FILES = sorted((Path(__file__).parent / "torch_files").glob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_what_torch_s_names_give_is_what_numpy_gives(sim, file):
    sim(sips=1, overrides=["sip.cube_mesh=1x1"]).run(file)
