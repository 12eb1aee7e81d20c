"""A packet that is started at once is one that arbitration would have started: nothing else may come of it."""

import pytest

from kernbench.di.network import SipNetwork
from kernbench.sim_engine.link import Channel

START = Channel.start_at_once
"""Under its own name while a test has another in its place."""


@pytest.mark.parametrize("bench", ["allreduce", "all_to_all"])
@pytest.mark.parametrize("fabric", ["ring", "full", "switch", "mesh2d"])
def test_packets_that_all_ask_give_the_digest_of_those_that_start_at_once(sim, monkeypatch, fabric, bench):
    made = sim(sips=4, overrides=("sip.cube_mesh=2x1", f"fabric.kind={fabric}"))
    started = []
    monkeypatch.setattr(Channel, "start_at_once", lambda *words: started.append(START(*words)) or started[-1])
    at_once = made.run(bench, sizes="16KiB")
    monkeypatch.setattr(Channel, "start_at_once", lambda *_: 0)
    asking = made.run(bench, sizes="16KiB")
    assert sum(map(bool, started)) > 1000
    assert asking.digest == at_once.digest
    assert asking.rows == at_once.rows


def test_a_channel_is_not_started_at_once_while_the_instant_has_more_events(monkeypatch, sim):
    seen = set()

    def look(channel, packet, order, now):
        engine = channel.link.engine
        more = bool(engine._dirty) or (bool(engine._calls) and engine._calls[0][0] == now)
        free_at = START(channel, packet, order, now)
        seen.add((more, free_at > 0))
        return free_at

    monkeypatch.setattr(Channel, "start_at_once", look)
    sim(sips=2, overrides=("sip.cube_mesh=2x1",)).run("allreduce", sizes="64KiB")
    assert {(True, False), (False, True)} <= seen
    assert (True, True) not in seen


def test_messages_of_other_sips_all_ask_since_one_event_may_hand_over_several(monkeypatch, sim):
    receive, inside, received = SipNetwork.receive, [], []

    def handed_over(network, message):
        inside.append(message)
        receive(network, message)
        received.append(inside.pop())

    def start(*words):
        assert not inside
        return START(*words)

    monkeypatch.setattr(SipNetwork, "receive", handed_over)
    monkeypatch.setattr(Channel, "start_at_once", start)
    sim(sips=2, overrides=("sip.cube_mesh=2x1",)).run("allreduce", sizes="16KiB")
    assert received
