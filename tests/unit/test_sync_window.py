"""The window protocol on hand-made clocks: each term of E, the cap, the ends."""

import pytest

from actors.sync.window import NEVER, SPAN, Clock, Decision, Windows, summarise
from kernbench.common.errors import TopologyError

IDLE = Clock(next=NEVER, held=NEVER, promise=0, live=False, events=0, now=0)


def clock(**fields):
    values = {name: getattr(IDLE, name) for name in IDLE.__struct_fields__} | fields
    return Clock(**values)


def decide(clocks, sent=(), lookaheads=(10, 20)):
    return Windows(lookaheads).decide([summarise(enumerate(clocks), sent, lookaheads)])


def test_an_own_event_bounds_by_its_lookahead():
    assert decide([clock(next=100), clock(next=95)]) == Decision(110)


def test_a_promise_lifts_only_the_bound_of_own_events():
    assert decide([clock(next=100, promise=500), clock(next=300)]) == Decision(320)


def test_a_held_message_bounds_by_its_receivers_lookahead_under_a_far_promise():
    assert decide([clock(next=100, promise=10**9, held=130), IDLE]) == Decision(140)


def test_a_message_in_flight_bounds_by_its_receivers_lookahead():
    assert decide([clock(next=100, promise=10**9), IDLE], sent=[(1, 115)]) == Decision(135)


def test_an_idle_stretch_of_any_length_takes_one_round():
    assert decide([clock(next=10**14), IDLE]) == Decision(10**14 + 10)


def test_a_window_without_a_near_peer_still_ends():
    assert decide([clock(next=100)], lookaheads=[10**15]) == Decision(100 + SPAN)


def test_nothing_left_and_nobody_live_is_the_end():
    assert decide([IDLE, IDLE]).end == "finished"


def test_nothing_left_and_somebody_live_is_a_deadlock():
    assert decide([IDLE, clock(live=True)]).end == "deadlock"


def test_a_message_in_flight_is_no_deadlock():
    assert decide([IDLE, clock(live=True)], sent=[(0, 50)]) == Decision(60)


def test_islands_that_combine_their_summaries_find_what_one_island_finds():
    lookaheads = [10, 20, 5]
    clocks = [clock(next=100), clock(held=97), clock(next=101, promise=300)]
    sent = [(2, 104), (0, 140)]
    parts = [
        summarise([(0, clocks[0])], sent[:1], lookaheads),
        summarise([(1, clocks[1]), (2, clocks[2])], sent[1:], lookaheads),
    ]
    assert Windows(lookaheads).decide(parts) == decide(clocks, sent, lookaheads) == Decision(109)


def test_a_lookahead_of_zero_is_refused_by_name():
    with pytest.raises(TopologyError, match="sip1: the lookahead is 0 fs"):
        Windows([5, 0])
