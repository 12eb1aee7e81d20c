"""The protocol on small made-up networks: never early, never lost, never backwards, and equal to the slowest windows."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.sync.inbox import Inbox
from actors.sync.window import NEVER, Clock, Windows, own_horizon, summarise, widest
from actors.tamper import RandomCut
from kernbench.common.errors import CausalityError
from kernbench.common.messages.fabric import LinkCredit
from kernbench.sim_engine.engine import Engine


class Node:
    """A SIP of a made-up network: own events that send or only tick; each message is passed on after some service."""

    def __init__(self, sip, delays, events, service):
        self.sip, self.delays, self.service = sip, delays, service
        self.engine = Engine()
        self.inbox = Inbox(sip, self.engine, self.receive)
        self.log, self.outbox, self.numbers, self.sends = [], [], {}, []
        self.lookahead = min(delays.values())
        for time, hops in events:
            self.schedule(time, hops)

    def schedule(self, time, hops):
        if hops:
            self.sends.append(time)
        self.engine.call_at(time, self.act, hops)

    def act(self, hops):
        now = self.engine.now
        self.log.append((now, hops))
        if not hops:
            return
        self.sends.remove(now)
        destination = sorted(self.delays)[(hops + now) % len(self.delays)]
        number = self.numbers[destination] = self.numbers.get(destination, -1) + 1
        arrival = now + self.delays[destination] + (now * 7 + hops) % 3
        self.outbox.append(LinkCredit(arrival, self.sip, number, destination, 0, 0, hops))

    def receive(self, message):
        now = self.engine.now
        self.log.append((now, message.source, message.sequence, message.amount))
        self.schedule(now + (message.sequence + self.service) % 4, message.amount - 1)

    def clock(self):
        promise = min(self.sends) + self.lookahead if self.sends else NEVER
        first = self.engine.next_time
        return Clock(NEVER if first is None else first, self.inbox.earliest, promise, False, 0, self.engine.now)


def drive(nodes, lookaheads, cut=widest):
    """Run to the end; logs, messages received, and the granted times."""
    windows = Windows(lookaheads, cut)
    flight, bounds = [], [0]
    while True:
        sent = [(message.destination, message.arrival) for message in flight]
        decision = windows.decide([summarise(((node.sip, node.clock()) for node in nodes), sent, lookaheads)])
        if decision.end:
            return [node.log for node in nodes], [node.inbox.received for node in nodes], bounds
        for node in nodes:
            node.inbox.accept([message for message in flight if message.destination == node.sip], bounds[-1])
        bounds.append(decision.bound)
        flight = []
        for node in nodes:
            node.inbox.open(decision.bound)
            node.engine.advance(decision.bound)
            flight += node.outbox
            node.outbox = []


def one_instant(granted, _bound):
    return granted + 1


@st.composite
def networks(draw):
    count = draw(st.integers(2, 4))
    return [
        (
            sip,
            {peer: draw(st.integers(1, 12)) for peer in range(count) if peer != sip},
            draw(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4)), max_size=4)),
            draw(st.integers(0, 3)),
        )
        for sip in range(count)
    ]


def build(network):
    nodes = [Node(*spec) for spec in network]
    return nodes, [node.lookahead for node in nodes]


@given(networks())
@settings(max_examples=settings().max_examples * 3 // 5)
def test_widest_windows_give_what_windows_of_one_instant_give(network):
    assert drive(*build(network))[0] == drive(*build(network), one_instant)[0]


@given(networks(), st.integers(0, 999), st.integers(1, 5))
@settings(max_examples=settings().max_examples * 2 // 5)
def test_random_windows_give_what_widest_windows_give(network, seed, parts):
    assert drive(*build(network), RandomCut(seed, parts))[0] == drive(*build(network))[0]


@given(networks())
@settings(max_examples=settings().max_examples * 2 // 5)
def test_granted_time_only_grows_and_every_message_arrives(network):
    nodes, lookaheads = build(network)
    _, received, bounds = drive(nodes, lookaheads)
    sent = [
        {node.sip: node.numbers[target] + 1 for node in nodes if target in node.numbers} for target in range(len(nodes))
    ]
    assert (bounds, received) == (sorted(set(bounds)), sent)


@settings(max_examples=settings().max_examples * 3 // 5)
@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99), st.integers(0, 200)), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 99)), max_size=5),
    st.lists(st.integers(1, 30), min_size=5, max_size=5),
    st.integers(0, 5),
)
def test_the_split_minimum_is_the_formula(clocks, sent, lookaheads, split):
    states = [Clock(first, held, promise, True, 0, 0) for first, held, promise in clocks]
    sent = [(destination % len(states), arrival) for destination, arrival in sent]
    whole = min(
        [max(c.next + lookaheads[i], c.promise) for i, c in enumerate(states)]
        + [c.held + lookaheads[i] for i, c in enumerate(states)]
        + [arrival + lookaheads[destination] for destination, arrival in sent]
    )
    pairs = list(enumerate(states))
    parts = [summarise(pairs[:split], sent[:split], lookaheads), summarise(pairs[split:], sent[split:], lookaheads)]
    assert Windows(lookaheads).decide(parts).bound == whole


def test_an_idle_sip_has_no_own_horizon_whatever_it_promises():
    assert own_horizon(Clock(NEVER, 5, 0, True, 0, 0), 10) == NEVER


SMALL = list(product((1, 2, 3), (1, 2, 3), range(4), range(4), (0, 1), (1, 2, 3)))


def small(case):
    there, back, first, second, service, hops = case
    return [(0, {1: there}, [(first, hops)], service), (1, {0: back}, [(second, 1), (second + 5, 0)], service)]


def test_every_small_network_of_two_runs_as_in_windows_of_one_instant():
    different = [case for case in SMALL if drive(*build(small(case)))[0] != drive(*build(small(case)), one_instant)[0]]
    assert different == []


@pytest.mark.parametrize("sip", [0, 1])
def test_a_lookahead_one_tick_too_large_raises_or_changes_nothing_and_raises_somewhere(sip):
    caught, wrong = 0, []
    for case in SMALL:
        nodes, lookaheads = build(small(case))
        lookaheads[sip] += 1
        try:
            logs = drive(nodes, lookaheads)[0]
        except CausalityError:
            caught += 1
        else:
            if logs != drive(*build(small(case)), one_instant)[0]:
                wrong.append(case)
    assert (caught > 0, wrong) == (True, [])
