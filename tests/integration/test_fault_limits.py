"""Limits of time and memory end what listens and what does not, with one and two workers."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from actors import control
from actors.limits import resident
from actors.transports.process import Processes
from kernbench.common.errors import LimitError, UsageError

MIB = 1 << 20


@pytest.fixture(autouse=True)
def _little_grace(monkeypatch):
    monkeypatch.setattr(control, "GRACE_S", 0.2)
    monkeypatch.setattr(control, "TICK_S", 0.05)


def deaf(torch):
    torch.zeros(16)
    while True:
        pass


def deaf_in_the_end(torch, *, mark: str = ""):
    torch.zeros(16)
    Path(mark).touch()
    while True:
        pass


def deaf_and_stubborn(torch):
    torch.zeros(16)
    while True:
        try:
            while True:
                pass
        except BaseException as caught:
            if torch.__dict__.setdefault("caught", []):
                raise
            torch.__dict__["caught"].append(caught)


class Deaf:
    """Ends only when interrupted, in its destructor, where Python drops the exception."""

    def __del__(self):
        while True:
            pass


def deaf_in_a_destructor(torch):
    torch.zeros(16)
    Deaf()
    while True:
        pass


def hungry(torch):
    kept = []
    torch.distributed.init_process_group()
    while True:
        torch.distributed.barrier()
        kept.append(bytearray(b"x") * (16 * MIB))


def hungry_and_deaf(torch):
    kept = [bytearray(b"x") * (300 * MIB)]
    while kept:
        pass


def test_a_rank_that_never_asks_the_device_stops_at_the_time_limit_and_keeps_what_is_complete(sim):
    result = sim(sips=2).run(deaf, timeout_s=0.1)
    assert (result.stopped, result.rows) == ("timeout", ())


def test_a_time_limit_that_is_dropped_in_a_destructor_is_raised_again(sim):
    assert sim(sips=2).run(deaf_in_a_destructor, timeout_s=0.1).stopped == "timeout"


def test_a_rank_that_catches_everything_is_interrupted_until_it_ends(sim):
    assert sim(sips=2).run(deaf_and_stubborn, timeout_s=0.1).stopped == "timeout"


def test_of_two_workers_the_one_that_does_not_stop_at_the_time_limit_is_named(sim, monkeypatch, tmp_path):
    mark = tmp_path / "deaf"
    late = SimpleNamespace(monotonic=lambda: time.monotonic() + (1000 if mark.exists() else 0))
    monkeypatch.setattr(control, "time", late)  # the limit is reached once a rank is deaf, however slow the machine is
    with pytest.raises(LimitError, match=r"timeout: worker \d \(pid \d+, sip\d\) does not stop; it is in window"):
        sim(sips=2, workers=2).run(deaf_in_the_end, mark=str(mark), timeout_s=500)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_run_stops_when_its_processes_hold_more_memory_than_allowed(sim, workers):
    result = sim(sips=2, workers=workers).run(hungry, max_memory=resident() + 512 * MIB, timeout_s=30)
    assert result.stopped == "max-memory"


def test_memory_is_looked_at_while_a_rank_never_asks_the_device(sim):
    assert sim(sips=2).run(hungry_and_deaf, max_memory=resident() + 100 * MIB, timeout_s=30).stopped == "max-memory"


def test_a_limit_that_is_not_reached_changes_no_digest_and_leaves_no_timer(sim):
    import signal

    free, limited = (
        sim(sips=2).run("allreduce", sizes="4KiB", **limits)
        for limits in ({}, {"timeout_s": 50, "max_memory": 1 << 40})
    )
    assert (limited.digest, signal.getitimer(signal.ITIMER_REAL)) == (free.digest, (0.0, 0.0))


@pytest.mark.parametrize("text", ["soon", "0", "-1", "nan", "inf"])
def test_a_hang_limit_that_is_no_time_is_refused(monkeypatch, text):
    monkeypatch.setenv("KERNBENCH_HANG_S", text)
    with pytest.raises(UsageError, match=f"KERNBENCH_HANG_S={text}: expected seconds above 0"):
        Processes()
