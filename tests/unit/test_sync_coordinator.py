"""What the coordinator decides by itself: blocks, commands, errors as data, factories by name."""

import signal
import sys
import threading

import pytest

from actors import failure
from actors.control import Control, Hooks
from actors.coordinator import assign, run_job
from actors.device import build_device
from actors.tamper import RandomCut
from actors.transports.base import Gate
from kernbench.common.errors import KernelError, SimulationError, TopologyError, UsageError
from kernbench.common.messages.island import Command, Failure, Job

RING = [(sip, (sip + 1) % 8, 500) for sip in range(8)]


def test_sips_without_links_are_cut_into_contiguous_blocks():
    assert assign(7, 3) == [[0, 1, 2], [3, 4], [5, 6]]


def test_a_ring_is_cut_into_contiguous_blocks():
    assert assign(8, 3, RING) == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_sips_joined_by_the_shortest_links_share_an_island():
    assert assign(4, 2, [(0, 1, 500), (2, 3, 500), (0, 2, 100), (3, 1, 100)]) == [[0, 2], [1, 3]]


def test_more_workers_than_sips_means_one_per_sip():
    assert assign(2, 5) == [[0], [1]]


@pytest.mark.parametrize(("workers", "sips"), [(0, 2), (1, 0)])
def test_no_worker_or_no_sip_is_a_usage_error(workers, sips):
    with pytest.raises(UsageError, match="at least one of each"):
        run_job(Job("m:f", b"", sips), workers)


def test_an_error_survives_the_journey_with_all_its_fields():
    try:
        raise KernelError("k.py:3: bad", where="k.py:3", sim_time_fs=7, waiters=("a", "b"))
    except KernelError as error:
        back = failure.unpack(failure.pack(error, 1))
    assert (
        type(back),
        back.message,
        back.where,
        back.sim_time_fs,
        back.waiters,
        "k.py:3: bad" in back.__notes__[0],
    ) == (
        KernelError,
        "k.py:3: bad",
        "k.py:3",
        7,
        ("a", "b"),
        True,
    )


def test_a_users_own_subclass_comes_out_as_the_nearest_known_class():
    class OwnError(TopologyError):
        pass

    assert type(failure.unpack(failure.pack(OwnError("t.yaml:1"), 0))) is TopologyError


def test_an_unknown_exception_comes_out_as_a_simulation_error():
    assert type(failure.unpack(failure.pack(OSError("disk"), 0))) is SimulationError


def test_the_earliest_failure_counts_then_the_lowest_sip():
    failures = [Failure(sip, "", "", "", time, (), "") for sip, time in ((2, 5), (1, 9), (0, 9), (3, 5))]
    assert failure.first(failures).sip == 2


def test_a_factory_is_found_by_module_name():
    assert build_device("collections:OrderedDict.fromkeys", b"ab", 3) == {97: 3, 98: 3}


@pytest.mark.parametrize("name", ["nocolon", "collections:nothing", "/no/such/file.py:build"])
def test_a_factory_that_does_not_exist_is_a_usage_error(name):
    with pytest.raises(UsageError, match="device factory"):
        build_device(name, b"", 0)


def test_the_first_signal_asks_to_stop_and_the_second_interrupts():
    with Control(Hooks()) as control:
        signal.raise_signal(signal.SIGTERM)
        assert control.poll() == Command("stop", "terminated")
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


class _SignalsAtItsEnd:
    """Its destructor gets a signal."""

    def __init__(self, number):
        self.number = number

    def __del__(self):
        signal.raise_signal(self.number)


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)], ids=["INT", "TERM"]
)
def test_a_second_signal_that_falls_into_a_destructor_still_interrupts(number, raised):
    """Python drops what a destructor raises."""
    before = (signal.getsignal(signal.SIGALRM), sys.unraisablehook)
    with Control(Hooks()):
        signal.raise_signal(number)
        with pytest.raises(raised):  # noqa: PT012  # the wait is what is interrupted
            _SignalsAtItsEnd(number)
            threading.Event().wait(30)
            pytest.fail("the second signal was lost")
    assert (signal.getsignal(signal.SIGALRM), sys.unraisablehook) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_others_raise_in_a_destructor_goes_where_it_went(monkeypatch):
    class Broken:
        def __del__(self):
            raise ValueError("mine")

    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: seen.append(str(lost.exc_value)))
    with Control(Hooks()):
        Broken()
    assert seen == ["mine"]


def test_signals_have_their_old_handlers_again_after_a_run():
    before = signal.getsignal(signal.SIGINT)
    with Control(Hooks()):
        pass
    assert signal.getsignal(signal.SIGINT) is before


def test_a_gate_waits_out_a_pause_and_lets_one_window_through_per_step():
    commands = [Command("pause"), None, Command("step"), None, Command("resume"), None, Command("stop", "why")]
    waits = []
    gate = Gate(lambda: commands.pop(0), lambda: waits.append(len(commands)))
    assert ([gate.why_stop() for _ in range(3)], waits) == (["", "", "why"], [5, 3])


def test_a_random_cut_stays_in_what_is_allowed_and_is_the_same_everywhere():
    one, two = RandomCut(5, 2), RandomCut(5, 2)
    cuts = [one(10, 21) for _ in range(50)]
    assert (set(cuts) <= set(range(11, 17)), cuts) == (True, [two(10, 21) for _ in range(50)])
