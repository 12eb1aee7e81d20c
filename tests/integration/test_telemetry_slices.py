"""Slices of memory as an observer sees them: shares that add up to what each served, and no look at those that rest."""

from threading import Lock

import pytest

from actors.simulation import Simulation
from kernbench.common.messages.recording import Recording
from kernbench.common.units import ns
from kernbench.components.hbm_ctrl import HbmCtrl
from kernbench.di.sip_observer import SipObserver
from kernbench.telemetry.frame import FULL
from kernbench.telemetry.layout import SLICE
from kernbench.telemetry.reader import RunReader

STEP, STEPS, SLOW = ns(1000), 200, "sip.cube.xbar_to_hbm_bw_gbs=4"
"""Looks at simulated times, the last ones long after the run: memories so slow that they serve on after the last packet."""


def run(mode, telemetry=None):
    overrides = ("sip.cube_mesh=2x1", "sip.cube.pes=2", SLOW, f"sip.cube.hbm_ctrl.mode={mode}")
    return Simulation(sips=2, overrides=overrides, telemetry=telemetry).run("allreduce", sizes="16KiB", channels=2)


@pytest.fixture(params=["simple", "banked"])
def watched(request, tmp_path, monkeypatch):
    """A run in this process whose observers look each microsecond: what they saw, by observer, and the result."""
    seen, lock = {}, Lock()
    made, look, worked = SipObserver.__init__, SipObserver.look, HbmCtrl.worked
    asked = []

    def watch(self, device, engine, *rest):
        made(self, device, engine, *rest)
        seen[self] = device, []
        for step in range(1, STEPS + 1):
            engine.call_at(step * STEP, lambda _: self.look())

    def noted(self):
        with lock:  # the publisher looks too, at the beginning and at the end
            found = look(self)
            looks = seen[self][1]
            if found.state.now > (looks[-1][0] if looks else 0):
                looks.append((found.state.now, found.units, [*asked]))
            asked.clear()
        return found

    def told(self, now):
        asked.append(self.name)
        return worked(self, now)

    monkeypatch.setattr(SipObserver, "__init__", watch)
    monkeypatch.setattr(SipObserver, "look", noted)
    monkeypatch.setattr(HbmCtrl, "worked", told)
    result = run(request.param, Recording(str(tmp_path), period_s=3600.0))
    monkeypatch.undo()
    return seen.values(), RunReader(tmp_path).layout, result, request.param


def test_the_shares_of_a_slice_add_up_to_the_time_that_it_served(watched):
    observers, layout, _, _ = watched
    for device, looks in observers:
        own = [unit for unit in layout.units if unit.sip == device.sip]
        for memory in device.controllers:
            for number, busy in enumerate(memory.worked(device.engine.now)):
                name = f"{memory.name}.slice{number}"
                place = next(place for place, unit in enumerate(own) if (unit.name, unit.kind) == (name, SLICE))
                before = shown = 0
                for now, units, _ in looks:
                    shown += units[place] * (now - before)
                    before = now
                # Each share is rounded down.
                assert busy * FULL - before < shown <= busy * FULL
                assert (busy > 0) is (memory is device.controllers[0])


def test_a_memory_that_rests_is_not_asked_and_one_that_gets_nothing_never(watched):
    observers, _, _, _ = watched
    for device, looks in observers:
        busy, idle = device.controllers
        assert (busy.received > 0, idle.received, looks[-1][0]) == (True, 0, STEP * STEPS)
        assert [asked for _, _, asked in looks[-3:]] == [[], [], []]
        assert {name for _, _, asked in looks for name in asked} == {busy.name}


def test_looking_changes_neither_digest_nor_rows(watched):
    _, _, result, mode = watched
    alone = run(mode)
    assert (result.digest, result.rows) == (alone.digest, alone.rows)
