"""One digest for any number of workers, any windows and any fabric."""

import pytest

from actors.control import Hooks
from kernbench.common.messages.island import Tamper

SMALL = ("sip.cube_mesh=1x1",)
FABRICS = ("ring", "full", "switch", "mesh2d")


def look(result):
    """What has to be equal, and that the values are right."""
    return result.digest, result.digest_time, result.sim_time, result.stats.windows, result.stats.messages, result.wrong


def reduced(make, kind="ring", size="16KiB", **options):
    made = make(overrides=(*SMALL, f"fabric.kind={kind}"), **options)
    return made.run("allreduce", sizes=size, channels=2)


class Watcher(Hooks):
    """Somebody who looks on."""

    def __init__(self):
        self.seen = 0

    def progress(self, progress):
        self.seen += 1


@pytest.mark.parametrize(("kind", "sips"), [("ring", 3), ("full", 4), ("switch", 3), ("mesh2d", 4)])
def test_two_processes_give_the_digest_of_one(sim, kind, sips):
    assert look(reduced(sim, kind, sips=sips, workers=2)) == look(reduced(sim, kind, sips=sips))


@pytest.mark.parametrize("kind", FABRICS)
def test_windows_cut_at_random_leave_no_trace(sim, kind):
    whole = reduced(sim, kind, sips=3)
    cut = [reduced(sim, kind, sips=3, tamper=Tamper(windows=(seed, 4))) for seed in (1, 2)]
    same = {(each.digest, each.sim_time, each.wrong) for each in (whole, *cut)}
    assert (len(same), all(each.stats.windows > whole.stats.windows for each in cut)) == (1, True)


@pytest.mark.parametrize("kind", FABRICS)
def test_windows_that_end_after_a_few_events_leave_no_trace(sim, kind, monkeypatch):
    whole = reduced(sim, kind, sips=3)
    monkeypatch.setattr("actors.sip.MOST_EVENTS", 20)
    cut = reduced(sim, kind, sips=3)
    assert (cut.digest, cut.sim_time, cut.wrong) == (whole.digest, whole.sim_time, 0)
    assert cut.stats.windows > whole.stats.windows


def test_four_processes_with_windows_cut_at_random_give_the_digest_of_one(sim):
    whole, cut = reduced(sim, sips=4), reduced(sim, sips=4, workers=4, tamper=Tamper(windows=(7, 3)))
    assert (cut.digest, cut.sim_time, len(cut.stats.workers)) == (whole.digest, whole.sim_time, 4)


def test_an_observer_leaves_no_trace(sim):
    watcher = Watcher()
    made = sim(sips=2, overrides=SMALL)
    watched = made.run("allreduce", hooks=watcher, sizes="16KiB")
    assert (watched.digest, watcher.seen > 0) == (made.run("allreduce", sizes="16KiB").digest, True)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", FABRICS)
@pytest.mark.parametrize("sips", [3, 4, 8])
def test_every_number_of_workers_twice_gives_one_digest(sim, kind, sips):
    runs = [reduced(sim, kind, "64KiB", sips=sips, workers=workers) for workers in (1, 2, 4) for _ in range(2)]
    runs += [reduced(sim, kind, "64KiB", sips=sips, workers=w, tamper=Tamper(windows=(w, 5))) for w in (1, 2)]
    assert len({(each.digest, each.digest_time, each.sim_time, each.wrong) for each in runs}) == 1
