"""Collectives against their closed form, which knows the topology and the algorithm and no result."""

import pytest

from actors.simulation import Simulation
from kernbench.runtime_api.collectives import ALGORITHMS

SIZES = (8, 512, 4096, 32768, 262144, 1 << 20, 1 << 24)
FULL = ("fabric.kind=full",)


def measured(algo, size, *, sips=4, overrides=FULL, **options):
    simulation = Simulation(sips=sips, overrides=overrides, values=False, **options)
    (row,) = simulation.run("allreduce", sizes=str(size), algo=algo).rows
    return row


def off(row):
    """How far the time is from the closed form, as a share of it."""
    return row.time / row.columns["closed_form_fs"] - 1


@pytest.mark.parametrize("algo", [each for each in ALGORITHMS if each != "hierarchical"])
def test_the_latency_of_an_algorithm_is_within_two_percent_of_its_closed_form(algo):
    assert abs(off(measured(algo, 8))) < 0.02


@pytest.mark.parametrize("algo", ["ring", "halving_doubling", "tree"])
def test_a_message_of_several_slices_is_within_three_percent_of_the_closed_form(algo):
    assert abs(off(measured(algo, 1 << 16))) < 0.03


def test_messages_that_share_links_are_in_the_closed_form():
    """On a ring of 4 the partner of the first step is two links away, and four messages cross each link."""
    assert abs(off(measured("halving_doubling", 4096, overrides=()))) < 0.03


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("algo", ["ring", "halving_doubling"])
def test_a_long_message_on_an_uncontended_fabric_is_within_three_percent(algo):
    """Bus bandwidth is bytes by time, so it is as near."""
    assert abs(off(measured(algo, 1 << 24))) < 0.03


def chosen(torch, *, sizes: str = ""):
    """What `auto` takes for each size, and the closed form of every algorithm."""
    from kernbench.runtime_api.collectives.choice import candidates, choose, estimate

    torch.distributed.init_process_group(algo="auto")
    group = torch.distributed.world
    if group.rank:
        return None
    return [
        torch.Row(
            {
                "size": size,
                "best": choose(group, "all_reduce", size // 4, 4),
                "forms": {
                    algo: estimate(group, algo, "all_reduce", size // 4, 4) for algo in candidates(group, "all_reduce")
                },
            },
            0,
            0,
        )
        for size in map(int, sizes.split())
    ]


def choices(fabric, sips, sizes):
    result = Simulation(sips=sips, overrides=(f"fabric.kind={fabric}",), values=False).run(
        chosen, sizes=" ".join(map(str, sizes))
    )
    return {row["size"]: row for row in result.reports[0].rows}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("fabric", ["ring", "full", "switch", "mesh2d"])
def test_auto_takes_the_fastest_algorithm_or_one_within_three_percent(fabric):
    """Every algorithm is run; at 16 MiB those whose closed form is within a fifth of the best, for time's sake."""
    overrides = (f"fabric.kind={fabric}",)
    late = {}
    for size, columns in choices(fabric, 4, SIZES).items():
        forms, best = columns["forms"], columns["best"]
        tried = [algo for algo in forms if size < 1 << 24 or forms[algo] <= 1.2 * forms[best]]
        times = {algo: measured(algo, size, overrides=overrides).time for algo in tried}
        late[size] = times[best] / min(times.values()) - 1
    assert {size: share for size, share in late.items() if share > 0.03} == {}


def test_auto_takes_another_algorithm_for_long_messages_and_prints_where(capsys):
    """Few steps win for short messages on a ring, few bytes on each link for long ones."""
    overrides = ("sip.cube_mesh=1x1",)
    rows = Simulation(sips=4, overrides=overrides).run("allreduce", sizes="256KiB", algo="auto").rows
    printed = capsys.readouterr().out.splitlines()
    assert (printed[0], printed[-1].split()[1], rows[0].columns["algo"], rows[0].wrong) == (
        "all_reduce: recursive_doubling from 4B", "bidir_ring", "bidir_ring", 0,
    )  # fmt: skip


def test_slots_that_do_not_cover_the_round_trip_of_a_credit_are_named(capsys):
    run = Simulation(sips=2, overrides=("sip.cube_mesh=1x1", "sip.cube.pe.ipcq.slots=2")).run
    run("allreduce", sizes="4KiB")
    text = capsys.readouterr().err
    words = (
        "ring all_reduce: 2 slots of 16KiB from sip0.cube00.pe0.dma to sip1.cube00.pe0.dma",
        "50 GB/s",
        "ipcq.slots",
    )
    assert [word in text for word in words] == [True] * 3


def test_a_ring_of_more_members_than_slices_are_followed_has_its_form():
    run = Simulation(sips=33, overrides=("sip.cube_mesh=1x1", "sip.cube.pes=1"), values=False).run
    (row,) = run("allreduce", sizes="1KiB").rows
    assert abs(row.columns["closed_form_fs"] / row.time - 1) < 0.01


def test_the_usual_slots_cover_the_round_trip(capsys):
    Simulation(sips=2, overrides=("sip.cube_mesh=1x1",)).run("allreduce", sizes="4KiB")
    assert capsys.readouterr().err == ""
