"""The event loop: order within an instant, bounds, and SimPy unchanged on top."""

import pytest
import simpy

from kernbench.sim_engine.engine import INBOUND, URGENT, Engine, WindowEnds


def test_within_an_instant_inbound_precedes_urgent_precedes_normal_precedes_arbitration():
    engine, seen = Engine(), []

    class Probe:
        rank = 0

        def arbitrate(self):
            seen.append("arbitration")

    engine.call_at(5, engine.mark, Probe(), INBOUND)
    engine.call_at(5, seen.append, "normal")
    engine.call_at(5, seen.append, "urgent", URGENT)
    engine.call_at(5, seen.append, "inbound", INBOUND)
    engine.advance(6)
    assert seen == ["inbound", "urgent", "normal", "arbitration"]


def test_the_bound_is_exclusive():
    engine, seen = Engine(), []
    engine.call_at(5, seen.append, 5)
    engine.call_at(6, seen.append, 6)
    engine.advance(6)
    assert (seen, engine.next_time) == ([5], 6)


def test_an_advance_ends_at_the_end_of_an_instant_once_it_had_enough_events():
    engine, seen = Engine(), []
    for time in (1, 2, 2, 3):
        engine.call_at(time, seen.append, time)
    engine.advance(9, 2)
    first = [*seen]
    engine.advance(9)
    assert (first, seen, engine.events) == ([1, 2, 2], [1, 2, 2, 3], 4)


def test_an_advance_without_a_limit_runs_whatever_comes_before_its_bound():
    """An oracle asks once; its figures were those of the first 200,000 events for a while."""
    engine, left = Engine(), [300_000]

    def again(_):
        left[0] -= 1
        if left[0]:
            engine.call_later(1, again)

    engine.call_at(0, again)
    engine.advance(10**6)
    assert (left, engine.events) == ([0], 300_000)


def test_a_window_that_ends_within_an_instant_lets_its_other_events_come_before_arbitration():
    engine, seen = Engine(), []

    class Probe:
        rank = 0

        def arbitrate(self):
            seen.append("arbitration")

    def end(_):
        raise WindowEnds

    engine.call_at(5, engine.mark, Probe())
    engine.call_at(5, end)
    engine.call_at(5, seen.append, "event")
    with pytest.raises(WindowEnds):
        engine.advance(6)
    engine.advance(6)
    assert seen == ["event", "arbitration"]


def test_arbiters_of_one_instant_are_visited_in_compiled_order_after_every_event():
    engine, seen = Engine(), []

    class Probe:
        def __init__(self, rank):
            self.rank = rank

        def arbitrate(self):
            seen.append(self.rank)

    for rank in (3, 1, 2):
        engine.call_at(7, engine.mark, Probe(rank))
    engine.call_at(7, seen.append, "event")
    engine.advance(8)
    assert seen == ["event", 1, 2, 3]


def test_simpy_processes_and_resources_run_on_it():
    engine, log = Engine(), []
    resource = simpy.Resource(engine, capacity=1)

    def user(name, hold):
        with resource.request() as granted:
            yield granted
            yield engine.timeout(hold)
            log.append((name, engine.now))

    engine.process(user("a", 10))
    engine.process(user("b", 5))
    engine.run()
    assert log == [("a", 10), ("b", 15)]
