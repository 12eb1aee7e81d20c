"""What every transport must do alike: results, errors, limits, stops and lost messages."""

import functools
import os
from importlib import util
from pathlib import Path

import msgspec
import pykka
import pytest

from actors.control import Hooks
from actors.coordinator import run_job
from actors.limits import Limits
from actors.transports.inproc import InProcess
from actors.transports.process import Processes
from kernbench.common.errors import (
    AuditError,
    CausalityError,
    DeadlockError,
    KernelError,
    LimitError,
    SimulationError,
    UsageError,
    WorkerError,
)
from kernbench.common.messages.island import Command, Job, Tamper

TOY = Path(__file__).parents[1] / "determinism" / "toy_device.py"
SPEC = util.spec_from_file_location("toy_device_of_the_contract", TOY)
toy = util.module_from_spec(SPEC)
SPEC.loader.exec_module(toy)


@functools.cache
def over_mpi():
    """The one MPI job that this process is rank 0 of, as in `make test-mpi`."""
    from actors.transports.mpi import Mpi

    return Mpi()


@pytest.fixture(params=[InProcess, Processes, *([over_mpi] if "OMPI_COMM_WORLD_SIZE" in os.environ else [])])
def transport(request):
    return request.param()


def run(transport, kind="ping", hooks=None, timeout_s=None, tamper=None, max_events=None, **config):
    config = toy.ToyConfig(**config)
    job = Job(f"{TOY}:{kind}", config.payload(), config.sips, max_events=max_events, tamper=tamper or Tamper())
    return run_job(job, 2, transport, hooks, Limits(timeout_s))


def test_reports_come_in_sip_order_and_all_actors_are_gone(transport):
    before = pykka.ActorRegistry.get_all()
    result = run(transport, sips=3, skew=11)
    ended = [msgspec.msgpack.decode(report)["ended"] for report in result.reports]
    assert (ended, result.stopped, pykka.ActorRegistry.get_all()) == ([19779, 20290, 19904], "", before)


def test_bulk_data_crosses_in_both_directions_at_once(transport):
    result = run(transport, pings=2, data=4 << 20)
    assert [msgspec.msgpack.decode(report)["seen"] for report in result.reports] == [2, 2]


def test_the_earliest_failure_comes_out_as_the_same_error(transport):
    with pytest.raises(KernelError) as caught:
        run(transport, "faulty")
    error = caught.value
    assert (error.message, error.where, error.sim_time_fs, error.waiters) == (
        "softmax.py:7: bad",
        "softmax.py:7",
        333,
        ("w",),
    )


def test_an_unknown_exception_names_sip_line_and_time_and_keeps_its_traceback(transport):
    with pytest.raises(SimulationError, match="sip1: ZeroDivisionError: toy") as caught:
        run(transport, "broken")
    error = caught.value
    assert (type(error), "toy_device.py:" in error.where, error.sim_time_fs, "in fail" in error.__notes__[0]) == (
        SimulationError,
        True,
        333,
        True,
    )


def test_books_of_a_sip_that_do_not_balance_fail_the_run(transport):
    with pytest.raises(AuditError, match="sip0: credits are"):
        run(transport, "leaky")


def test_a_deadlock_names_every_waiter_and_the_time(transport):
    with pytest.raises(DeadlockError, match="sip0 sip1 still wait") as caught:
        run(transport, "miser", local=0)
    assert (caught.value.waiters, caught.value.sim_time_fs) == (
        ("sip0.port1 waits for a link credit", "sip1.port0 waits for a link credit"),
        748,
    )


def test_a_device_that_cannot_be_built_is_named(transport):
    with pytest.raises(SimulationError, match=r"sip0: OSError: no parts for 0"):
        run(transport, "unbuildable")


def test_an_unknown_factory_is_a_usage_error(transport):
    with pytest.raises(UsageError, match="has no nothing"):
        run(transport, "nothing")


def test_a_dropped_message_fails_the_run(transport):
    with pytest.raises(WorkerError, match="sip0 sent 80 messages to sip1, which received 79"):
        run(transport, tamper=Tamper(drop=(0, 1, 79)))


def test_a_swapped_message_fails_the_run(transport):
    with pytest.raises((WorkerError, CausalityError)):
        run(transport, tamper=Tamper(swap=(1, 0, 10)))


@pytest.mark.parametrize("number", [*range(20), 78, 79])
@pytest.mark.parametrize("fault", ["drop", "swap"])
def test_each_message_that_is_lost_or_late_fails_the_run(fault, number):
    with pytest.raises((WorkerError, CausalityError)):
        run(InProcess(), tamper=Tamper(**{fault: (0, 1, number)}))


def test_a_lookahead_that_is_too_large_fails_the_run(transport):
    with pytest.raises(CausalityError):
        run(transport, optimism=200)


def test_the_event_limit_stops_all_sips_at_the_same_window_and_keeps_reports(transport):
    result = run(transport, "endless", max_events=300)
    assert (result.stopped, result.stats.windows, result.stats.events, len(result.reports)) == (
        "max-events",
        5,
        324,
        2,
    )


def test_the_time_limit_stops_a_run_that_has_no_end():
    assert run(InProcess(), "endless", timeout_s=0.05).stopped == "timeout"


def test_a_time_limit_that_ends_before_the_first_window_is_an_error():
    with pytest.raises(LimitError, match="timeout: stopped while the devices were being built"):
        run(Processes(), "endless", timeout_s=0)


class Script(Hooks):
    """Gives its commands one by one, a stop only once the run has reported; keeps what it was told."""

    def __init__(self, *commands):
        self.commands, self.told = list(commands), []

    def progress(self, progress):
        self.told.append(progress)

    def command(self):
        due = self.commands and (self.told or self.commands[0].action != "stop")
        return self.commands.pop(0) if due else None


def test_a_hook_stops_the_run_and_was_told_about_it(transport):
    hooks = Script(Command("stop", "seen enough"))
    assert (run(transport, "endless", hooks).stopped, bool(hooks.told)) == ("seen enough", True)


def test_a_run_that_was_paused_stepped_and_resumed_gives_the_same_reports(transport):
    hooks = Script(Command("pause"), Command("step"), Command("step"), Command("resume"))
    paused = run(transport, hooks=hooks)
    assert (paused.reports, hooks.commands) == (run(InProcess()).reports, [])
