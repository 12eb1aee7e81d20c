"""The state that pictures are drawn from: what frames say of loads and phases."""

import msgspec
import pytest

from kernbench.telemetry.frame import Frame, PhaseMark
from kernbench.telemetry.layout import Layout, LinkPlace, UnitPlace
from kernbench.telemetry.phase_log import SHOWN, PhaseLog
from kernbench.telemetry.probe import Probe
from tui.mean import Mean, Some
from tui.plan import Plan
from tui.store import MOST_PHASES, Store
from tui.tape import MOST, Tape

LINK = LinkPlace("sip0.cube00.r00->sip0.cube00.r01", "noc", 0, "sip0.cube00.r00", "sip0.cube00.r01", 10**9)
LAYOUT = Layout("b", {}, 1, 1, 1, 1, (LINK,), (UnitPlace("sip0.cube00.pe0.gemm", "gemm", 0),), ((0,),))


def frame(number, **values):
    """Frame `number` of the only worker, at as many fs."""
    base = Frame(0, number, number / 10, number - 1, number, "running", 0, 0, 0, 0.0, 0.0, 0, 0, (), b"\x05", b"\x07")
    return msgspec.structs.replace(base, **values)


def test_a_phase_that_ended_under_a_better_name_lasts_no_more():
    store = Store(Plan(LAYOUT))
    store.apply([frame(1, phases=(PhaseMark(0, "row 0", 0, None),))])
    assert [mark.name for mark in store.open_phases()] == ["row 0"]
    store.apply([frame(2, phases=(PhaseMark(0, "row 0: 64KiB", 0, 2),))])
    assert (store.open_phases(), [mark.name for mark in store.phases_of(0)]) == ([], ["row 0: 64KiB"])


def test_of_many_phases_the_first_ones_are_forgotten_but_never_one_that_lasts():
    store = Store(Plan(LAYOUT))
    whole = PhaseMark(0, "whole", 0, None)
    for number in range(1, MOST_PHASES + 1):
        store.apply([frame(number, phases=(whole, PhaseMark(0, "part", number, number + 1)))])
    assert len(store.phases) == MOST_PHASES // 2
    assert [mark.start for mark in store.phases_of(0)] == [0, *range(MOST_PHASES // 2 + 2, MOST_PHASES + 1)]


def test_of_many_phases_those_that_last_are_told_and_those_that_ended_last():
    clock = iter(range(1000))
    log = PhaseLog(0, lambda: next(clock), Probe())
    log.begin("row")
    for number in range(2 * SHOWN):
        with log.phase(f"part {number}"):
            pass
    assert [mark.name for mark in log.marks] == ["row", *(f"part {n}" for n in range(SHOWN + 1, 2 * SHOWN))]
    log.end()
    assert log.marks[0] == PhaseMark(0, "row", 0, 1 + 4 * SHOWN)


@pytest.mark.parametrize(("places", "some", "mean"), [([], (), 0), ([2], (9, 9), 9), ([0, 2, 3], (4, 9, 5), 6)])
def test_some_places_of_a_row_and_their_mean_rounded_down(places, some, mean):
    values = bytes([4, 8, 9, 5])
    assert (Some(places).of(values), Mean(places).mean(values)) == (some, mean)


def test_the_hottest_links_are_in_the_order_of_the_last_frames_once_no_more_come():
    other = msgspec.structs.replace(LINK, name="sip0.cube00.r01->sip0.cube00.r00")
    store = Store(Plan(msgspec.structs.replace(LAYOUT, links=(LINK, other))))
    store.apply([frame(1, links=b"\x05\x01")])
    assert store.hottest(2) == [0, 1]
    store.apply([frame(2, links=b"\x00\xc8")])
    assert store.hottest(2) == [0, 1]  # while frames come rows do not jump about
    store.apply([])
    assert store.hottest(2) == [1, 0]


def test_of_many_frames_every_second_one_of_each_worker_stays():
    tape = Tape(2)
    both = [frame(number, worker=worker) for number in range(MOST // 2 + 1) for worker in range(2)]
    tape.extend(both[:-2])
    tape.seek(MOST // 4)
    seen = tape.frames[tape.position - 1]
    tape.extend(both[-2:])
    assert [sum(each.worker == worker for each in tape.frames) for worker in range(2)] == [MOST * 3 // 8 + 1] * 2
    assert abs(tape.frames[tape.position - 1].now - seen.now) <= 1
