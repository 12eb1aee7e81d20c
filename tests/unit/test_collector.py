"""The collector of cycles is set for a run and put back after it."""

import gc

import pytest

from actors.collector import YOUNG, seldom_collecting


def test_what_was_set_comes_back_even_after_an_error():
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), seldom_collecting():
        _ = 1 / 0
    assert gc.get_threshold() == before


def test_a_simulation_runs_with_the_collector_set(sim):
    sim(sips=1, overrides=["cube_mesh=1x1"]).run(looks_at_the_collector)
    assert gc.get_threshold()[0] != YOUNG


def looks_at_the_collector(torch):
    """A bench that fails unless the collector is set."""
    assert gc.get_threshold()[0] == YOUNG
    x = torch.zeros(4)
    return torch.Row({"x": x.tolist()[0]}, 0, 0)
