"""The digest notices: one byte, one grant, one femtosecond on a used link; and a lost or late message stops the run."""

import pytest

from kernbench.common.errors import KernbenchError
from kernbench.common.messages.island import Tamper
from kernbench.sim_engine.link import Link

SMALL = ("sip.cube_mesh=1x1",)


def bench(torch, *, flip: int = -1, count: int = 3000, channels: int = 4):
    dist = torch.distributed
    dist.init_process_group(channels=channels)
    x = torch.full((count,), 1.0).numpy()
    if flip >= 0 and dist.get_rank() == 0:
        x[flip] = 2
    tensor = torch.from_numpy(x)
    return dist.row(dist.all_reduce(tensor), tensor, "sum")


def slower(monkeypatch, name):
    """Make the head of every packet take 1 fs longer over one link."""
    make = Link.__init__

    def init(self, engine, link_name, rank, bw, wire, overhead, credit_delay):
        make(self, engine, link_name, rank, bw, wire + (link_name == name), overhead, credit_delay)

    monkeypatch.setattr(Link, "__init__", init)


def test_one_element_of_one_rank_changes_the_values_and_not_the_time(sim):
    made = sim(sips=2, overrides=SMALL)
    plain, flipped = made.run(bench), made.run(bench, flip=1234)
    changed = (flipped.digest != plain.digest, flipped.digest_values != plain.digest_values)
    assert (changed, flipped.digest_time) == ((True, True), plain.digest_time)


def test_one_femtosecond_on_a_used_link_changes_the_digest(sim, monkeypatch):
    made = sim(sips=2, overrides=SMALL)
    plain = made.run(bench)
    used = [link.name for link in plain.links]
    digests = set()
    for name in used[:: max(1, len(used) // 6)]:
        with monkeypatch.context() as patch:
            slower(patch, name)
            digests.add((name, made.run(bench).digest_time == plain.digest_time))
    assert ({same for _, same in digests}, len(digests) > 5) == ({False}, True)


def test_one_femtosecond_on_an_unused_link_changes_nothing(sim, monkeypatch):
    made = sim(sips=2, overrides=("sip.cube_mesh=2x1",))
    plain = made.run(bench, count=500)
    used = {link.name for link in plain.links}
    unused = [f"sip0.{link.name}" for link in made.topology.links(0) if f"sip0.{link.name}" not in used]
    slower(monkeypatch, unused[len(unused) // 2])
    assert made.run(bench, count=500).digest == plain.digest


def test_one_swapped_grant_changes_the_digest(sim, monkeypatch):
    made = sim(sips=2, overrides=SMALL)
    plain = made.run(bench)
    arbitrate, swapped = Link.arbitrate, []

    def swap_first(self):
        if not swapped and self.busy_until <= self.engine.now:
            for channel in self.requested:
                if len(channel.waiting) > 1:
                    last = channel.last_input
                    winner = min(channel.waiting, key=lambda each: (each.order <= last, each.order))
                    channel.last_input = winner.order
                    swapped.append(self.name)
                    break
        arbitrate(self)

    monkeypatch.setattr(Link, "arbitrate", swap_first)
    other = made.run(bench)
    assert (len(swapped), other.digest_time != plain.digest_time, other.digest_values) == (1, True, plain.digest_values)


@pytest.mark.parametrize("how", ["drop", "swap"])
def test_a_message_between_sips_that_is_lost_or_late_stops_the_run(sim, how):
    """Every message of a small run in turn: whichever it is, the run does not pass."""
    options = {"count": 700, "channels": 1}
    plain = sim(sips=2, overrides=SMALL).run(bench, **options)
    passed = []
    last = plain.stats.messages // 2 - 1
    for sequence in range(last if how == "swap" else last + 1):
        made = sim(sips=2, overrides=SMALL, tamper=Tamper(**{how: (0, 1, sequence)}))
        try:
            made.run(bench, **options)
        except KernbenchError:
            continue
        passed.append(sequence)
    assert (passed, last > 10) == ([], True)


def test_a_lost_message_between_processes_stops_the_run(sim):
    made = sim(sips=2, workers=2, overrides=SMALL, tamper=Tamper(drop=(1, 0, 5)))
    with pytest.raises(KernbenchError, match=r"sip1"):
        made.run(bench)
