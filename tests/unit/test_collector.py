"""The collector of cycles is set for a run and put back after it."""

import gc

import pytest

from actors.collector import YOUNG, seldom_collecting


def test_what_was_set_comes_back_even_after_an_error():
    before = gc.get_threshold()
    with pytest.raises(ZeroDivisionError), seldom_collecting():
        _ = 1 / 0
    assert gc.get_threshold() == before


def test_of_two_runs_that_overlap_the_last_to_end_gives_back_what_was_set():
    before = gc.get_threshold()
    first, second = seldom_collecting(), seldom_collecting()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert gc.get_threshold()[0] == YOUNG
    second.__exit__(None, None, None)
    assert gc.get_threshold() == before


def test_a_simulation_runs_with_the_collector_set(sim):
    before = gc.get_threshold()
    sim(sips=1, overrides=["cube_mesh=1x1"]).run(looks_at_the_collector)
    assert gc.get_threshold() == before


def looks_at_the_collector(torch):
    """A bench that fails unless the collector is set."""
    assert gc.get_threshold()[0] == YOUNG
    x = torch.zeros(4)
    return torch.Row({"x": x.tolist()[0]}, 0, 0)
