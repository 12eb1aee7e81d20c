"""An engine that is watched: the same events and the same windows, with readings and ticks on the way."""

import random

import pytest

from kernbench.sim_engine.engine import Engine, WindowEnds
from kernbench.sim_engine.sampled import TICK, SampledEngine
from kernbench.telemetry.meter import Meter


def sampled(width=10):
    """A watched engine without links, and the list of its readings and ticks."""
    engine, ticks = SampledEngine(), []
    engine.meter = Meter(list, width, lambda _: None)
    engine.tick = lambda: ticks.append(engine.events)
    return engine, ticks


def windows(engine, bound, most):
    """The times of events, window by window."""
    found, seen = [], []
    draw = random.Random(4)
    for _ in range(60):
        time = draw.randrange(200)
        engine.call_at(time, seen.append, time)
    while engine.next_time is not None and engine.next_time < bound:
        seen.clear()
        engine.advance(bound, most)
        found.append([*seen])
    return found


@pytest.mark.parametrize("most", [1, 7, 20, 1000])
def test_windows_end_where_those_of_an_engine_end_that_nobody_watches(monkeypatch, most):
    monkeypatch.setattr("kernbench.sim_engine.sampled.TICK", 3)
    assert windows(sampled()[0], 150, most) == windows(Engine(), 150, most)


def test_a_window_without_a_bound_ends_too():
    """Else a recorded run of one SIP heard no command, no limit and no Ctrl-C before its end."""
    engine, _ = sampled(width=10**6)

    def again(_):
        engine.call_later(1, again)

    engine.call_at(0, again)
    engine.advance(2**62, 500)
    assert engine.events == 500


def test_ticks_come_at_the_end_of_an_instant_whatever_the_windows():
    engine, ticks = sampled(width=10**6)
    for time in range(2 * TICK):
        engine.call_at(time // 2, lambda _: None)
    for bound in range(0, 2 * TICK, 50):
        engine.advance(bound)
    assert ticks == [TICK, 2 * TICK]


def test_a_window_that_an_event_ended_is_followed_by_its_tick():
    engine, ticks = sampled(width=10**6)

    def end(_):
        raise WindowEnds

    for time in range(TICK - 1):
        engine.call_at(time, lambda _: None)
    engine.call_at(TICK, end)
    with pytest.raises(WindowEnds):
        engine.advance(2**62)
    before = [*ticks]
    engine.advance(2**62)
    assert (before, ticks) == ([], [TICK])
