"""Benches that live in a user's script or notebook, in several processes."""

import linecache
import subprocess
import sys

from actors.simulation import Simulation

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
