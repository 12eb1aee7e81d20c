"""Ctrl-C, SIGTERM and a reader that leaves, at a real process."""

import json
import os
import select
import signal
import subprocess
import sys

import pytest

FOR_EVER = """
import sys

def bench(torch):
    torch.distributed.init_process_group()
    for number in range(10**9):
        torch.distributed.barrier()
        if number == 3 and torch.distributed.get_rank() == 0:
            print("turning", file=sys.stderr, flush=True)
"""

SLOW_TO_BUILD = """
import sys
import threading
from kernbench.components.xbar import Xbar

class Slow(Xbar):
    def __init__(self, *collaborators):
        print("building", file=sys.stderr, flush=True)
        threading.Event().wait()
"""


@pytest.fixture
def start(tmp_path):
    (tmp_path / "turn.py").write_text(FOR_EVER)
    (tmp_path / "slow_part.py").write_text(SLOW_TO_BUILD)
    started = []

    def begin(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "kernbench", "run", "--set", "cube_mesh=1x1", "--sips", "2", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def group_is_empty(pid):
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("workers", "number", "code", "said"),
    [("1", signal.SIGINT, 130, "interrupt"), ("2", signal.SIGINT, 130, "interrupt"),
     ("2", signal.SIGTERM, 143, "terminated"), ("1", signal.SIGHUP, 143, "terminated")],
)  # fmt: skip
def test_a_signal_in_the_middle_stops_the_run_in_one_line(start, workers, number, code, said):
    process = start("turn.py", "--workers", workers, "--json")
    while process.stderr.readline() != "turning\n":
        pass
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    lines = [line for line in err.splitlines() if not line.startswith("kernbench: 5 s")]
    assert (process.returncode, len(lines), lines[0].startswith(f"kernbench: error: {said}: stopped at ")) == (
        code,
        1,
        True,
    )
    status = json.loads(out)["status"]
    assert (status["exit"], status["message"].endswith("0 rows are complete")) == (code, True)
    assert group_is_empty(process.pid)


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_while_the_workers_build_their_devices_ends_with_its_own_code(start, number, code, said):
    process = start("turn.py", "--workers", "2", "--set", "xbar.kind=slow_part:Slow")
    assert process.stderr.readline() == "building\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    lines = [line for line in err.splitlines() if line != "building"]
    assert (process.returncode, lines, group_is_empty(process.pid)) == (code, [f"kernbench: error: {said}"], True)


def test_a_second_ctrl_c_ends_a_rank_that_never_asks_the_device(start, tmp_path):
    (tmp_path / "deaf.py").write_text(
        "import sys\ndef bench(torch):\n    print('turning', file=sys.stderr, flush=True)\n    while True:\n        pass\n"
    )
    process = start("deaf.py", "--workers", "1")
    assert process.stderr.readline() == "turning\n"
    process.send_signal(signal.SIGINT)
    while not select.select([process.stderr], [], [], 0.1)[0]:
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "kernbench: error: interrupted\n")


def test_a_reader_that_leaves_ends_the_run_quietly(start):
    process = start("--workers", "1", "--size", "64KiB")
    assert process.stdout.readline() == "bench     allreduce\n"
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(30), err) == (141, "")


ENDING = """
import atexit
import os
import signal
import sys
from kernbench import cli
from kernbench.cli import boundary

def strike(times=1):
    for _ in range(times):
        os.kill(os.getpid(), signal.{name})

told = boundary.print_json
def tell(document):
    strike({while_telling})
    told(document)

boundary.print_json = tell
atexit.register(strike)
sys.argv[1:] = ["run", "nothing-like-it", "--json"]
cli.main()
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_while_the_one_error_is_told_and_one_while_python_ends_change_nothing(name):
    script = ENDING.format(name=name, while_telling=1)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    status = json.loads(done.stdout)["status"]
    assert (done.returncode, status["exit"], done.stderr.count("\n"), done.stderr.startswith("kernbench: error:")) == (
        2,
        2,
        1,
        True,
    )


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_two_signals_while_an_error_is_told_end_the_process_at_once(name, code):
    script = ENDING.format(name=name, while_telling=2)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (code, "", 1)
