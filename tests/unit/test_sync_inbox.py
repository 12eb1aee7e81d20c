"""The inbox of a SIP: order, instants, gaps and the past."""

import pytest

from actors.sync.inbox import Inbox
from actors.sync.window import NEVER
from kernbench.common.errors import CausalityError, WorkerError
from kernbench.common.messages.fabric import LinkCredit
from kernbench.sim_engine.engine import Engine


def message(arrival, source, sequence):
    return LinkCredit(arrival, source, sequence, 0, 0, 0, 1)


@pytest.fixture
def seen():
    return []


@pytest.fixture
def inbox(seen):
    engine = Engine()
    engine.call_at(50, lambda _: seen.append("own event at 50"))
    box = Inbox(0, engine, lambda m: seen.append((engine.now, m.source, m.sequence)))
    box.engine = engine
    return box


def test_messages_of_one_instant_come_by_source_and_sequence_before_own_events(inbox, seen):
    inbox.accept([message(50, 2, 0), message(50, 2, 1)], 0)
    inbox.accept([message(50, 1, 0), message(40, 3, 0)], 0)
    inbox.open(51)
    inbox.engine.advance(51)
    assert seen == [(40, 3, 0), (50, 1, 0), (50, 2, 0), (50, 2, 1), "own event at 50"]


def test_each_distinct_time_has_one_delivery_event(inbox):
    inbox.accept([message(50, 1, 0), message(50, 1, 1), message(60, 1, 2)], 0)
    inbox.open(100)
    inbox.engine.advance(100)
    assert inbox.engine.events == 3


def test_a_message_at_or_after_the_bound_stays(inbox):
    inbox.accept([message(30, 1, 0), message(31, 1, 1)], 0)
    inbox.open(31)
    assert inbox.earliest == 31


def test_an_empty_inbox_has_no_earliest(inbox):
    assert inbox.earliest == NEVER


def test_a_message_in_the_past_names_both_times(inbox):
    with pytest.raises(CausalityError, match=r"arrives at 99 fs, but sip0 has already run to 100 fs \(1 fs too late\)"):
        inbox.accept([message(99, 1, 0)], 100)


def test_a_lost_message_is_seen_at_the_next_one(inbox):
    with pytest.raises(WorkerError, match=r"message 1 of sip4, .* came when 0 was due: .*lost"):
        inbox.accept([message(10, 4, 1)], 0)


def test_a_repeated_message_is_refused(inbox):
    with pytest.raises(WorkerError, match=r"message 0 of sip4, .* came when 1 was due: .*repeated"):
        inbox.accept([message(10, 4, 0), message(10, 4, 0)], 0)


def test_each_source_counts_for_itself(inbox):
    inbox.accept([message(10, 4, 0), message(10, 5, 0), message(12, 4, 1)], 0)
    assert inbox.received == {4: 2, 5: 1}
