"""What can go wrong below a user's program: a part of the machine that raises, a worker that is killed in mid-run."""

import os
import select
import signal
import time
from pathlib import Path
from statistics import median

import pytest

from actors.control import Hooks
from kernbench.common.errors import SimulationError, TopologyError, WorkerError

SMALL = ("sip.cube_mesh=1x1",)

PART = '''
"""A vector unit that breaks down."""

from kernbench.components.pe_math import PeMath, PeMathConfig


class Fragile(PeMath):
    """Adds until it does not."""

    config: PeMathConfig

    def start(self, operation, /):
        raise ArithmeticError("the carry chain melted")
'''


class Killer(Hooks):
    """Kills the first child of this process as soon as the run is under way; notes when."""

    def __init__(self):
        self.at = None

    def progress(self, progress):
        if self.at is None and progress.events > 1000:
            self.pidfds = [os.pidfd_open(int(pid)) for pid in children()]
            self.at = time.perf_counter()
            os.kill(int(children()[0]), signal.SIGKILL)


def children():
    return (Path("/proc/self/task") / str(os.getpid()) / "children").read_text().split()


def ended(pidfd):
    try:
        return bool(select.select([pidfd], [], [], 0)[0])
    finally:
        os.close(pidfd)


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_in_a_component_names_the_sip_its_line_and_the_time(sim, workers, tmp_path, monkeypatch):
    (tmp_path / "fragile_part.py").write_text(PART)
    monkeypatch.syspath_prepend(tmp_path)
    made = sim(sips=2, workers=workers, overrides=(*SMALL, "sip.cube.pe.pe_math.kind=fragile_part:Fragile"))
    with pytest.raises(SimulationError) as caught:
        made.run("allreduce", sizes="4KiB")
    error = caught.value
    said = (error.message, Path(error.where).name, error.sim_time_fs > 0, "melted" in error.__notes__[0])
    assert said == ("sip0: ArithmeticError: the carry chain melted", "fragile_part.py:13", True, True)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("pe_maths", "unknown kind 'pe_maths'; did you mean pe_math"),
        ("nowhere_at_all:Part", "kind 'nowhere_at_all:Part' cannot be loaded: No module named"),
    ],
)
def test_a_part_that_is_not_there_is_an_error_at_its_key(sim, kind, message):
    with pytest.raises(TopologyError, match=message) as caught:
        sim(sips=2, overrides=(*SMALL, f"sip.cube.pe.pe_math.kind={kind}")).run("allreduce", sizes="4KiB")
    assert "sip.cube.pe.pe_math" in str(caught.value)


def test_a_worker_killed_in_mid_run_is_named_within_a_second_and_no_orphan_is_left(sim):
    made = sim(sips=4, workers=2, overrides=SMALL)
    took, orphans, messages = [], [], []
    for _ in range(5):
        killer = Killer()
        with pytest.raises(WorkerError) as caught:
            made.run("allreduce", hooks=killer, sizes="4MiB")
        took.append(time.perf_counter() - killer.at)
        orphans += [not ended(pidfd) for pidfd in killer.pidfds]
        messages.append("was killed by SIGKILL at about" in caught.value.message)
    assert (median(took) <= 1, orphans, messages, children()) == (True, [False] * 10, [True] * 5, [])
