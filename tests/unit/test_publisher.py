"""Who publishes a frame and when: the model's thread as it comes by, within its share of CPU; else the publisher's."""

from types import SimpleNamespace

import pytest

from actors.publisher import IDLE, Publisher
from kernbench.common.messages.recording import Recording
from kernbench.di.sip_observer import Look
from kernbench.telemetry.frame import SipState
from kernbench.telemetry.reader import FeedReader, feed_path

ISLAND = SimpleNamespace(waiting=False, windows=0, waited_s=0.0, lookahead=0)


class Clock:
    """Time that passes when the test says so."""

    def __init__(self):
        self.wall = self.cpu = self.thread = 0.0

    def monotonic(self):
        return self.wall

    def process_time(self):
        return self.cpu

    def thread_time(self):
        return self.thread


class Still:
    """An observer of a SIP that does nothing; a look costs `cost_s` of CPU."""

    sip, links, units, messages = 0, 1, 1, 0
    phases = SimpleNamespace(marks=[])

    def __init__(self, clock, cost_s=0.0):
        self.clock, self.cost_s, self.looks, self.tick = clock, cost_s, 0, None

    def call_at_ticks(self, call):
        self.tick = call

    def look(self):
        self.looks += 1
        self.clock.thread += self.cost_s
        self.clock.cpu += self.cost_s
        return Look(b"\0", b"\0", b"\0", SipState(0, self.looks, 0, 0))

    def hurry(self):
        pass

    def close(self):
        pass


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("actors.publisher.time", clock)
    return clock


def publish(tmp_path, observer, period_s=0.1):
    """A publisher whose thread does not run."""
    return Publisher(ISLAND, None, [observer], Recording(str(tmp_path), period_s=period_s), 0)


@pytest.mark.parametrize(
    ("cost_s", "share"), [(0.0001, 1.0), (0.001, 1.0), (0.001, 0.25)], ids=["cheap", "dear", "crowded"]
)
def test_frames_come_at_their_period_or_as_seldom_as_their_cpu_asks(tmp_path, clock, cost_s, share):
    """`share` of the real time is what a crowded machine gives the process."""
    observer = Still(clock, cost_s)
    publish(tmp_path, observer)
    while clock.wall < 10:
        clock.wall += 0.005
        clock.cpu += 0.005 * share
        observer.tick()
    most = min(10 / 0.1, 10 * share / (IDLE * cost_s) + 1)
    assert most * 0.85 <= observer.looks <= most


def test_a_run_that_is_held_back_is_published_though_it_uses_no_cpu(tmp_path, clock):
    observer = Still(clock, 0.0001)
    publisher = publish(tmp_path, observer)
    for _ in range(20):
        clock.wall += 0.1
        publisher.idle()
    assert observer.looks == 20


def test_the_cpu_of_a_frame_is_that_of_the_run_not_of_the_process_before_it(tmp_path, clock):
    clock.cpu = 7.0  # imports and the topology
    publisher = publish(tmp_path, Still(clock))
    clock.wall, clock.cpu = 2.0, 8.5
    publisher.publish("running")
    frame = FeedReader(feed_path(tmp_path, 0)).read()
    assert frame is not None
    assert (frame.wall_s, frame.cpu_s) == (2.0, 1.5)


@pytest.mark.parametrize(
    ("error", "told"),
    [(OSError(28, "No space left"), "[Errno 28] No space left"), (TypeError("odd"), "TypeError: odd")],
)
def test_who_cannot_write_warns_once_and_the_run_goes_on(tmp_path, clock, capsys, monkeypatch, error, told):
    observer = Still(clock)
    publisher = publish(tmp_path, observer)

    def full(frame):
        raise error

    monkeypatch.setattr(publisher._record, "write", full)
    for _ in range(50):
        clock.wall += 1
        clock.cpu += 1
        observer.tick()
    said = capsys.readouterr().err
    assert (observer.looks, said.count(f"worker 0 publishes no more: {told}")) == (1, 1)


def test_the_thread_publishes_where_the_model_does_not_come_by(tmp_path):
    """A kernel that does not end shows what it did before; 30 s is a limit for a broken one."""
    observer = Still(Clock())
    publisher = publish(tmp_path, observer, period_s=0.002)
    publisher.start()
    frame, feed = None, FeedReader(feed_path(tmp_path, 0))
    for _ in range(3000):
        publisher.join(0.01)
        frame = feed.read()
        if frame is not None and frame.sequence >= 3:
            break
    publisher.close()
    assert (frame.sequence >= 3, frame.state, feed.read().state) == (True, "running", "ended")
