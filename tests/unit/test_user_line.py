"""Which frame of a traceback is the user's own line."""

import sysconfig
from functools import partial
from pathlib import Path

import pytest

import kernbench
from kernbench.common.user_line import is_packaged, user_line

ROOT = Path(kernbench.__file__).parents[1]
OURS, ACTOR, MONITOR = (str(ROOT / name) for name in ("kernbench/runtime_api/view.py", "actors/sip.py", "tui/app.py"))
BENCH, BESIDE = str(ROOT / "benches" / "gemm.py"), str(ROOT / "kernbench_lab" / "npu.py")
LAB, MODEL = "/lab/bench.py", "/lab/model.py"
NUMPY, JSON = "/venv/lib/site-packages/numpy/core.py", f"{sysconfig.get_path('stdlib')}/json/decoder.py"
COMPILED = "kernbench/sim_engine/engine.py"


def call_from(file, inner):
    """A function whose line 2, in `file`, calls `inner`."""
    scope = {"inner": inner}
    exec(compile("def call():\n    inner()", file, "exec"), scope)
    return scope["call"]


def line_through(*files):
    """The user's line of an error below one frame in each of the files, the outermost first."""
    call = partial(divmod, 1, 0)
    for file in reversed(files):
        call = call_from(file, call)
    with pytest.raises(ZeroDivisionError) as caught:
        call()
    return user_line(caught.value.__traceback__.tb_next)  # without the frame of this file


@pytest.mark.parametrize(
    ("files", "own"),
    [
        ((OURS, LAB), LAB),
        ((ACTOR, LAB, OURS), LAB),
        ((OURS, LAB, OURS, MODEL, OURS), MODEL),  # a module's forward, called by ours
        ((OURS, BENCH, OURS), BENCH),
        ((OURS, LAB, OURS, NUMPY), LAB),
        ((OURS, LAB, JSON), LAB),
        ((OURS, LAB, COMPILED), LAB),
        ((OURS, LAB, OURS, "<string>"), LAB),
        ((ACTOR, OURS, BESIDE), BESIDE),
        ((ACTOR, OURS, NUMPY, OURS), NUMPY),  # whatever is installed is better than nothing
    ],
)
def test_it_is_the_innermost_one_that_is_neither_kernbench_s_nor_a_library_s(files, own):
    assert line_through(*files) == f"{own}:2"


def test_an_error_inside_kernbench_alone_has_none():
    assert line_through(ACTOR, OURS, MONITOR) == ""


def test_a_bench_that_comes_with_kernbench_is_told_from_a_user_s():
    assert (is_packaged(f"{BENCH}:2"), is_packaged(f"{LAB}:2"), is_packaged("")) == (True, False, False)
