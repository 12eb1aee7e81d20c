"""Workers that die, hang, speak nonsense or lose their coordinator; Ctrl-C; and never an orphan."""

import os
import select
import signal
import subprocess
import sys
from importlib import util
from pathlib import Path

import pytest

from actors import supervisor
from actors.coordinator import run_job
from actors.transports.process import Processes
from kernbench.common.errors import WorkerError
from kernbench.common.messages.island import Job

TOY = Path(__file__).parents[1] / "determinism" / "toy_device.py"
SPEC = util.spec_from_file_location("toy_device_of_the_faults", TOY)
toy = util.module_from_spec(SPEC)
SPEC.loader.exec_module(toy)

SCRIPT = """
import sys
from actors.coordinator import run_job
from kernbench.common.messages.island import Job
result = run_job(Job(sys.argv[1], bytes.fromhex(sys.argv[2]), 2), int(sys.argv[3]))
print("stopped by", result.stopped, len(result.reports), flush=True)
"""


def children():
    return (Path("/proc/self/task") / str(os.getpid()) / "children").read_text().split()


def fail(kind, hang_s=30.0, sips=2, workers=2):
    with pytest.raises(WorkerError) as caught:
        run_job(Job(f"{TOY}:{kind}", toy.ToyConfig(sips=sips).payload(), sips), workers, Processes(hang_s))
    return caught.value


def script(kind, workers):
    """A program without a main guard, given on the command line, in a session of its own."""
    payload = toy.ToyConfig().payload().hex()
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, f"{TOY}:{kind}", payload, str(workers)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def announced(process, count):
    """What the SIPs said: where each of them runs, as file descriptors that become readable when it ends."""
    lines = [process.stderr.readline().split() for _ in range(count)]
    return [os.pidfd_open(int(line[1])) for line in lines]


def all_end(pidfds):
    ended = [bool(select.select([fd], [], [], 10)[0]) for fd in pidfds]
    for fd in pidfds:
        os.close(fd)
    return all(ended)


def test_a_worker_that_never_says_a_word_is_given_up_after_the_time_that_a_start_may_take(monkeypatch, tmp_path):
    mute = tmp_path / "python"
    mute.write_text("#!/bin/sh\nexec sleep 60\n")
    mute.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(mute))
    monkeypatch.setattr(supervisor, "START_S", 0.5)
    error = fail("build", hang_s=0.1)
    assert ("sip0) has not said a word within 0.5 s of its start, at 0 ns" in error.message, children()) == (True, [])
    assert len(error.waiters) == 1
    assert "builds its devices" in error.waiters[0]


def test_a_killed_worker_is_named_with_its_signal_and_sips_and_none_is_left():
    error = fail("dying", sips=4)
    told = "worker 0 (pid " in error.message and ", sip0 sip1) was killed by SIGKILL at about" in error.message
    assert (told, error.where, children()) == (True, "worker 0", [])


def test_a_worker_that_hangs_is_named_not_the_one_that_waits_for_it():
    error = fail("hanging", hang_s=0.5)
    assert ("sip1) has made no progress for 0.5 s" in error.message, error.where, children()) == (True, "worker 1", [])


def test_a_worker_that_speaks_nonsense_is_named():
    error = fail("vandal")
    assert ("a frame from worker 1 claims" in error.message, children()) == (True, [])


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_stops_at_the_next_window_and_keeps_the_reports(workers):
    with script("announcing", workers) as process:
        pidfds = announced(process, 2)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode, all_end(pidfds)) == ("stopped by interrupt 2\n", "", 0, True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_ctrl_c_kills_what_does_not_listen(workers):
    with script("deaf", workers) as process:
        pidfds = announced(process, 1)
        process.send_signal(signal.SIGINT)
        while select.select([process.stderr], [], [], 0.1)[0] == []:
            process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert (err.rstrip().endswith("KeyboardInterrupt"), all_end(pidfds)) == (True, True)


def test_workers_are_processes_of_their_own_with_one_thread_for_blas():
    with script("announcing", 2) as process:
        lines = [process.stderr.readline().split() for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    pids = {pid for _, pid, _ in lines}
    assert (len(pids - {str(process.pid)}), [threads for *_, threads in lines]) == (2, ["1", "1"])


@pytest.mark.parametrize("kind", ["announcing", "deaf"])
def test_workers_end_by_themselves_when_the_coordinator_is_killed(kind):
    with script(kind, 2) as process:
        pidfds = announced(process, 2 if kind == "announcing" else 1)
        process.kill()
    assert all_end(pidfds)
