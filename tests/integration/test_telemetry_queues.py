"""Operations that wait for an engine as an observer sees them: between what rows say at least and at most."""

import pytest

from actors.simulation import Simulation
from kernbench.common.messages.recording import Recording
from kernbench.common.units import ns
from kernbench.di.layout import KIND_OF_UNIT
from kernbench.di.sip_observer import SipObserver
from kernbench.telemetry.reader import RunReader

STEP, STEPS = ns(50), 400


@pytest.fixture
def watched(tmp_path, monkeypatch):
    """A run whose observer looks every 50 ns: when it looked and what waited then, and what was recorded."""
    looks = []
    made, look = SipObserver.__init__, SipObserver.look

    def watch(self, device, engine, *rest):
        made(self, device, engine, *rest)
        for step in range(1, STEPS + 1):
            engine.call_at(step * STEP, lambda _: looks.append((engine.now, look(self).queues)))

    monkeypatch.setattr(SipObserver, "__init__", watch)
    recording = Recording(str(tmp_path), period_s=3600.0)
    Simulation(sips=1, overrides=("sip.cube_mesh=1x1", "sip.cube.pes=2"), telemetry=recording).run("flash_attention")
    return looks, RunReader(tmp_path)


def test_what_waits_for_an_engine_was_issued_and_has_not_started(watched):
    looks, reader = watched
    kinds = {name: kind for kind, name in KIND_OF_UNIT.items()}
    places = [(".".join(unit.name.split(".")[:3]), kinds.get(unit.kind, unit.kind)) for unit in reader.layout.units]
    rows, most = {}, 0
    for row in reader.operations():
        rows.setdefault((row.pe, row.kind), []).append((row.issued, row.start))
    for now, queues in looks:
        for place, waiting in zip(places, queues, strict=True):
            own = rows.get(place, ())
            # An operation is in its queue from its issue on at the latest; what starts at this instant may have or not.
            assert sum(issued < now < start for issued, start in own) <= waiting
            assert waiting <= sum(now <= start for _, start in own)
            most = max(most, waiting)
    assert most >= 2


def test_the_frames_of_a_run_tell_it_for_every_engine_and_slice(watched):
    _, reader = watched
    assert {len(frame.queues) for frame in reader.frames()} == {len(reader.layout.units)}
    assert [*reader.frames()][-1].queues == bytes(len(reader.layout.units))
