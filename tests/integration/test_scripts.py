"""Benches that live in a user's script or notebook, in several processes."""

import json
import linecache
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO

import pytest

from actors.simulation import Simulation
from kernbench.cli import execute

BENCH = """
def bench(torch):
    torch.distributed.init_process_group()
    x = torch.full((256,), torch.distributed.get_rank() + 1)
    work = torch.distributed.all_reduce(x)
    return torch.Row({"read": x.numpy()[0].item()}, work.start, work.end, results=(x,))
"""


def test_a_script_without_a_main_guard_runs_its_own_bench_once(tmp_path):
    script = tmp_path / "mine.py"
    script.write_text(
        f"from kernbench import Simulation\n{BENCH}\n"
        "result = Simulation(sips=2, workers=2, overrides=['sip.cube_mesh=2x1']).run(bench)\n"
        "print('reads', [report.rows[0]['read'] for report in result.reports])\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("reads [3.0, 3.0]\n", 0), done.stderr


def test_a_function_of_a_notebook_cell_travels_as_its_cell():
    name = "<ipython-input-7-of-this-test>"
    linecache.cache[name] = (len(BENCH), None, BENCH.splitlines(keepends=True), name)
    cell = {}
    exec(compile(BENCH, name, "exec"), cell)
    result = Simulation(sips=2, workers=2, overrides=["sip.cube_mesh=2x1"]).run(cell["bench"])
    assert [report.rows[0]["read"] for report in result.reports] == [3.0, 3.0]


SCALE = """
import triton
import triton.language as tl

@triton.jit
def scale(x):
    return x * 3
"""
SCRIPT = """
import sys
import triton, triton.language as tl
from triton.runtime import driver
from scaling import scale

import torch

@triton.jit
def kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr = 64):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + i, scale(tl.load(x_ptr + i, mask=i < n)), mask=i < n)

def main():
    x = torch.arange(100, dtype=torch.int32, device=driver.active.get_active_torch_device())
    out = torch.zeros(100, dtype=torch.int32)
    kernel[lambda meta: (triton.cdiv(100, meta["BLOCK"]),)](x, out, 100, num_warps=8)
    print("sum", int(out.numpy().sum()), "argv", len(sys.argv), sys.argv[0].endswith("mine.py"), __name__)

if __name__ == "__main__":
    main()
"""
TINY = ["--set", "sip.cube_mesh=1x1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(SCRIPT)
    (tmp_path / "scaling.py").write_text(SCALE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_triton_file_runs_from_top_to_bottom_and_its_prints_are_on_stdout(folder, capsys):
    assert execute(["run", "mine.py", *TINY]) == 0
    out = capsys.readouterr().out
    assert "sum 14850 argv 1 True __main__\n" in out
    assert "1 rank on sip0" in out
    assert "kernel  2 " in " ".join(out.split("\n"))


def test_with_json_the_document_is_alone_on_stdout_and_has_a_row_for_each_kernel(folder, capsys):
    assert execute(["run", "mine.py", *TINY, "--json"]) == 0
    captured = capsys.readouterr()
    (row,) = json.loads(captured.out)["rows"]
    assert (row["kernel"], row["grid"], row["launches"], row["time_ns"] > 0) == ("kernel", "2", 1, True)
    assert "sum 14850" in captured.err


def test_a_script_runs_in_a_worker_process_too(folder):
    result = Simulation(sips=2, workers=2, overrides=["sip.cube_mesh=1x1"]).run("mine.py")
    assert (len(result.reports[0].rows), result.reports[1].rows) == (1, [])


def test_a_script_is_for_one_sip(folder, capsys):
    assert execute(["run", "mine.py", "--sips", "2"]) == 2
    assert "runs as a script, on one SIP; leave --sips out, or choose the SIP" in capsys.readouterr().err
    assert execute(["run", "mine.py", *TINY, "--sips", "2", "--device", "sip:1", "--json"]) == 0
    assert execute(["run", "mine.py", *TINY, "--device", "sip:9"]) == 2


def test_two_scripts_with_helpers_of_one_name_run_in_one_session(folder):
    other = folder / "other"
    other.mkdir()
    (other / "mine.py").write_text(SCRIPT.replace("14850", "?"))
    (other / "scaling.py").write_text(SCALE.replace("x * 3", "x * 5"))
    machine = Simulation(sips=1, overrides=["sip.cube_mesh=1x1"])
    with redirect_stdout(StringIO()) as prints:
        machine.run("mine.py")
        machine.run("other/mine.py")
        machine.run("mine.py")
    assert [line.split()[1] for line in prints.getvalue().splitlines()] == ["14850", "24750", "14850"]
    assert not {"scaling", "torch", "triton", "triton.language"} & sys.modules.keys()


@pytest.mark.parametrize(
    ("ending", "message", "line"),
    [
        ("x = [1]\nx[3]\n", "IndexError: list index out of range", 3),
        ("assert 1 == 2\n", "AssertionError: assert 1 == 2", 2),
        ("import sys\nsys.exit(4)\n", "the script ended with sys.exit(4)", 3),
        ("import torch\ntorch.no_such_function(1)\n", "AttributeError: torch.no_such_function does not exist", 3),
        ("import triton.profiler\n", "ModuleNotFoundError: no module named 'triton.profiler'", 2),
        ("import broken\n", "ZeroDivisionError: division by zero", 1),
        (
            "import triton\n@triton.jit\ndef k(x):\n    pass\nk[(1,)]()\n",
            "UsageError: k: missing a required argument",
            6,
        ),
    ],
)
def test_an_exception_is_one_line_at_the_user_s_line(folder, capsys, ending, message, line):
    (folder / "fails.py").write_text("# a script\n" + ending)
    (folder / "broken.py").write_text("1 / 0\n")
    assert execute(["run", "fails.py", *TINY]) == 3
    (said,) = [each for each in capsys.readouterr().err.splitlines() if each.startswith("kernbench: error")]
    where = folder / ("broken.py" if "broken" in ending else "fails.py")
    assert message in said
    assert f"{where}:{line}" in said


def test_an_error_inside_a_kernel_is_at_the_kernel_s_line(folder, capsys):
    text = SCRIPT.replace("tl.load(x_ptr + i, mask=i < n)", "tl.load(x_ptr + i)")
    (folder / "mine.py").write_text(text)
    assert execute(["run", "mine.py", *TINY]) == 3
    error = capsys.readouterr().err
    assert "program 1 of kernel: x_ptr[127] is outside the tensor" in error
    assert f"{folder / 'mine.py'}:12" in error


def test_sys_exit_without_a_reason_is_an_end_like_any_other(folder):
    (folder / "ends.py").write_text("import sys\nsys.exit()\n")
    assert Simulation(sips=1, overrides=["sip.cube_mesh=1x1"]).run("ends.py").rows == ()
