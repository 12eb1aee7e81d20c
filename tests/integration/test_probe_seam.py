"""Observers see what happens and change nothing."""

import sys
import types

import pytest

from actors.simulation import Simulation

SMALL = ("sip.cube_mesh=2x1",)


@pytest.fixture
def observers(monkeypatch):
    """A module of sinks, as a user's own would be."""
    module = types.ModuleType("observers_of_this_test")
    module.seen = []

    class Collect:
        def __init__(self, sip):
            self.sip = sip

        def take(self, sample):
            module.seen.append((self.sip, sample))

    class Clumsy:
        def __init__(self, sip):
            del sip

        def take(self, sample):
            raise RuntimeError("no room")

    module.Collect, module.Clumsy = Collect, Clumsy
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def run(*sinks):
    return Simulation(sips=2, overrides=SMALL, sinks=sinks).run("allreduce", sizes="4KiB")


def test_a_sink_sees_links_units_and_kernels_and_changes_no_digest(observers):
    watched = run("observers_of_this_test:Collect")
    assert watched.digest == run().digest
    assert {sample.what for _, sample in observers.seen} == {"link", "unit", "kernel"}


def test_the_samples_of_a_link_add_up_to_its_busy_time(observers):
    result = run("observers_of_this_test:Collect")
    busy = {}
    for _, sample in observers.seen:
        if sample.what == "link":
            busy[sample.name] = busy.get(sample.name, 0) + sample.end - sample.start
    assert busy == {link.name: link.busy for link in result.links}


def test_a_sink_that_raises_is_removed_and_the_run_goes_on(observers, capsys):
    assert run("observers_of_this_test:Clumsy").wrong == 0
    assert capsys.readouterr().err.count("Clumsy is removed: RuntimeError: no room") == 2
