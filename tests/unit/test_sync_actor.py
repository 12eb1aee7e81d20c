"""The actor of a SIP: a mailbox that is pumped, one owner of the engine, errors that name the SIP."""

from pathlib import Path

import pykka
import pytest

from actors.sip import Advance, Finish, Inspect, PumpedActor, SipActor
from actors.sync.window import NEVER, Clock
from kernbench.common.errors import CausalityError, SimulationError, WorkerError
from kernbench.common.messages.fabric import LinkCredit
from kernbench.sim_engine.engine import Engine

ROOT = Path(__file__).parents[2]


class Machine:
    """A device that does what the test scheduled."""

    def __init__(self, sip=2, lookahead=10):
        self.sip, self.lookahead, self.engine = sip, lookahead, Engine()
        self.outbox, self.seen, self.live, self.started = [], [], True, []

    def start(self):
        self.started.append(self.engine.now)

    def send(self, fields):
        delay, sequence = fields
        self.outbox.append(LinkCredit(self.engine.now + delay, self.sip, sequence, 0, 0, 0, 1))

    def receive(self, message):
        self.seen.append((self.engine.now, message.source))

    def waiters(self):
        return ["sip2.cube00.pe0 waits"]

    def promise(self):
        return 77

    def status(self):
        return len(self.seen)

    def finish(self):
        return b"audited"

    def partial(self):
        return b"cut short"

    def close(self):
        pass


@pytest.fixture
def machine():
    return Machine()


@pytest.fixture
def ask(machine):
    reference = SipActor.start(machine)

    def ask(message):
        future = reference.ask(message, block=False)
        reference.actor_inbox.pump()
        return future.get()

    yield ask
    reference.stop(block=False)
    reference.actor_inbox.pump()


def test_the_first_advance_starts_the_device_once_at_time_0(ask, machine):
    ask(Advance(0, 0))
    ask(Advance(5, 0))
    assert machine.started == [0]


def test_an_advance_hands_messages_over_and_replies_with_outbox_and_clock(ask, machine):
    machine.engine.call_at(20, machine.send, (12, 0))
    machine.engine.call_at(90, machine.send, (12, 1))
    messages = [LinkCredit(15, 0, 0, 2, 0, 0, 1), LinkCredit(60, 1, 0, 2, 0, 0, 1)]
    reply = ask(Advance(50, 0, messages))
    assert (machine.seen, [message.arrival for message in reply.outbox], reply.clock) == (
        [(15, 0)],
        [32],
        Clock(next=90, held=60, promise=77, live=True, events=2, now=20),
    )


def test_an_idle_device_has_no_next_event(ask):
    assert ask(Advance(5, 0)).clock.next == NEVER


def test_inspect_runs_nothing(ask, machine):
    machine.engine.call_at(0, machine.send, (12, 0))
    reply = ask(Inspect())
    assert (reply.waiters, reply.status, reply.clock.events) == (["sip2.cube00.pe0 waits"], 0, 0)


@pytest.mark.parametrize(
    ("end", "report"), [("finished", b"audited"), ("stopped", b"cut short"), ("deadlock", b"cut short")]
)
def test_finish_audits_only_a_run_that_came_to_its_end(ask, end, report):
    assert ask(Finish(end)).report == report


def test_a_send_before_the_lookahead_names_both_times(ask, machine):
    machine.engine.call_at(20, machine.send, (96, 0))
    machine.engine.call_at(200, machine.send, (9, 1))
    ask(Advance(30, 0))
    with pytest.raises(CausalityError, match="arrives at 209 fs, before 210 fs that sip2 promised"):
        ask(Advance(300, 30))


def test_a_send_before_the_promise_names_both_times(ask, machine):
    machine.engine.call_at(20, machine.send, (50, 0))
    ask(Advance(0, 0))
    with pytest.raises(CausalityError, match="arrives at 70 fs, before 77 fs that sip2 promised"):
        ask(Advance(30, 0))


def test_a_device_that_numbers_its_messages_wrongly_is_named(ask, machine):
    machine.engine.call_at(20, machine.send, (90, 1))
    with pytest.raises(WorkerError, match="sip2: it sends message 1 of sip2 to sip0, where message 0"):
        ask(Advance(30, 0))


@pytest.mark.parametrize("error", [ValueError("odd"), SystemExit("odd")])
def test_whatever_a_device_raises_names_sip_line_and_time(ask, machine, error):
    def fail(_):
        raise error

    machine.engine.call_at(20, fail)
    with pytest.raises(SimulationError, match=f"sip2: {type(error).__name__}: odd") as caught:
        ask(Advance(30, 0))
    where, line = caught.value.where, fail.__code__.co_firstlineno + 1
    assert (where, caught.value.sim_time_fs) == (f"{__file__}:{line}", 20)


def test_ctrl_c_leaves_through_whoever_pumps(ask, machine):
    def fail(_):
        raise KeyboardInterrupt

    machine.engine.call_at(20, fail)
    with pytest.raises(KeyboardInterrupt):
        ask(Advance(30, 0))


def test_a_reply_that_was_not_pumped_cannot_be_waited_for():
    reference = SipActor.start(Machine())
    with pytest.raises(RuntimeError, match="pump the actor's mailbox"):
        reference.ask(Inspect(), block=True)
    reference.stop(block=False)
    reference.actor_inbox.pump()


def test_a_stopped_actor_leaves_the_registry_and_answers_no_more():
    reference = SipActor.start(Machine())
    stopped = reference.stop(block=False)
    late = reference.ask(Inspect(), block=False)
    reference.actor_inbox.pump()
    with pytest.raises(pykka.ActorDeadError):
        late.get()
    assert (stopped.get(), reference in pykka.ActorRegistry.get_all()) == (True, False)


def test_a_pumped_actor_has_no_thread():
    assert "_start_actor_loop" in PumpedActor.__dict__
    assert not issubclass(SipActor, pykka.ThreadingActor)
