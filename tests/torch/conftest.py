"""Scripts that import torch, run on one small SIP."""

import pytest

HEAD = """
import torch
import triton
import triton.language as tl
DEVICE = triton.runtime.driver.active.get_active_torch_device()
"""


@pytest.fixture
def run(sim, tmp_path):
    """Run a script with torch, triton and DEVICE at hand."""

    def run(text, **options):
        path = tmp_path / "script.py"
        path.write_text(HEAD + text)
        return sim(sips=1, overrides=["sip.cube_mesh=1x1"], **options).run(path)

    return run
