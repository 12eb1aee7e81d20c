"""Observers see what happens and change nothing."""

import sys
import types

import pytest

from actors.simulation import Simulation
from kernbench.telemetry.rows import KernelRow, OperationRow, PacketRow, PhaseRow

SMALL = ("sip.cube_mesh=2x1",)


@pytest.fixture
def observers(monkeypatch):
    """A module of sinks, as a user's own would be."""
    module = types.ModuleType("observers_of_this_test")
    module.seen = []

    class Collect:
        def __init__(self, sip):
            self.sip = sip

        def take(self, row):
            module.seen.append((self.sip, row))

    class Clumsy:
        def __init__(self, sip):
            del sip

        def take(self, row):
            raise RuntimeError("no room")

    module.Collect, module.Clumsy = Collect, Clumsy
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def run(*sinks):
    return Simulation(sips=2, overrides=SMALL, sinks=sinks).run("allreduce", sizes="4KiB")


def test_a_sink_sees_packets_operations_kernels_and_phases_and_changes_no_digest(observers):
    watched = run("observers_of_this_test:Collect")
    assert watched.digest == run().digest
    assert {type(row) for _, row in observers.seen} == {PacketRow, OperationRow, KernelRow, PhaseRow}


def test_the_packets_of_a_link_add_up_to_its_busy_time(observers):
    result = run("observers_of_this_test:Collect")
    busy = {}
    for _, row in observers.seen:
        if isinstance(row, PacketRow):
            busy[row.link] = busy.get(row.link, 0) + row.end - row.start
    assert busy == {link.name: link.busy for link in result.links}


def test_a_sink_that_raises_is_removed_and_the_run_goes_on(observers, capsys):
    assert run("observers_of_this_test:Clumsy").wrong == 0
    assert capsys.readouterr().err.count("Clumsy is removed: RuntimeError: no room") == 2
